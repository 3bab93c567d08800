//! Trying again what must not be done twice: before each attempt it is looked at whether an earlier one has succeeded.

use super::{Client, Revision};
use crate::error::{ErrorKind, Result};
use crate::http::BoxFuture;
use crate::s3::{BucketName, ObjectKey};

impl Client {
    /// Tries something until it succeeds, fails for good, or is found to have succeeded.
    pub(super) async fn retry_with_probe<'a>(
        &self,
        attempt: impl Fn() -> BoxFuture<'a, Result<()>> + Send + Sync,
        is_done: impl Fn() -> BoxFuture<'a, Result<bool>> + Send + Sync,
    ) -> Result<()> {
        let mut attempts = 0;
        loop {
            let Err(error) = attempt().await else { return Ok(()) };
            let ambiguity = ambiguity(error.kind());
            if ambiguity == Ambiguity::None || (ambiguity == Ambiguity::OfEarlier && attempts == 0) {
                return Err(error);
            }
            if is_done().await? {
                return Ok(());
            }
            attempts += 1;
            match self.wait(attempts) {
                Some(wait) if ambiguity == Ambiguity::OfThis => self.sleep(wait).await?,
                _ => return Err(error),
            }
        }
    }

    /// An object as it is now, if it is there.
    pub(super) async fn revision(&self, bucket: &BucketName, key: &ObjectKey) -> Result<Option<Revision>> {
        match self.head(bucket, key).await {
            Ok(info) => Ok(Some(Revision::from(&info))),
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
