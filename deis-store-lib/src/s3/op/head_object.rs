//! `HEAD /BUCKET/KEY`: what is stored with an object.

use http::Method;

use super::{Conditions, Head, ObjectInfo, Operation, Request};
use crate::s3::types::{object_path, percent_encode};
use crate::s3::{BucketName, ObjectKey, S3Error};

/// Asks what is stored with an object. Its errors have no body, so a 404 may mean the key or the bucket.
#[derive(Clone, Debug)]
pub struct HeadObject<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
    /// The key.
    pub key: &'a ObjectKey,
    /// What must be true of the object.
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
        let mut request = Request::new(Method::HEAD, object_path(self.bucket, self.key));
        if let Some(version_id) = self.version_id {
            request.query = format!("versionId={}", percent_encode(version_id, false));
        }
        self.conditions.write(&mut request.headers);
        request
    }

    fn parse(&self, head: &Head, _: &[u8]) -> Result<ObjectInfo, S3Error> {
        ObjectInfo::read(head).map_err(|text| S3Error::unexpected(head, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
