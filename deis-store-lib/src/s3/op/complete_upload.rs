//! `POST /BUCKET/KEY?uploadId=U`: makes an object of all uploaded parts.
//!
//! radosgw answers the first success with an empty `ETag`, and an unknown upload with a 500; a client that does not know
//! what became of the request asks with HEAD for the object.

use std::fmt::Write as _;

use super::operation::Repeat;
use super::request::OfObject;
use super::{About, Head, Operation, Request, Target};
use crate::hash::lower_hex;
use crate::s3::{BucketName, ObjectKey, S3Error, xml};

/// Completes a multipart upload: the MD5s of all its parts, numbered from 1.
#[derive(Clone, Debug)]
pub struct CompleteUpload<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
    /// The key.
    pub key: &'a ObjectKey,
    /// The upload's id.
    pub upload_id: &'a str,
    /// The MD5s of the parts.
    pub parts: &'a [[u8; 16]],
}

impl Operation for CompleteUpload<'_> {
    type Output = ();

    fn request(&self) -> Request {
        let mut request = OfObject::COMPLETE_UPLOAD.request(self.bucket, self.key, [self.upload_id]);
        // Compact: radosgw takes 1 MiB, and 10,000 parts need most of it.
        let mut body = String::from("<CompleteMultipartUpload>");
        for (index, md5) in self.parts.iter().enumerate() {
            let (number, etag) = (index + 1, lower_hex(md5));
            let _ = write!(body, "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
        }
        body.push_str("</CompleteMultipartUpload>");
        request.body = body.into();
        request
    }

    /// An answer of success may still hold an error: the status goes out before the parts are joined.
    fn parse(&self, head: &Head, body: &[u8]) -> Result<(), S3Error> {
        let [key] = xml::texts(body, "CompleteMultipartUploadResult", ["Key"])
            .map_err(|text| S3Error::unexpected(head, text))?;
        if key.as_deref() != Some(self.key.as_str()) {
            return Err(S3Error::unexpected(head, "the answer is about another object"));
        }
        Ok(())
    }
}

impl About for CompleteUpload<'_> {
    fn target(&self) -> Target<'_> {
        Target::Object { bucket: self.bucket, key: self.key }
    }

    /// HEAD tells whether the object is there: radosgw may answer a repeated one with a 500.
    fn repeat(&self) -> Repeat {
        Repeat::ProbeFirst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_are_named_and_an_error_in_a_success_is_one() {
        let (bucket, key) = (BucketName::new("abc").unwrap(), ObjectKey::new("k").unwrap());
        let complete =
            CompleteUpload { bucket: &bucket, key: &key, upload_id: "u", parts: &[[0; 16], [1; 16]] };
        let body = String::from_utf8(complete.request().body.to_vec()).unwrap();
        assert!(body.contains("<PartNumber>2</PartNumber><ETag>01010101010101010101010101010101</ETag>"));
        let head = Head { status: http::StatusCode::OK, headers: http::HeaderMap::new() };
        let answer =
            b"<CompleteMultipartUploadResult><Key>k</Key><ETag></ETag></CompleteMultipartUploadResult>";
        assert!(complete.parse(&head, answer).is_ok());
        assert!(complete.parse(&head, b"<Error><Code>InternalError</Code></Error>").is_err());
    }
}
