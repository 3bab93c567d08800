//! The operations: each makes a request and parses its answer, and nothing here sends.

mod complete_upload;
mod create_bucket;
mod delete_object;
mod get_object;
mod initiate_upload;
mod list_buckets;
mod list_objects;
mod object;
mod put_object;
mod upload_part;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

pub use complete_upload::CompleteUpload;
pub use create_bucket::CreateBucket;
pub use delete_object::DeleteObject;
pub use get_object::{GetObject, HeadObject};
pub use initiate_upload::InitiateUpload;
pub use list_buckets::{Bucket, ListBuckets};
pub use list_objects::{ListObjects, ListedObject, Page};
pub use object::{KEPT_HEADERS, ObjectInfo};
pub use put_object::PutObject;
pub use upload_part::UploadPart;

use super::S3Error;

/// A request before it is signed and sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path, percent-encoded: sent and signed as it stands here.
    pub path: String,
    /// The query, percent-encoded, without `?`; flags stand without `=`.
    pub query: String,
    /// The headers, without `Host` and `Content-Length`.
    pub headers: HeaderMap,
    /// The body, where it is small; the body of an object is given beside the request.
    pub body: Bytes,
}

impl Request {
    pub(crate) fn new(method: Method, path: String) -> Self {
        Self { method, path, query: String::new(), headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// Path and query as they stand in the request line.
    #[must_use]
    pub fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }
}

/// The head of an answer.
#[derive(Clone, Debug)]
pub struct Head {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
}

impl Head {
    /// A header as text; empty if it is not there. Bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        self.headers
            .get(name)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .unwrap_or_default()
    }
}

/// Whether a request may be sent again when it is not known what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Repeat {
    /// It does the same again.
    Yes,
    /// It may not.
    No,
}

/// Reads an answer that has no body; one that has is a page of something in between.
fn nothing(head: &Head, body: &[u8]) -> Result<(), S3Error> {
    if body.is_empty() { Ok(()) } else { Err(S3Error::unexpected(head, "it has a body")) }
}

/// One operation of S3.
pub trait Operation {
    /// What its answer says.
    type Output;

    /// The request. Pure.
    fn request(&self) -> Request;

    /// Whether it may be repeated.
    fn repeat(&self) -> Repeat {
        Repeat::Yes
    }

    /// Reads an answer whose status is a success. Pure.
    fn parse(&self, head: &Head, body: &[u8]) -> Result<Self::Output, S3Error>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_a_captive_portal_is_not_the_success_of_a_deletion() {
        let head = Head { status: StatusCode::OK, headers: HeaderMap::new() };
        assert!(nothing(&head, b"").is_ok() && nothing(&head, b"<html>Welcome</html>").is_err());
    }
}
