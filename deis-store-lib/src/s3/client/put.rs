//! Storing an object in one request. The gateway checks the MD5 that goes along, and we check the `ETag` it answers.

use bytes::Bytes;
use futures_util::FutureExt as _;

use super::execute::Call;
use super::{Client, Revision};
use crate::error::{At, Error, ErrorKind, Result};
use crate::hash::{Md5, lower_hex};
use crate::http::Body;
use crate::s3::op::{About as _, PutObject, Repeat, UploadPart};

/// More bytes than this are hashed in a thread that may be busy for long.
const HASHED_AT_ONCE_BYTES: usize = 64 << 10;

impl Client {
    /// Stores an object; its body may be read several times. One that is not as long as was announced, or is in memory
    /// and has another MD5, is an [`ErrorKind::Usage`], and nothing is sent.
    ///
    /// One that shall only be created is an [`ErrorKind::Occupied`] if there is another one. Where it is not known what
    /// became of an attempt, the gateway is asked for the object before the next: the same bytes count as ours.
    pub async fn put(&self, operation: &PutObject<'_>, body: &Body) -> Result<()> {
        if let Body::Bytes(bytes) = body
            && bytes.len() as u64 == operation.size_bytes()
            && md5_of(bytes.clone()).await? != operation.md5()
        {
            return Err(wrong_body(operation, "the body has another MD5 than was announced"));
        }
        self.put_hashed(operation, body).await
    }

    /// The same, for a caller that has just hashed the body.
    pub(crate) async fn put_hashed(&self, operation: &PutObject<'_>, body: &Body) -> Result<()> {
        if body.length_bytes() != operation.size_bytes() {
            return Err(wrong_body(operation, "the body is not as long as was announced"));
        }
        let call = Call { body: Some(body), ..Call::default() };
        if operation.repeat() != Repeat::ProbeFirst {
            return self.collected(operation, call).await;
        }
        let ours = &Revision { size_bytes: operation.size_bytes(), etag: lower_hex(&operation.md5()) };
        let is_there = || async move {
            let there = self.revision(operation.bucket(), operation.key()).await?;
            Ok(there.as_ref() == Some(ours))
        };
        self.retry_with_probe(|| self.collected(operation, call).boxed(), || is_there().boxed()).await
    }

    /// Uploads a part; its body may be read several times.
    pub async fn upload_part(&self, operation: &UploadPart<'_>, body: &Body) -> Result<()> {
        self.collected(operation, Call { body: Some(body), ..Call::default() }).await
    }
}

/// The MD5 of bytes in memory, however many.
pub(super) async fn md5_of(bytes: Bytes) -> Result<[u8; 16]> {
    if bytes.len() <= HASHED_AT_ONCE_BYTES {
        return Ok(Md5::of(&bytes));
    }
    let hash = move || {
        let mut md5 = Md5::new();
        md5.update_piece(bytes);
        md5.finish()
    };
    let ended = |error| Error::new(ErrorKind::Internal, "a task ended before its time").because(error);
    tokio::task::spawn_blocking(hash).await.map_err(ended)
}

fn wrong_body(operation: &PutObject<'_>, what: &str) -> Error {
    let error = Error::new(ErrorKind::Usage, what);
    error.at(At::Bucket, operation.bucket()).at(At::Key, operation.key())
}
