//! `GET` and `HEAD /BUCKET/KEY`: an object, or what is stored with it.

use http::{HeaderValue, Method, StatusCode, header};

use super::{Head, ObjectInfo, Operation, Request};
use crate::s3::types::object_path;
use crate::s3::{BucketName, ObjectKey, S3Error};

/// Gets an object, or the rest of one.
#[derive(Clone, Debug)]
pub struct GetObject<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
    /// The key.
    pub key: &'a ObjectKey,
    /// The first byte wanted, and the `ETag` that the object must still have: `If-Match`, since radosgw ignores
    /// `If-Range`.
    pub from: Option<(u64, &'a str)>,
}

impl Operation for GetObject<'_> {
    type Output = ObjectInfo;

    fn request(&self) -> Request {
        let mut request = Request::new(Method::GET, object_path(self.bucket, self.key));
        if let Some((offset_bytes, etag)) = self.from {
            let range = format!("bytes={offset_bytes}-");
            if let (Ok(range), Ok(etag)) =
                (HeaderValue::from_str(&range), HeaderValue::from_str(&format!("\"{etag}\"")))
            {
                request.headers.insert(header::RANGE, range);
                request.headers.insert(header::IF_MATCH, etag);
            }
        }
        request
    }

    /// Reads the head; the body is the object and follows.
    fn parse(&self, head: &Head, _: &[u8]) -> Result<ObjectInfo, S3Error> {
        let unexpected = |text: String| S3Error::unexpected(head, text);
        if let Some((offset_bytes, _)) = self.from {
            let range = head.text("content-range");
            if head.status != StatusCode::PARTIAL_CONTENT
                || !range.starts_with(&format!("bytes {offset_bytes}-"))
            {
                return Err(unexpected(format!("asked for bytes from {offset_bytes} on, got `{range}`")));
            }
        } else if head.status != StatusCode::OK {
            return Err(unexpected("a part came where the whole was asked for".to_owned()));
        }
        ObjectInfo::read(head).map_err(unexpected)
    }
}

/// Asks what is stored with an object. Its errors have no body, so a 404 may mean the key or the bucket.
#[derive(Clone, Debug)]
pub struct HeadObject<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
    /// The key.
    pub key: &'a ObjectKey,
}

impl Operation for HeadObject<'_> {
    type Output = ObjectInfo;

    fn request(&self) -> Request {
        Request::new(Method::HEAD, object_path(self.bucket, self.key))
    }

    fn parse(&self, head: &Head, _: &[u8]) -> Result<ObjectInfo, S3Error> {
        ObjectInfo::read(head).map_err(|text| S3Error::unexpected(head, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    #[test]
    fn the_rest_of_an_object_is_taken_only_from_the_byte_that_was_asked_for() {
        let (bucket, key) = (BucketName::new("abc").unwrap(), ObjectKey::new("k").unwrap());
        let op = GetObject { bucket: &bucket, key: &key, from: Some((7, "e")) };
        let request = op.request();
        assert_eq!(
            (&request.headers["range"], &request.headers["if-match"]),
            (&HeaderValue::from_static("bytes=7-"), &HeaderValue::from_static("\"e\""))
        );
        let mut headers = HeaderMap::new();
        headers.insert("content-length", 3.into());
        headers.insert("etag", HeaderValue::from_static("\"e\""));
        let whole = Head { status: StatusCode::OK, headers: headers.clone() };
        assert!(op.parse(&whole, b"").is_err());
        headers.insert("content-range", HeaderValue::from_static("bytes 7-9/10"));
        assert!(op.parse(&Head { status: StatusCode::PARTIAL_CONTENT, headers }, b"").is_ok());
    }
}
