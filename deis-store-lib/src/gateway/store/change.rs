//! A change of what is stored: decided, made to last where the store is to keep it, then seen by all. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::bucket::{Bucket, Buckets, Part, Upload};
use super::object::{Headers, Object};
use crate::gateway::acl::Acl;

/// A change.
#[derive(Debug)]
pub(in crate::gateway) enum Change {
    CreateBucket { bucket: String, created: Timestamp, acl: Acl },
    SetBucketAcl { bucket: String, acl: Acl },
    DeleteBucket { bucket: String },
    PutObject { bucket: String, key: String, object: Arc<Object> },
    DeleteObject { bucket: String, key: String },
    BeginUpload { bucket: String, key: String, id: String, initiated: Timestamp, headers: Headers, acl: Acl },
    PutPart { bucket: String, key: String, id: String, number: u32, part: Part },
    EndUpload { bucket: String, key: String, id: String },
}

impl Change {
    /// Makes it; `None` if there is no such bucket or upload. One that creates what is there, or deletes what is not, changes
    /// nothing.
    pub(super) fn apply(self, buckets: &mut Buckets) -> Option<()> {
        match self {
            Self::CreateBucket { bucket, created, acl } => {
                buckets.entry(bucket).or_insert_with(|| Bucket::new(created, acl));
            }
            Self::SetBucketAcl { bucket, acl } => buckets.get_mut(&bucket)?.acl = acl,
            Self::DeleteBucket { bucket } => {
                buckets.remove(&bucket);
            }
            Self::PutObject { bucket, key, object } => {
                buckets.get_mut(&bucket)?.objects.insert(key, object);
            }
            Self::DeleteObject { bucket, key } => {
                buckets.get_mut(&bucket)?.objects.remove(&key);
            }
            Self::BeginUpload { bucket, key, id, initiated, headers, acl } => {
                let upload = Upload { initiated, headers, acl, parts: BTreeMap::new() };
                buckets.get_mut(&bucket)?.uploads.insert((key, id), upload);
            }
            Self::PutPart { bucket, key, id, number, part } => {
                buckets.get_mut(&bucket)?.uploads.get_mut(&(key, id))?.parts.insert(number, part);
            }
            Self::EndUpload { bucket, key, id } => {
                buckets.get_mut(&bucket)?.uploads.remove(&(key, id));
            }
        }
        Some(())
    }
}
