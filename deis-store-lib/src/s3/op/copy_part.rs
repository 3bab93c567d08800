//! `PUT /BUCKET/KEY?partNumber=N&uploadId=U` with `x-amz-copy-source`: makes a part of an upload from an object.
//!
//! There are no conditions: radosgw 16.2 ignores those that it reads for whole objects. And it takes only ranges that lie
//! in the object (416), with both ends.

use std::ops::RangeInclusive;

use http::Method;

use super::copy_object::copied;
use super::request::OfObject;
use super::upload_part::check_number;
use super::{About, ByteRange, CopySource, Head, Operation, Request, Target};
use crate::error::Result;
use crate::s3::etag::ETag;
use crate::s3::{Advice, BucketName, ObjectKey, S3Error};

/// Copies an object, or bytes of it, as a part.
#[derive(Clone, Debug)]
pub struct CopyPart<'a> {
    source: CopySource<'a>,
    bytes: Option<RangeInclusive<u64>>,
    bucket: &'a BucketName,
    key: &'a ObjectKey,
    upload_id: &'a str,
    number: u16,
}

impl<'a> CopyPart<'a> {
    /// A part, counted from 1 to 10,000, of a whole object.
    pub fn new(
        source: CopySource<'a>,
        bucket: &'a BucketName,
        key: &'a ObjectKey,
        upload_id: &'a str,
        number: u16,
    ) -> Result<Self> {
        check_number(number)?;
        Ok(Self { source, bytes: None, bucket, key, upload_id, number })
    }

    /// Only these bytes of the object, counted from 0.
    #[must_use]
    pub fn bytes(mut self, bytes: RangeInclusive<u64>) -> Self {
        self.bytes = Some(bytes);
        self
    }
}

impl Operation for CopyPart<'_> {
    /// The MD5 of the part.
    type Output = [u8; 16];

    fn request(&self) -> Request {
        let number = self.number.to_string();
        let mut request = OfObject::UPLOAD_PART.request(self.bucket, self.key, [&number, self.upload_id]);
        self.source.write(&mut request.headers);
        if let Some(bytes) = &self.bytes {
            let range = ByteRange { first: *bytes.start(), last: Some(*bytes.end()) }.value();
            request.headers.insert("x-amz-copy-source-range", range);
        }
        request
    }

    fn parse(&self, head: &Head, body: &[u8]) -> Result<[u8; 16], S3Error> {
        let etag = copied(body, "CopyPartResult").map_err(|text| S3Error::unexpected(head, text))?;
        match ETag::parse(&etag) {
            ETag::Md5(md5) => Ok(md5),
            _ => Err(S3Error::unexpected(head, format!("the part has the ETag `{etag}`"))),
        }
    }
}

impl About for CopyPart<'_> {
    fn target(&self) -> Target<'_> {
        Target::Object { bucket: self.bucket, key: self.key }
    }

    /// No body can be cut off here: a `NoSuchKey` is about the source.
    fn advice(&self, error: &S3Error, _: &Method) -> Advice {
        error.advice(&Method::GET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};

    #[test]
    fn a_range_goes_along_and_the_md5_of_the_part_comes_back() {
        let (bucket, key) = (BucketName::new("abc").unwrap(), ObjectKey::new("k").unwrap());
        let source = CopySource { bucket: &bucket, key: &key, version_id: None };
        let part = CopyPart::new(source, &bucket, &key, "2~a", 7).unwrap().bytes(3..=9);
        let request = part.request();
        assert_eq!(request.target(), "/abc/k?partNumber=7&uploadId=2~a");
        assert_eq!(request.headers["x-amz-copy-source-range"], "bytes=3-9");
        let head = Head { status: StatusCode::OK, headers: HeaderMap::new() };
        let parse =
            |etag: &str| part.parse(&head, format!("<CopyPartResult>{etag}</CopyPartResult>").as_bytes());
        assert_eq!(parse("<ETag>00000000000000000000000000000007</ETag>").unwrap()[15], 7);
        assert!(parse("<ETag>00000000000000000000000000000007-2</ETag>").is_err());
        assert!(parse("").is_err());
        assert!(CopyPart::new(source, &bucket, &key, "2~a", 0).is_err());
    }
}
