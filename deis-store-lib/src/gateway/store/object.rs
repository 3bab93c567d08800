//! An object, and what is kept with it.

use http::{HeaderName, HeaderValue};
use jiff::Timestamp;

use super::content::Content;
use crate::gateway::acl::Acl;

/// An object.
#[derive(Debug)]
pub(in crate::gateway) struct Object {
    pub(in crate::gateway) content: Content,
    /// Without quotes.
    pub(in crate::gateway) etag: String,
    pub(in crate::gateway) modified: Timestamp,
    /// Type, metadata and what else is kept with it and given back verbatim.
    pub(in crate::gateway) headers: Vec<(HeaderName, HeaderValue)>,
    pub(in crate::gateway) acl: Acl,
    /// The multipart upload that it was made by.
    pub(in crate::gateway) upload: Option<String>,
}
