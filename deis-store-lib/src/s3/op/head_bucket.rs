//! `HEAD /BUCKET`: whether a bucket is there, and radosgw's totals of it.

use super::request::{OfBucket, Parameter};
use super::{About, Head, Operation, Request, Target};
use crate::s3::{BucketName, S3Error};

/// Asks for the totals of a bucket. Its errors have no body, and so no code.
#[derive(Clone, Debug)]
pub struct HeadBucket<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
}

/// A bucket's size as radosgw tells it: good for progress, not for proof. The parts of uploads under way are counted,
/// and the numbers lag behind. `None` is for what a server does not say or not limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketTotals {
    /// Its objects and parts.
    pub objects: Option<u64>,
    /// Their size in bytes.
    pub bytes: Option<u64>,
    /// How many objects the bucket may have.
    pub most_objects: Option<u64>,
    /// How many bytes the bucket may have.
    pub most_bytes: Option<u64>,
    /// How many objects its owner may have.
    pub most_objects_of_user: Option<u64>,
    /// How many bytes its owner may have.
    pub most_bytes_of_user: Option<u64>,
}

impl Operation for HeadBucket<'_> {
    type Output = BucketTotals;

    fn request(&self) -> Request {
        // Ceph 20 counts only if it is asked to. Others do so in any case.
        OfBucket::HEAD.request(self.bucket).with(Parameter::READ_STATS, "true")
    }

    fn parse(&self, head: &Head, _: &[u8]) -> Result<BucketTotals, S3Error> {
        // No limit is -1, which is no number here.
        let number = |name: &str| head.text(name).parse().ok();
        Ok(BucketTotals {
            objects: number("x-rgw-object-count"),
            bytes: number("x-rgw-bytes-used"),
            most_objects: number("x-rgw-quota-bucket-objects"),
            most_bytes: number("x-rgw-quota-bucket-size"),
            most_objects_of_user: number("x-rgw-quota-user-objects"),
            most_bytes_of_user: number("x-rgw-quota-user-size"),
        })
    }
}

impl About for HeadBucket<'_> {
    fn target(&self) -> Target<'_> {
        Target::Bucket(self.bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

    #[test]
    fn no_limit_and_nothing_said_are_no_numbers() {
        let bucket = BucketName::new("abc").unwrap();
        let headers =
            [("x-rgw-object-count", "3"), ("x-rgw-bytes-used", "70"), ("x-rgw-quota-bucket-size", "-1")];
        let headers =
            headers.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let head = Head { status: StatusCode::OK, headers: HeaderMap::from_iter(headers) };
        let totals = HeadBucket { bucket: &bucket }.parse(&head, b"").unwrap();
        assert_eq!(totals, BucketTotals { objects: Some(3), bytes: Some(70), ..BucketTotals::default() });
    }
}
