//! Before the last round of a sync into a bucket: whether what was sent is listed. A gateway that says so and has not stored it
//! would else get a sentinel that says that all of it is there.

use futures_util::{Stream, TryStreamExt as _};

use crate::error::Result;
use crate::run::{Level, Running};
use crate::tree::{Keyed, Pair, merge};

/// Whether a key of the source is not in the target. The first such is told of.
pub(super) async fn lacks_any<S: Keyed, T: Keyed>(
    source: impl Stream<Item = Result<S>> + Send,
    target: impl Stream<Item = Result<T>> + Send,
    task: &Running<'_>,
) -> Result<bool> {
    let mut pairs = Box::pin(merge(source, target));
    while let Some(pair) = pairs.try_next().await? {
        if let Pair::Left(missing) = pair {
            let text = format!("{}: it is not listed, after all were sent", missing.key());
            task.note(Level::Warning, "not-listed", &text);
            return Ok(true);
        }
    }
    Ok(false)
}
