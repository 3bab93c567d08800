//! `GET /BUCKET?location`: the zone group that a bucket is in.

use super::request::OfBucket;
use super::{About, Head, Operation, Request, Target};
use crate::s3::{BucketName, S3Error, xml};

/// Asks for the location of a bucket: `default` on a radosgw that was not told otherwise, and empty for AWS's oldest
/// region.
#[derive(Clone, Debug)]
pub struct BucketLocation<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
}

impl Operation for BucketLocation<'_> {
    type Output = String;

    fn request(&self) -> Request {
        OfBucket::LOCATION.request(self.bucket)
    }

    fn parse(&self, head: &Head, body: &[u8]) -> Result<String, S3Error> {
        xml::root_text(body, "LocationConstraint").map_err(|text| S3Error::unexpected(head, text))
    }
}

impl About for BucketLocation<'_> {
    fn target(&self) -> Target<'_> {
        Target::Bucket(self.bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};

    #[test]
    fn a_location_may_be_empty() {
        let bucket = BucketName::new("abc").unwrap();
        let head = Head { status: StatusCode::OK, headers: HeaderMap::new() };
        let parse = |body: &str| BucketLocation { bucket: &bucket }.parse(&head, body.as_bytes());
        assert_eq!(parse("<LocationConstraint xmlns=\"x\">default</LocationConstraint>").unwrap(), "default");
        assert_eq!(parse("<LocationConstraint xmlns=\"x\"></LocationConstraint>").unwrap(), "");
        assert_eq!(parse("<LocationConstraint/>").unwrap(), "");
        assert!(parse("<html/>").is_err());
    }
}
