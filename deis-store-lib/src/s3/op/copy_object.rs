//! `PUT /BUCKET/KEY` with `x-amz-copy-source`: copies an object within the cluster.
//!
//! radosgw says 200 before it has copied, and sends `<Progress>` elements meanwhile: a copy has succeeded when its `ETag`
//! is there. Of conditions Ceph 14 and 16 read `x-amz-copy-if-match` alone, and 18 and 20 AWS's `x-amz-copy-source-if-match`
//! alone: both are sent. The rights to the source are not copied.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::conditions::etag_value;
use super::request::OfObject;
use super::{About, CannedAcl, Head, Operation, Request, Target, object};
use crate::error::Result;
use crate::s3::etag::{self, ETag};
use crate::s3::types::percent_encode;
use crate::s3::{Advice, BucketName, ObjectKey, S3Error, xml};

/// An object that is copied from.
#[derive(Clone, Copy, Debug)]
pub struct CopySource<'a> {
    /// Its bucket.
    pub bucket: &'a BucketName,
    /// Its key.
    pub key: &'a ObjectKey,
    /// The version wanted; the newest without it.
    pub version_id: Option<&'a str>,
}

impl CopySource<'_> {
    /// Writes it into the header of a request, encoded as a path is.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        let mut path = self.key.path_in(self.bucket);
        if let Some(version_id) = self.version_id {
            path.push_str("?versionId=");
            path.push_str(&percent_encode(version_id, false));
        }
        // Encoded, it is ASCII.
        if let Ok(value) = HeaderValue::from_str(&path) {
            headers.insert(HeaderName::from_static("x-amz-copy-source"), value);
        }
    }
}

/// Copies an object. A multipart object keeps its `ETag`.
#[derive(Clone, Debug)]
pub struct CopyObject<'a> {
    source: CopySource<'a>,
    bucket: &'a BucketName,
    key: &'a ObjectKey,
    if_match: Option<&'a str>,
    acl: Option<CannedAcl>,
    replaced: Option<HeaderMap>,
}

impl<'a> CopyObject<'a> {
    /// A copy with what is stored with the source. It is private.
    #[must_use]
    pub fn new(source: CopySource<'a>, bucket: &'a BucketName, key: &'a ObjectKey) -> Self {
        Self { source, bucket, key, if_match: None, acl: None, replaced: None }
    }

    /// Only if the source still has this `ETag` (without quotes); else the answer is 412.
    #[must_use]
    pub fn if_match(mut self, etag: &'a str) -> Self {
        self.if_match = Some(etag);
        self
    }

    /// Sets who may do what with the copy.
    #[must_use]
    pub fn acl(mut self, acl: CannedAcl) -> Self {
        self.acl = Some(acl);
        self
    }

    /// Stores this with the copy in place of all that is stored with the source. An object can be copied onto itself
    /// only so. **Dangerous**: radosgw 19.2 before 19.2.2 then loses what lies beyond its first stripe.
    pub fn replacing(
        mut self,
        content_type: Option<&str>,
        kept: &BTreeMap<String, String>,
        meta: &BTreeMap<String, String>,
    ) -> Result<Self> {
        self.replaced = Some(object::headers(content_type, kept, meta)?);
        Ok(self)
    }
}

impl Operation for CopyObject<'_> {
    /// The `ETag` of the copy, without quotes.
    type Output = String;

    fn request(&self) -> Request {
        let mut request = OfObject::PUT.request(self.bucket, self.key, []);
        let directive = if self.replaced.is_some() { "REPLACE" } else { "COPY" };
        request.headers = self.replaced.clone().unwrap_or_default();
        let headers = &mut request.headers;
        headers.insert("x-amz-metadata-directive", HeaderValue::from_static(directive));
        self.source.write(headers);
        if let Some(etag) = self.if_match {
            for name in ["x-amz-copy-if-match", "x-amz-copy-source-if-match"] {
                headers.insert(name, etag_value(etag));
            }
        }
        if let Some(acl) = self.acl {
            acl.write(headers);
        }
        request
    }

    fn parse(&self, head: &Head, body: &[u8]) -> Result<String, S3Error> {
        let etag = copied(body, "CopyObjectResult").map_err(|text| S3Error::unexpected(head, text))?;
        if ETag::parse(&etag) == ETag::Opaque {
            return Err(S3Error::unexpected(head, format!("the copy has the ETag `{etag}`")));
        }
        Ok(etag)
    }
}

