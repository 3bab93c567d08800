//! `PUT /BUCKET`: creates a bucket. Creating one's own again changes nothing.

use http::Method;

use super::{Head, Operation, Request, nothing};
use crate::s3::types::bucket_path;
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
        Request::new(Method::PUT, bucket_path(self.bucket))
    }

    fn parse(&self, head: &Head, body: &[u8]) -> Result<(), S3Error> {
        nothing(head, body)
    }
}
