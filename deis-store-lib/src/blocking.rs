//! Work that waits for the disk, where waiting is allowed.

use crate::error::{Error, ErrorKind, Result};

/// Runs what waits for the disk on the runtime's threads for blocking work.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::new(ErrorKind::Internal, "a task ended before its time").because(error))?
}
