//! Work of the processor, for all cores: on the runtime's threads for blocking work.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

/// How long work waits for a free thread.
const PATIENCE: Duration = Duration::from_millis(100);

/// How many pieces of work are begun before the first must be done: one for each core, and one that is finished already
/// when its turn comes.
pub(super) fn at_once() -> usize {
    available_parallelism().map_or(1, usize::from) + 1
}

/// Begins work on another thread.
///
/// All of these threads may be taken by what waits for our own result: by a task that writes it to the disk, for one. So if
/// the work has not begun after some time, it is done by who waits for it.
pub(super) fn begin<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> impl Future<Output = io::Result<T>> + Send {
    let work = Arc::new(Mutex::new(Some(work)));
    let take = |work: &Mutex<Option<_>>| work.lock().unwrap_or_else(PoisonError::into_inner).take();
    let theirs = Arc::clone(&work);
    let mut thread = AbortOnDropHandle::new(spawn_blocking(move || take(&theirs).map(|work| work())));
    async move {
        let done = match timeout(PATIENCE, &mut thread).await {
            Ok(done) => done,
            Err(_) => match take(&work) {
                Some(work) => return work(),
                None => thread.await,
            },
        };
        done.map_err(io::Error::other)?
            .unwrap_or_else(|| Err(io::Error::other("the work was done elsewhere")))
    }
}
