//! `HEAD /BUCKET/KEY`: what is stored with an object.

use super::{About, Conditions, Head, ObjectInfo, Operation, Request, Target, object, request};
use crate::s3::{BucketName, ObjectKey, S3Error};

/// Asks what is stored with an object. Its errors have no body, so a 404 may mean the key or the bucket.
#[derive(Clone, Debug)]
pub struct HeadObject<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
    /// The key.
    pub key: &'a ObjectKey,
    /// Conditions on the object.
    pub conditions: Conditions<'a>,
    /// The version wanted; the newest without it.
    pub version_id: Option<&'a str>,
}

impl<'a> HeadObject<'a> {
    /// The object, whatever it is.
    #[must_use]
    pub fn new(bucket: &'a BucketName, key: &'a ObjectKey) -> Self {
        Self { bucket, key, conditions: Conditions::default(), version_id: None }
    }
}

impl Operation for HeadObject<'_> {
    type Output = ObjectInfo;

    fn request(&self) -> Request {
        let mut request = request::head(self.bucket, self.key, self.version_id);
        self.conditions.write(&mut request.headers);
        request
    }

    fn parse(&self, head: &Head, _: &[u8]) -> Result<ObjectInfo, S3Error> {
        let unexpected = |text: String| S3Error::unexpected(head, text);
        object::check_version(head, self.version_id).map_err(unexpected)?;
        ObjectInfo::read(head).map_err(unexpected)
    }
}

impl About for HeadObject<'_> {
    fn target(&self) -> Target<'_> {
        Target::Object { bucket: self.bucket, key: self.key }
    }
}

/// The same of an answer that may leave `Content-Length` out, as Apache does of an empty object: then the size is `None`.
#[cfg(feature = "client")]
pub(crate) struct HeadUnmeasured<'a>(pub(crate) &'a HeadObject<'a>);

#[cfg(feature = "client")]
impl About for HeadUnmeasured<'_> {
    fn target(&self) -> Target<'_> {
        self.0.target()
    }
}

#[cfg(feature = "client")]
impl Operation for HeadUnmeasured<'_> {
    type Output = (ObjectInfo, Option<u64>);

    fn request(&self) -> Request {
        self.0.request()
    }

    fn parse(&self, head: &Head, _: &[u8]) -> Result<Self::Output, S3Error> {
        let unexpected = |text: String| S3Error::unexpected(head, text);
        object::check_version(head, self.0.version_id).map_err(unexpected)?;
        ObjectInfo::read_unmeasured(head).map_err(unexpected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue, StatusCode};

    #[test]
    fn a_version_and_conditions_go_along() {
        let (bucket, key) = (BucketName::new("abc").unwrap(), ObjectKey::new("k").unwrap());
        let mut op = HeadObject::new(&bucket, &key);
        op.version_id = Some("v.1");
        op.conditions.if_none_match = Some("e");
        let request = op.request();
        assert_eq!(request.target(), "/abc/k?versionId=v.1");
        assert_eq!(request.headers["if-none-match"], "\"e\"");
    }

    #[test]
    fn another_version_than_was_asked_for_is_an_error() {
        let (bucket, key) = (BucketName::new("abc").unwrap(), ObjectKey::new("k").unwrap());
        let parse = |asked: Option<&str>, given: &'static str| {
            let mut op = HeadObject::new(&bucket, &key);
            op.version_id = asked;
            let headers = [("content-length", "3"), ("etag", "\"e\""), ("x-amz-version-id", given)];
            let headers =
                headers.map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
            op.parse(&Head { status: StatusCode::OK, headers: HeaderMap::from_iter(headers) }, b"")
        };
        for (asked, given) in
            [(Some("v"), "v"), (None, "v"), (None, ""), (Some("null"), "null"), (Some("null"), "")]
        {
            assert!(parse(asked, given).is_ok(), "{asked:?} {given}");
        }
        for (asked, given) in [(Some("v"), "w"), (Some("v"), ""), (Some("null"), "v")] {
            assert!(parse(asked, given).is_err(), "{asked:?} {given}");
        }
    }
}
