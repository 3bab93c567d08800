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
mod head;
mod head_bucket;
mod head_object;
mod initiate_upload;
mod list_buckets;
mod list_objects;
mod list_parts;
mod list_uploads;
mod list_versions;
mod object;
mod operation;
mod put_object;
mod request;
mod server_time;
mod target;
#[cfg(test)]
mod tests;
mod upload_part;

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
pub use head::Head;
pub use head_bucket::{BucketTotals, HeadBucket};
pub use head_object::HeadObject;
#[cfg(feature = "client")]
pub(crate) use head_object::HeadUnmeasured;
pub use initiate_upload::InitiateUpload;
pub use list_buckets::{Bucket, ListBuckets};
pub use list_objects::{ListObjects, ListedObject, Page};
pub use list_parts::{ListParts, ListedPart, PartsPage};
pub use list_uploads::{ListUploads, ListedUpload, UploadMarker, UploadsPage};
pub use list_versions::{ListVersions, ListedVersion, VersionContent, VersionMarker, VersionsPage};
pub use object::{KEPT_HEADERS, ObjectInfo};
pub use operation::Operation;
pub use put_object::PutObject;
pub use request::Request;
pub use server_time::ServerTime;
pub use upload_part::UploadPart;

pub(crate) use operation::About;
#[cfg(any(feature = "client", test))]
pub(crate) use operation::Repeat;
pub(crate) use target::Target;

use operation::nothing;
