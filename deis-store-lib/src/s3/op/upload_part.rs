//! `PUT /BUCKET/KEY?partNumber=N&uploadId=U`: uploads a part. Uploaded again, it replaces the one before.

use super::request::OfObject;
use super::{About, Head, Operation, Request, Target, object};
use crate::error::{Error, ErrorKind, Result};
use crate::s3::{BucketName, ObjectKey, S3Error};

/// Uploads a part of known MD5. Its body is given beside the request.
#[derive(Clone, Debug)]
pub struct UploadPart<'a> {
    bucket: &'a BucketName,
    key: &'a ObjectKey,
    upload_id: &'a str,
    number: u16,
    md5: [u8; 16],
}

impl<'a> UploadPart<'a> {
    /// A part, counted from 1 to 10,000: radosgw takes others and then cannot complete the upload.
    pub fn new(
        bucket: &'a BucketName,
        key: &'a ObjectKey,
        upload_id: &'a str,
        number: u16,
        md5: [u8; 16],
    ) -> Result<Self> {
        check_number(number)?;
        Ok(Self { bucket, key, upload_id, number, md5 })
    }
}

impl Operation for UploadPart<'_> {
    type Output = ();

    fn request(&self) -> Request {
        let number = self.number.to_string();
        let mut request = OfObject::UPLOAD_PART.request(self.bucket, self.key, [&number, self.upload_id]);
        object::content_md5(&mut request.headers, self.md5);
        request
    }

    fn parse(&self, head: &Head, _: &[u8]) -> Result<(), S3Error> {
        object::stored(head, self.md5)
    }
}

impl About for UploadPart<'_> {
    fn target(&self) -> Target<'_> {
        Target::Object { bucket: self.bucket, key: self.key }
    }
}

/// radosgw takes parts with other numbers, and then cannot complete the upload.
pub(super) fn check_number(number: u16) -> Result<()> {
    if (1..=10_000).contains(&number) {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::Usage, format!("a part's number is 1 to 10,000, not {number}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_encoded_and_a_number_out_of_range_refused() {
        let (bucket, key) = (BucketName::new("abc").unwrap(), ObjectKey::new("k").unwrap());
        let part = UploadPart::new(&bucket, &key, "2~a/b", 7, [0; 16]).unwrap();
        assert_eq!(part.request().target(), "/abc/k?partNumber=7&uploadId=2~a%2Fb");
        assert!(UploadPart::new(&bucket, &key, "2~a", 0, [0; 16]).is_err());
        assert!(UploadPart::new(&bucket, &key, "2~a", 10_001, [0; 16]).is_err());
    }
}
