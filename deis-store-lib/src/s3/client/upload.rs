//! Storing an object in one request. The gateway checks the MD5 that goes along, and we check the `ETag` it answers.

use super::Client;
use super::execute::Call;
use crate::error::{ErrorKind, Result};
use crate::hash::lower_hex;
use crate::http::Body;
use crate::s3::op::{Operation as _, PutObject, Repeat, UploadPart};
use crate::s3::{BucketName, ObjectKey};

impl Client {
    /// Stores an object; its body may be read several times.
    ///
    /// One that shall only be created is an [`ErrorKind::Changed`] if there is another one. Where it is not known what
    /// became of an attempt, the gateway is asked for the object before the next: the same bytes count as ours.
    pub async fn put(&self, operation: &PutObject<'_>, body: &Body) -> Result<()> {
        let call = Call { body: Some(body), ..Call::default() };
        if operation.repeat() != Repeat::ProbeFirst {
            return self.collected(operation, call).await;
        }
        let expected = (lower_hex(&operation.md5()), body.length_bytes());
        let there = async || self.etag_and_size(operation.bucket(), operation.key()).await;
        self.retry_with_probe(
            || self.collected(operation, call),
            async || Ok(there().await? == Some(expected.clone())),
        )
        .await
    }

    /// Uploads a part; its body may be read several times.
    pub async fn upload_part(&self, operation: &UploadPart<'_>, body: &Body) -> Result<()> {
        self.collected(operation, Call { body: Some(body), ..Call::default() }).await
    }

    /// Tries something until it succeeds, fails for good, or is found to have succeeded.
    pub(super) async fn retry_with_probe(
        &self,
        attempt: impl AsyncFn() -> Result<()>,
        done: impl AsyncFn() -> Result<bool>,
    ) -> Result<()> {
        let mut attempts = 0;
        loop {
            let Err(error) = attempt().await else { return Ok(()) };
            let ambiguity = ambiguity(error.kind());
            if ambiguity == Ambiguity::None || (ambiguity == Ambiguity::OfEarlier && attempts == 0) {
                return Err(error);
            }
            if done().await? {
                return Ok(());
            }
            attempts += 1;
            match self.wait(attempts) {
                Some(wait) if ambiguity == Ambiguity::OfThis => self.sleep(wait).await?,
                _ => return Err(error),
            }
        }
    }

    /// What an object is, if it is there.
    pub(super) async fn etag_and_size(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
    ) -> Result<Option<(String, u64)>> {
        match self.head(bucket, key).await {
            Ok(info) => Ok(Some((info.etag, info.total_bytes))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Whether an attempt that failed may yet have succeeded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ambiguity {
    /// It may, and if not, another one may.
    OfThis,
    /// The answer was not what it should be: it may, and another attempt would get the same.
    OfAnswer,
    /// It was refused, which may be because an earlier one has succeeded.
    OfEarlier,
    None,
}

fn ambiguity(kind: ErrorKind) -> Ambiguity {
    match kind {
        ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::NotReady | ErrorKind::Busy => {
            Ambiguity::OfThis
        }
        ErrorKind::Protocol => Ambiguity::OfAnswer,
        ErrorKind::Occupied | ErrorKind::Changed => Ambiguity::OfEarlier,
        _ => Ambiguity::None,
    }
}
