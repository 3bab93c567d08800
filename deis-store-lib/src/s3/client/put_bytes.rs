//! Storing bytes that are in memory, said piece by piece and then awaited.

use std::collections::BTreeMap;
use std::future::IntoFuture;

use bytes::Bytes;

use super::put::md5_of;
use super::{Client, Revision};
use crate::error::Result;
use crate::hash::lower_hex;
use crate::http::{Body, BoxFuture};
use crate::s3::op::{CannedAcl, PutObject};
use crate::s3::{BucketName, ObjectKey};

/// An object that is to be stored: to be awaited.
#[derive(Debug)]
#[must_use = "nothing is sent until it is awaited"]
pub struct PutBytes<'a> {
    client: &'a Client,
    bucket: &'a BucketName,
    key: &'a ObjectKey,
    bytes: Bytes,
    content_type: Option<String>,
    headers: BTreeMap<String, String>,
    meta: BTreeMap<String, String>,
    acl: Option<CannedAcl>,
    creates_only: bool,
}

impl Client {
    /// Stores bytes, in one request, with their MD5.
    ///
    /// ```no_run
    /// # use deis_store::s3::{BucketName, Client, ObjectKey};
    /// # async fn store(client: Client, bucket: BucketName, key: ObjectKey) -> deis_store::Result<()> {
    /// client.put_bytes(&bucket, &key, "hello").content_type("text/plain").meta("from", "me").create_only().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn put_bytes<'a>(
        &'a self,
        bucket: &'a BucketName,
        key: &'a ObjectKey,
        bytes: impl Into<Bytes>,
    ) -> PutBytes<'a> {
        PutBytes {
            client: self,
            bucket,
            key,
            bytes: bytes.into(),
            content_type: None,
            headers: BTreeMap::new(),
            meta: BTreeMap::new(),
            acl: None,
            creates_only: false,
        }
    }
}

impl PutBytes<'_> {
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

    /// Only if nothing has its key yet; else it is an [`crate::ErrorKind::Occupied`]. Of two at once, both may succeed.
    pub fn create_only(self) -> Self {
        Self { creates_only: true, ..self }
    }

    async fn send(self) -> Result<Revision> {
        let size_bytes = self.bytes.len() as u64;
        let md5 = md5_of(self.bytes.clone()).await?;
        let operation = PutObject::new(self.bucket, self.key, size_bytes, md5)?;
        let mut operation = operation.with(self.content_type.as_deref(), &self.headers, &self.meta)?;
        if let Some(acl) = self.acl {
            operation = operation.acl(acl);
        }
        if self.creates_only {
            operation = operation.create_only();
        }
        self.client.put_hashed(&operation, &Body::Bytes(self.bytes)).await?;
        Ok(Revision { size_bytes, etag: lower_hex(&md5) })
    }
}

impl<'a> IntoFuture for PutBytes<'a> {
    type Output = Result<Revision>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
