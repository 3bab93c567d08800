//! `DELETE /BUCKET/KEY`: deletes an object. One that is not there is deleted too (204).

use super::{About, Head, Operation, Request, Target, nothing, request};
use crate::s3::{BucketName, ObjectKey, S3Error};

/// Deletes an object, or a version of one. A version that is not there is "deleted" too, and nothing happens.
#[derive(Clone, Debug)]
pub struct DeleteObject<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
    /// The key.
    pub key: &'a ObjectKey,
    /// The version; without it, a versioned bucket gets a delete marker, and any other loses the object.
    pub version_id: Option<&'a str>,
}

impl<'a> DeleteObject<'a> {
    /// The object.
    #[must_use]
    pub fn new(bucket: &'a BucketName, key: &'a ObjectKey) -> Self {
        Self { bucket, key, version_id: None }
    }
}

impl Operation for DeleteObject<'_> {
    type Output = ();

    fn request(&self) -> Request {
        request::delete(self.bucket, self.key, self.version_id)
    }

    fn parse(&self, head: &Head, body: &[u8]) -> Result<(), S3Error> {
        nothing(head, body)
    }
}

impl About for DeleteObject<'_> {
    fn target(&self) -> Target<'_> {
        Target::Object { bucket: self.bucket, key: self.key }
    }
}
