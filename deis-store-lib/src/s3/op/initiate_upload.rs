//! `POST /BUCKET/KEY?uploads`: begins a multipart upload. What is stored with the object is said here.

use std::collections::BTreeMap;

use http::HeaderMap;
use serde::Deserialize;

use super::request::OfObject;
use super::{CannedAcl, Head, Operation, Repeat, Request, object};
use crate::error::Result;
use crate::s3::{BucketName, ObjectKey, S3Error, xml};

/// Begins a multipart upload. Its answer is the upload's id.
#[derive(Clone, Debug)]
pub struct InitiateUpload<'a> {
    bucket: &'a BucketName,
    key: &'a ObjectKey,
    headers: HeaderMap,
    acl: Option<CannedAcl>,
}

impl<'a> InitiateUpload<'a> {
    /// An upload of an object with a type, headers of [`super::KEPT_HEADERS`] and metadata.
    pub fn new(
        bucket: &'a BucketName,
        key: &'a ObjectKey,
        content_type: Option<&str>,
        kept: &BTreeMap<String, String>,
        meta: &BTreeMap<String, String>,
    ) -> Result<Self> {
        Ok(Self { bucket, key, headers: object::headers(content_type, kept, meta)?, acl: None })
    }

    /// The bucket.
    #[must_use]
    pub fn bucket(&self) -> &'a BucketName {
        self.bucket
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &'a ObjectKey {
        self.key
    }

    /// Sets who may do what with the object; without this it is private.
    #[must_use]
    pub fn acl(mut self, acl: CannedAcl) -> Self {
        self.acl = Some(acl);
        self
    }
}

impl Operation for InitiateUpload<'_> {
    type Output = String;

    fn request(&self) -> Request {
        let mut request = OfObject::INITIATE_UPLOAD.request(self.bucket, self.key, []);
        request.headers.clone_from(&self.headers);
        if let Some(acl) = self.acl {
            acl.write(&mut request.headers);
        }
        request
    }

    /// A repeated one would leave an upload that nobody completes.
    fn repeat(&self) -> Repeat {
        Repeat::No
    }

    fn parse(&self, head: &Head, body: &[u8]) -> Result<String, S3Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answer {
            upload_id: String,
        }
        let answer: Answer = xml::parse(body, "InitiateMultipartUploadResult")
            .map_err(|text| S3Error::unexpected(head, text))?;
        if answer.upload_id.is_empty() {
            return Err(S3Error::unexpected(head, "the upload has no id"));
        }
        Ok(answer.upload_id)
    }
}
