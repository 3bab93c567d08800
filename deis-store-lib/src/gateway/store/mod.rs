//! Buckets and objects: an index in memory over contents that are elsewhere or small.
//!
//! It must not know HTTP; who may do what was decided before.

mod bucket;
mod content;
mod page;
mod receive;
mod snapshot;
mod spool;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderName, HeaderValue};
use jiff::Timestamp;

pub(super) use bucket::{Bucket, Part, Upload};
pub(super) use content::Content;
pub(super) use page::Page;

use super::acl::Acl;
use super::failure::Failure;
use crate::error::Result;
use spool::Spool;

/// What a gateway serves: buckets and objects. Its index is in memory: some hundred bytes an object.
pub struct Store {
    buckets: Mutex<BTreeMap<String, Bucket>>,
    /// Where the bodies of this many bytes and more go.
    spool: Option<(Arc<Spool>, u64)>,
    writable: bool,
}

/// An object.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) content: Content,
    /// Without quotes.
    pub(super) etag: String,
    pub(super) modified: Timestamp,
    /// Type, metadata and what else is kept with it and given back verbatim.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) acl: Acl,
    /// The multipart upload that it was made by.
    pub(super) upload: Option<String>,
}

impl Store {
    /// An empty one, all in memory.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { buckets: Mutex::default(), spool: None, writable: true }
    }

    /// An empty one that keeps bodies of `from_bytes` and more in an unnamed temporary file in a directory, such as
    /// 4 KiB and more: two gateways and 60 MiB of data in each then take some 30 MiB of memory.
    pub fn spooling(directory: &Path, from_bytes: u64) -> Result<Self> {
        let spool = (Arc::new(Spool::create(directory)?), from_bytes);
        Ok(Self { spool: Some(spool), ..Self::in_memory() })
    }

    /// Whether it takes writes.
    pub(super) fn is_writable(&self) -> bool {
        self.writable
    }

    /// All buckets.
    pub(super) fn buckets(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        // A panic while it was held leaves at worst one object half-way: it is in or not.
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with a bucket, while nobody else does.
    pub(super) fn bucket<T>(
        &self,
        name: &str,
        work: impl FnOnce(&mut Bucket) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.buckets().get_mut(name).ok_or(Failure::NoSuchBucket).and_then(work)
    }

    /// An object.
    pub(super) fn object(&self, bucket: &str, key: &str) -> Result<Arc<Object>, Failure> {
        self.bucket(bucket, |bucket| bucket.objects.get(key).cloned().ok_or(Failure::NoSuchKey))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("writable", &self.writable).finish_non_exhaustive()
    }
}
