//! `POST /BUCKET/KEY?uploads`: begins a multipart upload. It says what is stored with the object.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue, header};

use super::operation::Repeat;
use super::request::OfObject;
use super::{About, CannedAcl, Head, ObjectInfo, Operation, Request, Target, object};
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

    /// The rights to the object, if they were said.
    #[cfg(feature = "client")]
    #[must_use]
    pub(crate) fn canned_acl(&self) -> Option<CannedAcl> {
        self.acl
    }

    /// Sets who may do what with the object; without this it is private.
    #[must_use]
    pub fn acl(mut self, acl: CannedAcl) -> Self {
        self.acl = Some(acl);
        self
    }
}

impl InitiateUpload<'_> {
    /// Whether an object has what this would have stored with it. The rights to it are not seen.
    #[must_use]
    pub fn is_stored_with(&self, info: &ObjectInfo) -> bool {
        // radosgw stores this where no type was sent.
        const NO_TYPE: HeaderValue = HeaderValue::from_static("binary/octet-stream");
        let mut wanted = self.headers.clone();
        wanted.entry(header::CONTENT_TYPE).or_insert(NO_TYPE);
        object::headers(Some(&info.content_type), &info.headers, &info.meta)
            .is_ok_and(|stored| stored == wanted)
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

    fn parse(&self, head: &Head, body: &[u8]) -> Result<String, S3Error> {
        let [upload_id] = xml::texts(body, "InitiateMultipartUploadResult", ["UploadId"])
            .map_err(|text| S3Error::unexpected(head, text))?;
        upload_id
            .filter(|upload_id| !upload_id.is_empty())
            .ok_or_else(|| S3Error::unexpected(head, "the upload has no id"))
    }
}

impl About for InitiateUpload<'_> {
    fn target(&self) -> Target<'_> {
        Target::Object { bucket: self.bucket, key: self.key }
    }

    /// A repeated one would leave an upload that nobody completes.
    fn repeat(&self) -> Repeat {
        Repeat::No
    }
}
