//! An object as it was when it was looked at: by that a download knows that it is still the same.

use crate::s3::etag;
use crate::s3::op::{ListedObject, ObjectInfo};

/// An object as it was when it was listed, asked for or stored. `ETag`s are compared as values.
#[derive(Clone, Debug)]
pub struct Revision {
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Its `ETag`, without quotes.
    pub etag: String,
}

impl PartialEq for Revision {
    fn eq(&self, other: &Self) -> bool {
        self.size_bytes == other.size_bytes && etag::is_same(&self.etag, &other.etag)
    }
}

impl Eq for Revision {}

impl std::hash::Hash for Revision {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (self.size_bytes, etag::value(&self.etag).to_ascii_lowercase()).hash(state);
    }
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
