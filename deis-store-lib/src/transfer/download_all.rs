//! The objects of a selection, several at once, into a directory.

use futures_util::TryStreamExt as _;

use super::download::{Downloaded, Downloader, Sink};
use super::ordered::ordered;
use super::selection::Selection;
use crate::disk::Root;
use crate::error::Result;
use crate::run::Running;
use crate::s3::Client;

/// Downloads objects beneath `root` for a snapshot, and calls `each` for every listed one, in the order of the listing.
///
/// A failure of a single object is its outcome. An error befalls all: the listing fails, the disk is full, the run is
/// stopped, or the gateways fail object after object.
pub(crate) async fn download_all(
    client: &Client,
    selection: &Selection,
    root: &Root,
    task: &Running<'_>,
    mut each: impl FnMut(Downloaded) -> Result<()>,
) -> Result<()> {
    let downloader = Downloader::new(client, selection.bucket(), root, Sink::Snapshot);
    let listing = client.list(selection.bucket(), selection.prefix());
    let wanted = listing.try_filter(|object| std::future::ready(selection.wants(&object.key)));
    let downloads = wanted.map_ok(|object| downloader.object(object));
    // Each may keep a thread that writes, of which there are 512: far fewer objects are under way.
    let mut results = Box::pin(ordered(downloads, client.in_flight(), task.run().stop.clone()));
    while let Some(downloaded) = results.try_next().await? {
        task.advance(1, downloaded.stored.as_ref().map_or(0, |stored| stored.size_bytes));
        each(downloaded)?;
    }
    Ok(())
}
