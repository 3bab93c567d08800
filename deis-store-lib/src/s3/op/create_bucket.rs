//! `PUT /BUCKET`: creates a bucket. Creating one's own again changes nothing.

use super::request::OfBucket;
use super::{Execute, Head, Operation, Request, Target, nothing};
use crate::s3::{BucketName, S3Error};

/// Creates a bucket in the default placement: no body, since radosgw refuses the region names of AWS.
#[derive(Clone, Debug)]
pub struct CreateBucket<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
}

impl Operation for CreateBucket<'_> {
    fn request(&self) -> Request {
        OfBucket::CREATE.request(self.bucket)
    }

    fn target(&self) -> Target<'_> {
        Target::Bucket(self.bucket)
    }
}

impl Execute for CreateBucket<'_> {
    type Output = ();

    fn parse(&self, head: &Head, body: &[u8]) -> Result<(), S3Error> {
        nothing(head, body)
    }
}
