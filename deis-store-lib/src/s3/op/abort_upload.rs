//! `DELETE /BUCKET/KEY?uploadId=U`: ends a multipart upload and throws its parts away.

use super::request::OfObject;
use super::{About, Head, Operation, Request, Target, nothing};
use crate::s3::{BucketName, ObjectKey, S3Error};

/// Ends an upload without an object. Repeated after an answer was lost, it finds no upload (404).
#[derive(Clone, Debug)]
pub struct AbortUpload<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
    /// The key.
    pub key: &'a ObjectKey,
    /// The upload's id.
    pub upload_id: &'a str,
}

impl Operation for AbortUpload<'_> {
    type Output = ();

    fn request(&self) -> Request {
        OfObject::ABORT_UPLOAD.request(self.bucket, self.key, [self.upload_id])
    }

    fn parse(&self, head: &Head, body: &[u8]) -> Result<(), S3Error> {
        nothing(head, body)
    }
}

impl About for AbortUpload<'_> {
    fn target(&self) -> Target<'_> {
        Target::Object { bucket: self.bucket, key: self.key }
    }
}
