//! The index in memory: buckets by name, and who holds them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bucket::Bucket;
use super::limits::Limits;
use super::object::Object;
use super::spool::Spool;
use crate::error::Result;
use crate::gateway::failure::Failure;

/// The buckets and objects that a gateway serves. Its index is in memory: some hundred bytes an object.
pub struct Store {
    pub(super) buckets: Mutex<BTreeMap<String, Bucket>>,
    /// Where the bodies of this many bytes and more go.
    pub(super) spool: Option<(Arc<Spool>, u64)>,
    pub(super) writable: bool,
    pub(super) limits: Mutex<Limits>,
}

impl Store {
    /// An empty one, all in memory.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { buckets: Mutex::default(), spool: None, writable: true, limits: Mutex::default() }
    }

    /// An empty one that keeps bodies of `from_bytes` and more in an unnamed temporary file in a directory, such as
    /// 4 KiB and more: two gateways and 60 MiB of data in each then take some 30 MiB of memory.
    pub fn spooling(directory: &Path, from_bytes: u64) -> Result<Self> {
        let spool = (Arc::new(Spool::create(directory)?), from_bytes);
        Ok(Self { spool: Some(spool), ..Self::in_memory() })
    }

    /// Why the disk below it has failed, if it has since this was asked.
    pub(crate) fn take_disk_failure(&self) -> Option<std::io::Error> {
        self.spool.as_ref().and_then(|(spool, _)| spool.take_failure())
    }

    /// Sets its limits, also while it is served.
    pub fn set_limits(&self, limits: Limits) {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner) = limits;
    }

    /// Its limits.
    pub(in crate::gateway) fn limits(&self) -> Limits {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it takes writes.
    pub(in crate::gateway) fn is_writable(&self) -> bool {
        self.writable
    }

    /// All buckets.
    pub(in crate::gateway) fn buckets(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        // A panic while it was held leaves at worst one object half-way: it is in or not.
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with a bucket, while nobody else does.
    pub(in crate::gateway) fn bucket<T>(
        &self,
        name: &str,
        work: impl FnOnce(&mut Bucket) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.buckets().get_mut(name).ok_or(Failure::NoSuchBucket).and_then(work)
    }

    /// An object.
    pub(in crate::gateway) fn object(&self, bucket: &str, key: &str) -> Result<Arc<Object>, Failure> {
        self.bucket(bucket, |bucket| bucket.objects.get(key).cloned().ok_or(Failure::NoSuchKey))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("writable", &self.writable).finish_non_exhaustive()
    }
}
