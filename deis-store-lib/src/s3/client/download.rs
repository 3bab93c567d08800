//! One object's bytes: a transfer that breaks goes on at the byte where it broke, if the object is still the same.

use bytes::Bytes;

use super::Client;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::http::Received;
use crate::s3::op::{GetObject, ObjectInfo};
use crate::s3::{BucketName, ObjectKey};

/// An object that is being downloaded.
#[derive(Debug)]
pub struct Download<'a> {
    client: &'a Client,
    bucket: &'a BucketName,
    key: &'a ObjectKey,
    info: ObjectInfo,
    received: Received,
    offset_bytes: u64,
    /// Attempts since the last byte came.
    attempts: u32,
}

impl Client {
    /// Begins to download an object.
    pub async fn get<'a>(&'a self, bucket: &'a BucketName, key: &'a ObjectKey) -> Result<Download<'a>> {
        let operation = GetObject { bucket, key, from: None };
        let (info, received) = self.streamed(&operation).await.at("bucket", bucket).at("key", key)?;
        Ok(Download { client: self, bucket, key, info, received, offset_bytes: 0, attempts: 0 })
    }
}

impl Download<'_> {
    /// What is stored with the object.
    #[must_use]
    pub fn info(&self) -> &ObjectInfo {
        &self.info
    }

    /// The next bytes; `None` when all that were announced have come. Whether they are what the `ETag` says is for
    /// [`crate::mirror::fetch`] to find out.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let error = match self.received.next().await {
                Some(Ok(bytes)) => {
                    self.attempts = 0;
                    self.offset_bytes += bytes.len() as u64;
                    return Ok(Some(bytes));
                }
                None if self.offset_bytes == self.info.size_bytes => return Ok(None),
                None => Error::new(ErrorKind::Protocol, "the object came short")
                    .because(format!("{} of {} bytes", self.offset_bytes, self.info.size_bytes)),
                Some(Err(error)) => error.into_error("the gateway"),
            };
            self.attempts += 1;
            let error = error.at("bucket", self.bucket).at("key", self.key);
            let Some(wait) = self.client.wait(self.attempts) else { return Err(error) };
            self.client.sleep(wait).await?;
            self.resume().await.at("bucket", self.bucket).at("key", self.key)?;
        }
    }

    async fn resume(&mut self) -> Result<()> {
        // The broken body holds a permit, which the next attempt needs.
        self.received = Received::new(Box::pin(futures_util::stream::empty()));
        if self.offset_bytes == self.info.size_bytes {
            return Ok(());
        }
        let from = (self.offset_bytes, self.info.etag.as_str());
        let operation = GetObject { bucket: self.bucket, key: self.key, from: Some(from) };
        let (rest, received) = self.client.streamed(&operation).await?;
        // Something in between may not know `If-Match`.
        if rest.etag != self.info.etag {
            let text = format!("its ETag was {} and is {}", self.info.etag, rest.etag);
            return Err(Error::new(ErrorKind::Guard, "the object is not what it was").because(text));
        }
        if self.offset_bytes + rest.size_bytes != self.info.size_bytes {
            return Err(Error::new(
                ErrorKind::Protocol,
                "the rest of the object has another length than was announced",
            ));
        }
        self.received = received;
        Ok(())
    }
}