impl About for CopyObject<'_> {
    fn target(&self) -> Target<'_> {
        Target::Object { bucket: self.bucket, key: self.key }
    }

    /// No body can be cut off here: a `NoSuchKey` is about the source.
    fn advice(&self, error: &S3Error, _: &Method) -> Advice {
        error.advice(&Method::GET)
    }
}

/// The `ETag` in the answer to a copy, without quotes. An error that came after a 200 has another root.
pub(super) fn copied(body: &[u8], root: &str) -> Result<String, String> {
    let [etag] = xml::texts(body, root, ["ETag"])?;
    etag.map(|etag| etag::value(&etag).to_owned())
        .ok_or_else(|| "the copy did not end: it has no ETag".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    fn copy<T>(work: impl FnOnce(CopyObject<'_>) -> T) -> T {
        let (bucket, key) = (BucketName::new("abc").unwrap(), ObjectKey::new("k").unwrap());
        let from = ObjectKey::new("a b+c?versionId=é%/../x").unwrap();
        work(CopyObject::new(
            CopySource { bucket: &bucket, key: &from, version_id: Some("v+1") },
            &bucket,
            &key,
        ))
    }

    #[test]
    fn the_source_is_encoded_as_a_path_and_the_condition_is_that_of_every_release() {
        let request = copy(|copy| copy.if_match("e").acl(CannedAcl::PublicRead).request());
        let header = |name: &str| request.headers[name].to_str().unwrap();
        assert_eq!(
            header("x-amz-copy-source"),
            "/abc/a%20b%2Bc%3FversionId%3D%C3%A9%25/../x?versionId=v%2B1"
        );
        assert_eq!((header("x-amz-copy-if-match"), header("x-amz-metadata-directive")), ("\"e\"", "COPY"));
        assert_eq!(header("x-amz-copy-source-if-match"), "\"e\"");
        assert_eq!((request.target().as_str(), header("x-amz-acl")), ("/abc/k", "public-read"));
    }

    #[test]
    fn what_replaces_the_metadata_goes_along() {
        let meta = BTreeMap::from([("note".to_owned(), "n".to_owned())]);
        let replacing =
            |copy: CopyObject<'_>| copy.replacing(Some("text/x"), &BTreeMap::new(), &meta).unwrap().request();
        let request = copy(replacing);
        assert_eq!(request.headers["x-amz-metadata-directive"], "REPLACE");
        assert_eq!(
            (&request.headers["content-type"], &request.headers["x-amz-meta-note"]),
            (&HeaderValue::from_static("text/x"), &HeaderValue::from_static("n"))
        );
    }

    #[test]
    fn a_copy_has_succeeded_only_with_an_etag() {
        let head = Head { status: StatusCode::OK, headers: HeaderMap::new() };
        let parse = |inner: &str| {
            let body =
                format!("<?xml version=\"1.0\"?><CopyObjectResult xmlns=\"x\">{inner}</CopyObjectResult>");
            copy(|copy| copy.parse(&head, body.as_bytes()))
        };
        let (progress, etag) =
            ("<Progress>1048576</Progress>", "<ETag>d41d8cd98f00b204e9800998ecf8427e-3</ETag>");
        let whole = format!("{progress}{progress}<LastModified>x</LastModified>{etag}");
        assert_eq!(parse(&whole).unwrap(), "d41d8cd98f00b204e9800998ecf8427e-3");
        assert!(parse(progress).is_err());
        assert!(parse("<ETag></ETag>").is_err());
        assert!(parse(&format!("{progress}<Error><Code>InternalError</Code></Error>")).is_err());
        assert!(copy(|copy| copy.parse(&head, b"<Error><Code>InternalError</Code></Error>")).is_err());
        assert!(copy(|copy| copy.parse(&head, format!("<CopyObjectResult>{etag}").as_bytes())).is_err());
    }
}
