//! Storing a file, said piece by piece and then awaited: in one request, or in parts if it is big.
//!
//! It is here and not with the client since it reads files: the client knows none, and how a file is read, hashed and
//! sent is known here once.

use std::collections::BTreeMap;
use std::fs::File;
use std::future::IntoFuture;
use std::path::{Path, PathBuf};

use super::upload::{UploadFile, Uploader};
use crate::blocking::blocking;
use crate::error::{At, Context as _, Error, ErrorKind, Result, disk_error};
use crate::http::BoxFuture;
use crate::s3::client::Revision;
use crate::s3::op::{CannedAcl, PutObject};
use crate::s3::{BucketName, Client, ObjectKey};

/// A file that is to be stored: to be awaited.
#[derive(Debug)]
#[must_use = "nothing is sent until it is awaited"]
pub struct PutFile<'a> {
    client: &'a Client,
    bucket: &'a BucketName,
    key: &'a ObjectKey,
    path: PathBuf,
    content_type: Option<String>,
    headers: BTreeMap<String, String>,
    meta: BTreeMap<String, String>,
    acl: Option<CannedAcl>,
    creates_only: bool,
}

impl Client {
    /// Stores a file with its MD5: over 64 MiB in parts, of which those that an earlier call has left are kept.
    ///
    /// A file that is changed meanwhile is an [`ErrorKind::SourceChanged`].
    pub fn put_file<'a>(
        &'a self,
        bucket: &'a BucketName,
        key: &'a ObjectKey,
        path: impl AsRef<Path>,
    ) -> PutFile<'a> {
        PutFile {
            client: self,
            bucket,
            key,
            path: path.as_ref().to_owned(),
            content_type: None,
            headers: BTreeMap::new(),
            meta: BTreeMap::new(),
            acl: None,
            creates_only: false,
        }
    }
}

impl PutFile<'_> {
    /// With this `Content-Type`.
    pub fn content_type(self, content_type: impl Into<String>) -> Self {
        Self { content_type: Some(content_type.into()), ..self }
    }

    /// With one of the headers of [`crate::s3::op::KEPT_HEADERS`], such as `cache-control`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(name.into(), value.into());
        self
    }

    /// With metadata; the name is without `x-amz-meta-`.
    pub fn meta(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.meta.insert(name.into(), value.into());
        self
    }

    /// With other rights than its owner's alone.
    pub fn acl(self, acl: CannedAcl) -> Self {
        Self { acl: Some(acl), ..self }
    }

    /// Only if nothing has its key yet; else it is an [`ErrorKind::Occupied`]. It then goes in one request, of up to
    /// 5 GiB: radosgw knows no such condition for parts.
    pub fn create_only(self) -> Self {
        Self { creates_only: true, ..self }
    }

    async fn send(self) -> Result<Revision> {
        let (bucket, key) = (self.bucket, self.key);
        self.sent().await.at(At::Bucket, bucket).at(At::Key, key)
    }

    async fn sent(self) -> Result<Revision> {
        let Self { client, bucket, key, path, .. } = self;
        let (file, size_bytes) = blocking(move || open(&path)).await?;
        if self.creates_only && size_bytes > PutObject::MOST_BYTES {
            let what = "a file of more than 5 GiB goes in parts, and these cannot be for a new object alone";
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
        let file = UploadFile {
            content_type: self.content_type,
            headers: self.headers,
            meta: self.meta,
            acl: self.acl,
            in_one: self.creates_only,
            creates_only: self.creates_only,
            ..UploadFile::new(key.as_str(), size_bytes, move || Ok(file))
        };
        let uploader = Uploader { client, bucket, look_first: false };
        let etag = uploader.upload(file).await?.etag;
        Ok(Revision { size_bytes, etag })
    }
}

fn open(path: &Path) -> Result<(File, u64)> {
    let failed = |error| disk_error("read the file", path.display(), error);
    // Asked before: to open a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(Error::new(ErrorKind::Usage, "not a regular file").at(At::Path, path.display()));
    }
    let file = File::open(path).map_err(failed)?;
    let size_bytes = file.metadata().map_err(failed)?.len();
    Ok((file, size_bytes))
}

impl<'a> IntoFuture for PutFile<'a> {
    type Output = Result<Revision>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
