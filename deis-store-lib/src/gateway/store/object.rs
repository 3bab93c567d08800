//! An object, and what is kept with it.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use jiff::Timestamp;

use super::content::Content;
use crate::gateway::acl::Acl;

/// Type, metadata and what else is kept with an object and given back verbatim. Objects with equal ones may share them.
pub(in crate::gateway) type Headers = Arc<[(HeaderName, HeaderValue)]>;

/// An object.
#[derive(Debug)]
pub(in crate::gateway) struct Object {
    pub(in crate::gateway) content: Content,
    /// Without quotes.
    pub(in crate::gateway) etag: String,
    pub(in crate::gateway) modified: Timestamp,
    pub(in crate::gateway) headers: Headers,
    pub(in crate::gateway) acl: Acl,
    /// The multipart upload that it was made by.
    pub(in crate::gateway) upload: Option<String>,
}
