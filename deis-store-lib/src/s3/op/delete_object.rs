//! `DELETE /BUCKET/KEY`: deletes an object. One that is not there is deleted too (204).

use http::Method;

use super::{Head, Operation, Request, nothing};
use crate::s3::types::object_path;
use crate::s3::{BucketName, ObjectKey, S3Error};

/// Deletes an object. It never has a query: radosgw ignores a sub-resource that it does not know and deletes the
/// object.
#[derive(Clone, Debug)]
pub struct DeleteObject<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
    /// The key.
    pub key: &'a ObjectKey,
}

impl Operation for DeleteObject<'_> {
    type Output = ();

    fn request(&self) -> Request {
        Request::new(Method::DELETE, object_path(self.bucket, self.key))
    }

    fn parse(&self, head: &Head, body: &[u8]) -> Result<(), S3Error> {
        nothing(head, body)
    }
}
