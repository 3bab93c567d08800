//! `GET /BUCKET?versioning`: whether a bucket keeps the versions of its objects.

use super::request::OfBucket;
use super::{About, Head, Operation, Request, Target};
use crate::s3::{BucketName, S3Error, xml};

/// Asks whether a bucket is versioned.
#[derive(Clone, Debug)]
pub struct BucketVersioning<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
}

/// Whether a bucket keeps versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Versioning {
    /// It was never switched on.
    Unversioned,
    /// It is on: what is replaced or deleted stays as a version.
    Enabled,
    /// It was on: versions are still there, and no more are made.
    Suspended,
}

impl Operation for BucketVersioning<'_> {
    type Output = Versioning;

    fn request(&self) -> Request {
        OfBucket::VERSIONING.request(self.bucket)
    }

    fn parse(&self, head: &Head, body: &[u8]) -> Result<Versioning, S3Error> {
        let [status] = xml::texts(body, "VersioningConfiguration", ["Status"])
            .map_err(|text| S3Error::unexpected(head, text))?;
        match status.unwrap_or_default().as_str() {
            "" => Ok(Versioning::Unversioned),
            "Enabled" => Ok(Versioning::Enabled),
            "Suspended" => Ok(Versioning::Suspended),
            other => Err(S3Error::unexpected(head, format!("the bucket's versioning is `{other}`"))),
        }
    }
}

impl About for BucketVersioning<'_> {
    fn target(&self) -> Target<'_> {
        Target::Bucket(self.bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};

    #[test]
    fn a_bucket_that_says_nothing_is_unversioned_and_an_unknown_status_is_an_error() {
        let bucket = BucketName::new("abc").unwrap();
        let head = Head { status: StatusCode::OK, headers: HeaderMap::new() };
        let parse = |inner: &str| {
            let body = format!("<VersioningConfiguration xmlns=\"x\">{inner}</VersioningConfiguration>");
            BucketVersioning { bucket: &bucket }.parse(&head, body.as_bytes())
        };
        assert_eq!(parse("").unwrap(), Versioning::Unversioned);
        assert_eq!(
            parse("<Status>Enabled</Status><MfaDelete>Disabled</MfaDelete>").unwrap(),
            Versioning::Enabled
        );
        assert_eq!(parse("<Status>Suspended</Status>").unwrap(), Versioning::Suspended);
        assert!(parse("<Status>Paused</Status>").is_err());
    }
}
