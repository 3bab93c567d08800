//! `PUT /BUCKET`: creates a bucket. Creating one's own again changes nothing; radosgw answers it with success, and other
//! servers with 409 `BucketAlreadyOwnedByYou`.

use super::request::OfBucket;
use super::{About, Head, Operation, Request, Target, nothing};
use crate::s3::{BucketName, S3Error};

/// Creates a bucket in the default placement: no body, since radosgw refuses the region names of AWS.
#[derive(Clone, Debug)]
pub struct CreateBucket<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
}

impl Operation for CreateBucket<'_> {
    type Output = ();

    fn request(&self) -> Request {
        OfBucket::CREATE.request(self.bucket)
    }

    fn parse(&self, head: &Head, body: &[u8]) -> Result<(), S3Error> {
        nothing(head, body)
    }
}

impl About for CreateBucket<'_> {
    fn target(&self) -> Target<'_> {
        Target::Bucket(self.bucket)
    }
}
