//! The operations: each makes a request and parses its answer, and nothing here sends.

mod abort_upload;
mod acl;
mod bucket_location;
mod bucket_versioning;
mod byte_range;
mod canned_acl;
mod complete_upload;
mod conditions;
mod copy_object;
mod copy_part;
mod create_bucket;
mod delete_bucket;
mod delete_object;
mod delete_objects;
mod get_object;
mod head_bucket;
mod head_object;
mod initiate_upload;
mod list_buckets;
mod list_objects;
mod list_parts;
mod list_uploads;
mod list_versions;
mod object;
mod put_object;
mod request;
mod server_time;
#[cfg(test)]
mod tests;
mod upload_part;

use http::{HeaderMap, StatusCode};

pub use abort_upload::AbortUpload;
pub use acl::{Acl, BucketAcl, Grant, Grantee, NewAcl, ObjectAcl, PutBucketAcl, PutObjectAcl};
pub use bucket_location::BucketLocation;
pub use bucket_versioning::{BucketVersioning, Versioning};
pub use byte_range::ByteRange;
pub use canned_acl::CannedAcl;
pub use complete_upload::CompleteUpload;
pub use conditions::Conditions;
pub use copy_object::{CopyObject, CopySource};
pub use copy_part::CopyPart;
pub use create_bucket::CreateBucket;
pub use delete_bucket::DeleteBucket;
pub use delete_object::DeleteObject;
pub use delete_objects::{DeleteObjects, NotDeleted};
pub use get_object::GetObject;
pub use head_bucket::{BucketTotals, HeadBucket};
pub use head_object::HeadObject;
pub use initiate_upload::InitiateUpload;
pub use list_buckets::{Bucket, ListBuckets};
pub use list_objects::{ListObjects, ListedObject, Page};
pub use list_parts::{ListParts, ListedPart, PartsPage};
pub use list_uploads::{ListUploads, ListedUpload, UploadsPage};
pub use list_versions::{ListVersions, ListedVersion, VersionContent, VersionsPage};
pub use object::{KEPT_HEADERS, ObjectInfo};
pub use put_object::PutObject;
pub use request::Request;
pub use server_time::ServerTime;
pub use upload_part::UploadPart;

use super::{Advice, S3Error};

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
    /// It must be known before that it was not done: repeated, it would fail though the first one succeeded.
    ProbeFirst,
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

    /// What to do after an error. Pure.
    fn advice(&self, error: &S3Error) -> Advice {
        error.advice(&self.request().method)
    }

    /// Reads an answer whose status is a success. Pure.
    fn parse(&self, head: &Head, body: &[u8]) -> Result<Self::Output, S3Error>;
}
