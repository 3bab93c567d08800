//! `GET /BUCKET/KEY`: an object, or a range of its bytes.
//!
//! radosgw ignores `If-Range`: after a break, the rest is asked for with `Range` and `If-Match`. Any range of an empty
//! object is a 416.

use http::{StatusCode, header};

use super::{About, ByteRange, Conditions, Head, ObjectInfo, Request, Target, object, request};
use crate::s3::{BucketName, ObjectKey, S3Error};

/// Gets an object, or a range of its bytes.
#[derive(Clone, Debug)]
pub struct GetObject<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
    /// The key.
    pub key: &'a ObjectKey,
    /// The bytes wanted; all of them without it.
    pub range: Option<ByteRange>,
    /// Conditions on the object.
    pub conditions: Conditions<'a>,
    /// The version wanted; the newest without it.
    pub version_id: Option<&'a str>,
}

impl<'a> GetObject<'a> {
    /// The whole object, whatever it is.
    #[must_use]
    pub fn new(bucket: &'a BucketName, key: &'a ObjectKey) -> Self {
        Self { bucket, key, range: None, conditions: Conditions::default(), version_id: None }
    }
}

impl GetObject<'_> {
    /// The request. Pure.
    #[must_use]
    pub fn request(&self) -> Request {
        let mut request = request::get(self.bucket, self.key, self.version_id);
        if let Some(range) = self.range {
            request.headers.insert(header::RANGE, range.value());
        }
        self.conditions.write(&mut request.headers);
        request
    }

    /// Reads the head; the body is the object and follows. An answer that is not exactly the range that was asked for
    /// is an error, so the whole object is never taken for a part of it.
    pub fn parse_head(&self, head: &Head) -> Result<ObjectInfo, S3Error> {
        match self.parse_head_unmeasured(head)? {
            (info, true) => Ok(info),
            (_, false) => Err(S3Error::unexpected(head, "there is no Content-Length")),
        }
    }

    /// The same, and whether the answer says how long its body is: one that comes in chunks, or ends with the connection,
    /// does not, and its caller must know the size.
    pub(crate) fn parse_head_unmeasured(&self, head: &Head) -> Result<(ObjectInfo, bool), S3Error> {
        let unexpected = |text: String| S3Error::unexpected(head, text);
        if object::is_compressed(head) {
            let (encoding, etag) = (head.text("content-encoding"), head.text("etag"));
            return Err(unexpected(format!(
                "a proxy has compressed the object: its Content-Encoding is {encoding} and its ETag {etag}"
            )));
        }
        let (mut info, mut size_bytes) = ObjectInfo::read_unmeasured(head).map_err(unexpected)?;
        object::check_version(head, self.version_id).map_err(unexpected)?;
        if let Some(range) = self.range {
            let said = size_bytes.or_else(|| ByteRange::said(head));
            info.size_bytes = said.unwrap_or_default();
            info.total_bytes = range.check(head, info.size_bytes).map_err(unexpected)?;
            size_bytes = said;
        } else if head.status != StatusCode::OK {
            return Err(unexpected("a part came where the whole was asked for".to_owned()));
        }
        Ok((info, size_bytes.is_some()))
    }
}

impl About for GetObject<'_> {
    fn target(&self) -> Target<'_> {
        Target::Object { bucket: self.bucket, key: self.key }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue};

    #[test]
    fn the_rest_of_an_object_is_taken_only_from_the_byte_that_was_asked_for() {
        let (bucket, key) = (BucketName::new("abc").unwrap(), ObjectKey::new("k").unwrap());
        let mut op = GetObject::new(&bucket, &key);
        op.range = Some(ByteRange { first: 7, last: None });
        op.conditions.if_match = Some("e");
        op.version_id = Some("a/b");
        let request = op.request();
        assert_eq!(request.target(), "/abc/k?versionId=a%2Fb");
        assert_eq!(request.headers["if-match"], "\"e\"");
        assert_eq!(request.headers["range"], "bytes=7-");
        let mut headers = HeaderMap::new();
        headers.insert("content-length", 3.into());
        headers.insert("etag", HeaderValue::from_static("\"e\""));
        headers.insert("x-amz-version-id", HeaderValue::from_static("a/b"));
        let whole = Head { status: StatusCode::OK, headers: headers.clone() };
        assert!(op.parse_head(&whole).is_err());
        assert_eq!(GetObject::new(&bucket, &key).parse_head(&whole).unwrap().total_bytes, 3);
        headers.insert("content-range", HeaderValue::from_static("bytes 7-9/10"));
        let part = Head { status: StatusCode::PARTIAL_CONTENT, headers };
        assert_eq!(op.parse_head(&part).unwrap().total_bytes, 10);
        assert!(GetObject::new(&bucket, &key).parse_head(&part).is_err());
    }
}
