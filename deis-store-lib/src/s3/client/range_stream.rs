//! Some bytes of an object in one stream, which goes on after a break at the byte where it broke.

use bytes::Bytes;
use futures_util::stream;

use super::Client;
use crate::error::{At, Context, Error, ErrorKind, Result};
use crate::http::Received;
use crate::s3::op::{ByteRange, Conditions, GetObject, ObjectInfo};
use crate::s3::{BucketName, ObjectKey};

/// A span of an object that is being downloaded.
pub(super) struct RangeStream<'a> {
    client: &'a Client,
    bucket: &'a BucketName,
    key: &'a ObjectKey,
    version_id: Option<&'a str>,
    etag: String,
    total_bytes: u64,
    /// Where the next byte is in the object.
    offset_bytes: u64,
    end_bytes: u64,
    received: Received,
    /// Attempts since the last byte came.
    attempts: u32,
}

impl<'a> RangeStream<'a> {
    /// What was asked for, and the answer to it.
    pub(super) fn new(
        client: &'a Client,
        operation: &GetObject<'a>,
        info: &ObjectInfo,
        received: Received,
    ) -> Self {
        let offset_bytes = operation.range.map_or(0, |range| range.first);
        Self {
            client,
            bucket: operation.bucket,
            key: operation.key,
            version_id: operation.version_id,
            etag: info.etag.clone(),
            total_bytes: info.total_bytes,
            offset_bytes,
            end_bytes: offset_bytes + info.size_bytes,
            received,
            attempts: 0,
        }
    }

    /// The next bytes; `None` when all that were announced have come.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            // A big object would otherwise hold up a run that is to stop until its end.
            self.client.0.stop.check()?;
            let error = match self.received.next().await {
                Some(Ok(bytes)) => {
                    self.attempts = 0;
                    self.offset_bytes += bytes.len() as u64;
                    self.client.0.permits.moved(bytes.len() as u64);
                    return Ok(Some(bytes));
                }
                None if self.offset_bytes == self.end_bytes => return Ok(None),
                None => Error::new(ErrorKind::Protocol, "the object came short")
                    .because(format!("{} of {} bytes", self.offset_bytes, self.end_bytes)),
                Some(Err(error)) => error.into_error(),
            };
            self.attempts += 1;
            let error = error.at(At::Bucket, self.bucket).at(At::Key, self.key);
            let Some(wait) = self.client.wait(self.attempts) else { return Err(error) };
            self.client.sleep(wait).await?;
            self.resume().await.at(At::Bucket, self.bucket).at(At::Key, self.key)?;
        }
    }

    /// All that is left of it.
    pub(super) async fn collect(mut self) -> Result<Vec<Bytes>> {
        let mut pieces = Vec::new();
        while let Some(piece) = self.next().await? {
            pieces.push(piece);
        }
        Ok(pieces)
    }

    async fn resume(&mut self) -> Result<()> {
        // The broken body holds a permit, which the next attempt needs.
        self.received = Received::new(Box::pin(stream::empty()));
        let Some(last) = self.end_bytes.checked_sub(1).filter(|last| self.offset_bytes <= *last) else {
            return Ok(());
        };
        let operation = GetObject {
            range: Some(ByteRange { first: self.offset_bytes, last: Some(last) }),
            conditions: Conditions { if_match: Some(&self.etag), ..Conditions::default() },
            version_id: self.version_id,
            ..GetObject::new(self.bucket, self.key)
        };
        let (rest, received) = self.client.streamed(&operation).await?;
        // Something in between may not know `If-Match`.
        if rest.etag != self.etag {
            let text = format!("its ETag was {} and is {}", self.etag, rest.etag);
            return Err(Error::new(ErrorKind::Changed, "the object is not what it was").because(text));
        }
        if rest.total_bytes != self.total_bytes {
            return Err(Error::new(
                ErrorKind::Protocol,
                "the rest of the object has another length than was announced",
            ));
        }
        self.received = received;
        Ok(())
    }
}
