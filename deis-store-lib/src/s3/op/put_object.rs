//! `PUT /BUCKET/KEY`: stores an object of known length and MD5 in one request.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue, header};

use super::operation::Repeat;
use super::request::OfObject;
use super::{About, CannedAcl, Head, Operation, Request, Target, object};
use crate::error::{At, Error, ErrorKind, Result};
use crate::s3::{BucketName, ObjectKey, S3Error};

/// Stores an object. Its body is given beside the request.
#[derive(Clone, Debug)]
pub struct PutObject<'a> {
    bucket: &'a BucketName,
    key: &'a ObjectKey,
    size_bytes: u64,
    md5: [u8; 16],
    headers: HeaderMap,
    acl: Option<CannedAcl>,
    creates_only: bool,
}

impl<'a> PutObject<'a> {
    /// The most that one request can carry, radosgw's `rgw_max_put_size`: 5 GiB.
    pub const MOST_BYTES: u64 = 5 << 30;

    /// An object of this size and MD5.
    pub fn new(bucket: &'a BucketName, key: &'a ObjectKey, size_bytes: u64, md5: [u8; 16]) -> Result<Self> {
        if size_bytes > Self::MOST_BYTES {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "an object of more than 5 GiB must be uploaded in parts",
            )
            .at(At::Bucket, bucket)
            .at(At::Key, key));
        }
        Ok(Self { bucket, key, size_bytes, md5, headers: HeaderMap::new(), acl: None, creates_only: false })
    }

    /// Stores with it a type, headers of [`super::KEPT_HEADERS`] and metadata.
    pub fn with(
        mut self,
        content_type: Option<&str>,
        kept: &BTreeMap<String, String>,
        meta: &BTreeMap<String, String>,
    ) -> Result<Self> {
        self.headers = object::headers(content_type, kept, meta)?;
        Ok(self)
    }

    /// The bucket.
    #[cfg(feature = "client")]
    #[must_use]
    pub(crate) fn bucket(&self) -> &'a BucketName {
        self.bucket
    }

    /// The key.
    #[cfg(feature = "client")]
    #[must_use]
    pub(crate) fn key(&self) -> &'a ObjectKey {
        self.key
    }

    /// The size in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The MD5 of the bytes.
    #[cfg(feature = "client")]
    #[must_use]
    pub(crate) fn md5(&self) -> [u8; 16] {
        self.md5
    }

    /// Sets who may do what with it; without this it is private.
    #[must_use]
    pub fn acl(mut self, acl: CannedAcl) -> Self {
        self.acl = Some(acl);
        self
    }

    /// Only if there is no object of this key yet; else the answer is 412. Of two at once, both may succeed.
    #[must_use]
    pub fn create_only(mut self) -> Self {
        self.creates_only = true;
        self
    }
}

impl Operation for PutObject<'_> {
    type Output = ();

    fn request(&self) -> Request {
        let mut request = OfObject::PUT.request(self.bucket, self.key, []);
        request.headers.clone_from(&self.headers);
        object::content_md5(&mut request.headers, self.md5);
        if let Some(acl) = self.acl {
            acl.write(&mut request.headers);
        }
        if self.creates_only {
            request.headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("*"));
        }
        request
    }

    /// The `ETag` of the answer must be the MD5 that was sent.
    fn parse(&self, head: &Head, _: &[u8]) -> Result<(), S3Error> {
        object::stored(head, self.md5)
    }
}

impl About for PutObject<'_> {
    fn target(&self) -> Target<'_> {
        Target::Object { bucket: self.bucket, key: self.key }
    }

    /// After a lost answer of success, one that creates only would be refused.
    fn repeat(&self) -> Repeat {
        if self.creates_only { Repeat::ProbeFirst } else { Repeat::Yes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_md5_goes_along_and_another_etag_in_the_answer_is_an_error() {
        let (bucket, key) = (BucketName::new("abc").unwrap(), ObjectKey::new("k").unwrap());
        let op = PutObject::new(&bucket, &key, 0, ETAG_OF_NOTHING).unwrap();
        assert_eq!(op.request().headers["content-md5"], "1B2M2Y8AsgTpgAmY7PhCfg==");
        let answer = |etag: &'static str| Head {
            status: http::StatusCode::OK,
            headers: HeaderMap::from_iter([(http::header::ETAG, HeaderValue::from_static(etag))]),
        };
        assert!(op.parse(&answer("\"d41d8cd98f00b204e9800998ecf8427e\""), b"").is_ok());
        assert!(op.parse(&answer("\"d41d8cd98f00b204e9800998ecf8427f\""), b"").is_err());
    }

    #[test]
    fn what_creates_only_says_so() {
        let (bucket, key) = (BucketName::new("abc").unwrap(), ObjectKey::new("k").unwrap());
        let op = PutObject::new(&bucket, &key, 0, ETAG_OF_NOTHING).unwrap();
        assert!(!op.request().headers.contains_key("if-none-match"));
        let headers = op.create_only().acl(CannedAcl::PublicRead).request().headers;
        assert_eq!(headers["if-none-match"], "*");
        assert_eq!(headers["x-amz-acl"], "public-read");
    }

    const ETAG_OF_NOTHING: [u8; 16] =
        [0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04, 0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8, 0x42, 0x7e];

    #[test]
    fn an_object_over_five_gib_is_refused_by_name() {
        let (bucket, key) = (BucketName::new("abc").unwrap(), ObjectKey::new("k").unwrap());
        let error = PutObject::new(&bucket, &key, (5 << 30) + 1, [0; 16]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
