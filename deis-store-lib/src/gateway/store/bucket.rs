//! One bucket, and the multipart uploads that are under way in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::content::Content;
use super::object::{Headers, Object};
use crate::gateway::acl::Acl;

/// All buckets, by name.
pub(in crate::gateway) type Buckets = BTreeMap<String, Bucket>;

/// A bucket.
#[derive(Debug)]
pub(in crate::gateway) struct Bucket {
    pub(in crate::gateway) created: Timestamp,
    pub(in crate::gateway) acl: Acl,
    pub(in crate::gateway) objects: BTreeMap<String, Arc<Object>>,
    /// By key and id: the order in which they are listed.
    pub(in crate::gateway) uploads: BTreeMap<(String, String), Upload>,
}

/// A multipart upload that is under way.
#[derive(Debug)]
pub(in crate::gateway) struct Upload {
    pub(in crate::gateway) initiated: Timestamp,
    pub(in crate::gateway) headers: Headers,
    pub(in crate::gateway) acl: Acl,
    pub(in crate::gateway) parts: BTreeMap<u32, Part>,
}

/// A part of it.
#[derive(Clone, Debug)]
pub(in crate::gateway) struct Part {
    pub(in crate::gateway) content: Content,
    pub(in crate::gateway) md5: [u8; 16],
    pub(in crate::gateway) modified: Timestamp,
}

impl Bucket {
    /// An empty one.
    pub(in crate::gateway) fn new(created: Timestamp, acl: Acl) -> Self {
        Self { created, acl, objects: BTreeMap::new(), uploads: BTreeMap::new() }
    }

    /// How many bytes its objects have.
    pub(in crate::gateway) fn bytes(&self) -> u64 {
        self.objects.values().map(|object| object.content.length_bytes()).sum()
    }
}
