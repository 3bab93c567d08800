//! `DELETE /BUCKET`: deletes an empty bucket. Uploads that are under way in it go with it.

use super::request::OfBucket;
use super::{About, Head, Operation, Request, Target, nothing};
use crate::s3::{BucketName, S3Error};

/// Deletes a bucket without objects (409 with some). Repeated after an answer was lost, it finds no bucket (404).
#[derive(Clone, Debug)]
pub struct DeleteBucket<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
}

impl Operation for DeleteBucket<'_> {
    type Output = ();

    fn request(&self) -> Request {
        OfBucket::DELETE.request(self.bucket)
    }

    fn parse(&self, head: &Head, body: &[u8]) -> Result<(), S3Error> {
        nothing(head, body)
    }
}

impl About for DeleteBucket<'_> {
    fn target(&self) -> Target<'_> {
        Target::Bucket(self.bucket)
    }
}
