//! One object's way up from a file: it is read and hashed, and sent in one request or in parts.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

use futures_util::stream;

use super::breaker::befalls_all;
use super::file_body::FileBody;
use super::file_hashes::{HashedFile, check_unchanged, hash_file};
use crate::blocking::blocking;
use crate::error::{At, Context as _, Error, ErrorKind, Result};
use crate::hash::{Sha256, lower_hex};
use crate::http::Body;
use crate::s3::client::{Part, Revision, UploadOptions};
use crate::s3::etag::parts_etag;
use crate::s3::op::{CannedAcl, InitiateUpload, PutObject};
use crate::s3::{BucketName, Client, ObjectKey, PartLayout};

/// A file over this size is uploaded in parts: less to send again when something breaks.
const IN_ONE_BYTES: u64 = 64 << 20;

/// A file that is to become an object.
pub(crate) struct UploadFile {
    /// The key.
    pub(crate) key: String,
    /// Opens the file.
    pub(crate) open: Box<dyn FnOnce() -> Result<File> + Send>,
    /// Its size in bytes.
    pub(crate) size_bytes: u64,
    /// The digest it must have, if that is known.
    pub(crate) sha256: Option<Sha256>,
    /// `Content-Type`.
    pub(crate) content_type: Option<String>,
    /// Headers that are kept with the object.
    pub(crate) headers: BTreeMap<String, String>,
    /// The user's metadata.
    pub(crate) meta: BTreeMap<String, String>,
    /// The size of the parts to upload it in, where its `ETag` shall be one of such parts.
    pub(crate) part_size_bytes: Option<u64>,
    /// Whether its `ETag` shall be its MD5: then it goes in one request, however big, if one can carry it.
    pub(crate) in_one: bool,
    /// The rights to it; without this it is private.
    pub(crate) acl: Option<CannedAcl>,
    /// Whether it is stored only if nothing has its key yet: for what goes in one request.
    pub(crate) creates_only: bool,
}

impl UploadFile {
    /// A file with nothing said of it but its key and its size.
    pub(crate) fn new(
        key: impl Into<String>,
        size_bytes: u64,
        open: impl FnOnce() -> Result<File> + Send + 'static,
    ) -> Self {
        Self {
            key: key.into(),
            open: Box::new(open),
            size_bytes,
            sha256: None,
            content_type: None,
            headers: BTreeMap::new(),
            meta: BTreeMap::new(),
            part_size_bytes: None,
            in_one: false,
            acl: None,
            creates_only: false,
        }
    }
}

/// An object that has the bytes of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UploadedFile {
    /// Its `ETag`.
    pub(crate) etag: String,
    /// Whether it was there already, with the same bytes.
    pub(crate) unchanged: bool,
}

/// Uploads files into a bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Uploader<'a> {
    /// The cluster's gateways.
    pub(crate) client: &'a Client,
    /// The bucket.
    pub(crate) bucket: &'a BucketName,
    /// Whether an object may be there already: one with the same bytes is then left as it is.
    pub(crate) look_first: bool,
}

impl Uploader<'_> {
    /// Uploads one file: in parts if it is big.
    pub(crate) async fn upload(&self, file: UploadFile) -> Result<UploadedFile> {
        let key = ObjectKey::new(&file.key)?;
        let uploaded = self.send(&key, file).await;
        let uploaded = uploaded.map_err(|error| if befalls_all(&error) { error.of_run() } else { error });
        uploaded.at(At::Bucket, self.bucket).at(At::Key, &key)
    }

    async fn send(&self, key: &ObjectKey, file: UploadFile) -> Result<UploadedFile> {
        let Self { client, bucket, look_first } = *self;
        let UploadFile {
            open,
            size_bytes,
            sha256,
            content_type,
            headers,
            meta,
            part_size_bytes,
            in_one,
            acl,
            creates_only,
            ..
        } = file;
        let in_one_bytes = if in_one { PutObject::MOST_BYTES } else { IN_ONE_BYTES };
        let in_parts = size_bytes > in_one_bytes || part_size_bytes.is_some();
        let layout = in_parts.then(|| PartLayout::new(size_bytes, part_size_bytes)).transpose()?;
        let hashed = blocking(move || hash_file(open()?, size_bytes, layout, sha256.is_some())).await?;
        if hashed.sha256 != sha256 {
            return Err(Error::new(ErrorKind::Damaged, "the file is not what it was when it was backed up")
                .todo("take it from another snapshot; `verify` names all that are damaged"));
        }
        let etag = match layout {
            Some(_) => parts_etag(&hashed.md5s),
            None => lower_hex(&hashed.md5),
        };
        let content_type = content_type.as_deref();
        let mut begin = InitiateUpload::new(bucket, key, content_type, &headers, &meta)?;
        if let Some(acl) = acl {
            begin = begin.acl(acl);
        }
        if look_first {
            let same = match client.head(bucket, key).await {
                Ok(there) => {
                    Revision::from(&there) == Revision { size_bytes, etag: etag.clone() }
                        && begin.is_stored_with(&there)
                }
                Err(error) if error.kind() == ErrorKind::NotFound => false,
                Err(error) => return Err(error),
            };
            if same {
                return Ok(UploadedFile { etag, unchanged: true });
            }
        }
        let HashedFile { file, bytes, md5, md5s, .. } = hashed;
        let sent = if let Some(layout) = layout {
            let parts = (1..=layout.count()).zip(md5s.clone()).filter_map(|(number, md5)| {
                let (offset_bytes, size_bytes) = layout.part(number)?;
                let body = FileBody { file: file.clone(), offset_bytes, size_bytes };
                Some(Ok(Part { body: Body::Source(Arc::new(body)), md5 }))
            });
            let options = UploadOptions { continues: Some(layout), ..UploadOptions::default() };
            client.upload(&begin, stream::iter(parts), &options).await.map(drop)
        } else {
            let body = match bytes {
                Some(bytes) => Body::Bytes(bytes),
                None => Body::Source(Arc::new(FileBody { file: file.clone(), offset_bytes: 0, size_bytes })),
            };
            let operation =
                PutObject::new(bucket, key, size_bytes, md5)?.with(content_type, &headers, &meta)?;
            let operation = acl.into_iter().fold(operation, PutObject::acl);
            let operation = if creates_only { operation.create_only() } else { operation };
            client.put_hashed(&operation, &body).await
        };
        match sent {
            Ok(()) => Ok(UploadedFile { etag, unchanged: false }),
            // The gateway may have got other bytes than were hashed because the file has others by now.
            Err(error) if error.kind() == ErrorKind::Protocol => {
                blocking(move || check_unchanged(&file, size_bytes, layout, &md5s)).await?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }
}
