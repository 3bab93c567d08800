//! The index in memory: buckets by name, and who holds them.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bucket::{Bucket, Buckets};
use super::change::Change;
use super::failures::Failures;
use super::kept::{Journal, Kept};
use super::limits::Limits;
use super::object::Object;
use super::spool::Spool;
use crate::error::{Error, Result};
use crate::gateway::failure::Failure;

/// The buckets and objects that a gateway serves. Its index is in memory: some hundred bytes an object.
pub struct Store {
    /// The directory in which changes are kept. It is the first to be dropped: from then on no file of it is removed, however
    /// the index goes away.
    pub(super) kept: Option<Kept>,
    /// Held by the one that changes something, from its decision on; the journal of the directory, if there is one.
    pub(super) journal: Mutex<Option<Journal>>,
    pub(super) buckets: Mutex<Buckets>,
    /// Where the bodies of this many bytes and more go.
    pub(super) spool: Option<(Arc<Spool>, u64)>,
    pub(super) writable: bool,
    pub(super) limits: Mutex<Limits>,
    /// How many multipart uploads were begun.
    pub(super) uploads: AtomicU64,
    pub(super) failures: Arc<Failures>,
}

impl Store {
    /// An empty one, all in memory.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { writable: true, ..Self::of_buckets(Buckets::new(), Arc::default()) }
    }

    /// An empty one that keeps bodies of `from_bytes` and more in an unnamed temporary file in a directory, such as
    /// 4 KiB and more: two gateways and 60 MiB of data in each then take some 30 MiB of memory.
    pub fn spooling(directory: &Path, from_bytes: u64) -> Result<Self> {
        let spool = (Arc::new(Spool::create(directory)?), from_bytes);
        Ok(Self { spool: Some(spool), ..Self::in_memory() })
    }

    /// One of these buckets, which takes no writes.
    pub(super) fn of_buckets(buckets: Buckets, failures: Arc<Failures>) -> Self {
        Self {
            kept: None,
            journal: Mutex::default(),
            buckets: Mutex::new(buckets),
            spool: None,
            writable: false,
            limits: Mutex::default(),
            uploads: AtomicU64::new(0),
            failures,
        }
    }

    /// Why the disk below its spool has failed, if it has since this was asked.
    pub(crate) fn take_disk_failure(&self) -> Option<std::io::Error> {
        self.spool.as_ref().and_then(|(spool, _)| spool.take_failure())
    }

    /// The first failure of a file in a snapshot or in the directory of writes since this was asked.
    pub(crate) fn take_failure(&self) -> Option<Error> {
        self.failures.take()
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

    /// The id of a new multipart upload: no other one had it.
    pub(in crate::gateway) fn new_upload(&self) -> String {
        format!("2~{:031}", self.uploads.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// All buckets.
    pub(in crate::gateway) fn buckets(&self) -> MutexGuard<'_, Buckets> {
        // A panic while it was held leaves at worst one object half-way: it is in or not.
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with a bucket, while nobody else does.
    pub(in crate::gateway) fn bucket<T>(
        &self,
        name: &str,
        work: impl FnOnce(&Bucket) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.buckets().get(name).ok_or(Failure::NoSuchBucket).and_then(work)
    }

    /// An object.
    pub(in crate::gateway) fn object(&self, bucket: &str, key: &str) -> Result<Arc<Object>, Failure> {
        self.bucket(bucket, |bucket| bucket.objects.get(key).cloned().ok_or(Failure::NoSuchKey))
    }

    /// Changes what is stored: nothing else changes it between the decision and its end. When this returns, the changes are made,
    /// all or none, and last if the store is to keep them. The work goes on if its caller is dropped.
    pub(in crate::gateway) async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        decide: impl FnOnce(&Buckets) -> Result<(Vec<Change>, T), Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        if self.kept.is_none() {
            return self.change_now(decide);
        }
        let store = self.clone();
        let changing = tokio::task::spawn_blocking(move || store.change_now(decide));
        changing.await.map_err(|_| Failure::InternalError)?
    }

    fn change_now<T>(
        &self,
        decide: impl FnOnce(&Buckets) -> Result<(Vec<Change>, T), Failure>,
    ) -> Result<T, Failure> {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        let (changes, value) = decide(&self.buckets())?;
        if let Some(journal) = &mut *journal
            && !changes.is_empty()
        {
            journal.append(&changes).map_err(|error| {
                self.failures.remember(error);
                Failure::InternalError
            })?;
        }
        let mut buckets = self.buckets();
        for change in changes {
            change.apply(&mut buckets).ok_or(Failure::InternalError)?;
        }
        Ok(value)
    }

    /// The same for one bucket, which must be there.
    pub(in crate::gateway) async fn change_in<T: Send + 'static>(
        self: &Arc<Self>,
        bucket: &str,
        decide: impl FnOnce(&Bucket) -> Result<(Vec<Change>, T), Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let bucket = bucket.to_owned();
        self.change(move |buckets| buckets.get(&bucket).ok_or(Failure::NoSuchBucket).and_then(decide)).await
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("writable", &self.writable).finish_non_exhaustive()
    }
}
