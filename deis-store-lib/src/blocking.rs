//! Work that waits for the disk, where waiting is allowed.

use std::io;

use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::mpsc;

use crate::error::{Error, ErrorKind, Result};

/// How many items are handed over at a time, since each handing over wakes the receiver's task.
const TOGETHER: usize = 256;

/// How often so many may wait for the receiver: about as many as a page of a listing has, since that comes at once.
const AHEAD: usize = 4;

/// Runs work that waits for the disk on the runtime's threads for blocking work.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::new(ErrorKind::Internal, "a task ended before its time").because(error))?
}

/// The same for work whose errors are those of the operating system.
pub(crate) async fn blocking_io<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// The items of an iterator that waits for the disk, read ahead by a blocking task.
pub(crate) fn read_ahead<T: Send + 'static, I: Iterator<Item = Result<T>>>(
    begin: impl FnOnce() -> Result<I> + Send + 'static,
) -> impl Stream<Item = Result<T>> + Send {
    let (sender, receiver) = mpsc::channel::<Vec<Result<T>>>(AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut items = match begin() {
            Ok(items) => items,
            // If the receiver has gone away, it wants no error either.
            Err(error) => return drop(sender.blocking_send(vec![Err(error)])),
        };
        loop {
            let some: Vec<_> = items.by_ref().take(TOGETHER).collect();
            // A receiver that has gone away wants no more.
            if some.is_empty() || sender.blocking_send(some).is_err() {
                return;
            }
        }
    });
    let batches =
        stream::unfold(receiver, async |mut receiver| receiver.recv().await.map(|some| (some, receiver)));
    batches.flat_map(stream::iter)
}
