//! An object as it was when it was looked at: by that a download knows that it is still the same.

use crate::s3::op::{ListedObject, ObjectInfo};

/// An object as it was when it was listed, asked for or stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Revision {
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Its `ETag`, without quotes.
    pub etag: String,
}

impl From<&ListedObject> for Revision {
    fn from(listed: &ListedObject) -> Self {
        Self { size_bytes: listed.size_bytes, etag: listed.etag.clone() }
    }
}

impl From<&ObjectInfo> for Revision {
    fn from(info: &ObjectInfo) -> Self {
        Self { size_bytes: info.total_bytes, etag: info.etag.clone() }
    }
}
