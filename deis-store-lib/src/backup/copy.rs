//! The objects of a bucket into a snapshot, several at once: each in the way that is known for it.

use std::sync::Arc;

use futures_util::future::{Either, ready};
use futures_util::{FutureExt as _, Stream, TryStreamExt as _, stream};

use super::known::{Ask, Known, Way, known_file, unchanged};
use crate::blocking::blocking;
use crate::disk::Root;
use crate::error::Result;
use crate::key_path::encode;
use crate::part::Part;
use crate::run::Stop;
use crate::s3::client::Revision;
use crate::s3::op::{ListedObject, ObjectInfo};
use crate::s3::{BucketName, Client};
use crate::snapshot::{ListLine, Previous, timestamp};
use crate::transfer::{Downloaded, Downloader, Selection, Sink, ordered};

/// The ways of so many objects are looked for at a time: a page of a listing.
const TOGETHER: usize = 1000;

/// A listed object that is in the snapshot, or is not.
pub(super) enum Arrived {
    /// It was there, or is shared.
    Kept(Box<ListLine>),
    /// Its bytes are shared, and its metadata are new.
    Asked(Box<(ListLine, ObjectInfo)>),
    /// It was fetched, or could not be.
    Fetched(Box<Downloaded>),
}

/// Copies the objects of a bucket below a directory.
pub(super) struct Copying<'a> {
    pub(super) client: &'a Client,
    pub(super) bucket: &'a BucketName,
    pub(super) part: &'a Part,
    pub(super) root: &'a Root,
    /// Whether an interrupted run may have left some there.
    pub(super) goes_on: bool,
    pub(super) previous: &'a Arc<Previous>,
}

impl Copying<'_> {
    /// What becomes of each object of the selection, in the order of the listing.
    pub(super) fn copy(
        &self,
        selection: Selection,
        known: Known,
        stop: Stop,
    ) -> impl Stream<Item = Result<Arrived>> {
        let downloader = Arc::new(
            Downloader::new(self.client, self.bucket, self.root, Sink::Snapshot).small_are_left(self.goes_on),
        );
        let listing = self.client.list(self.bucket, selection.prefix());
        let wanted = listing.try_filter(move |object| std::future::ready(selection.wants(&object.key)));
        let pages = wanted.try_ready_chunks(TOGETHER).map_err(|error| error.1);
        let ways = stream::try_unfold((Box::pin(pages), known), |(mut pages, mut known)| async {
            let Some(listed) = pages.try_next().await? else { return Ok(None) };
            if known.is_nothing() {
                let ways = listed.into_iter().map(Way::Fetch).collect();
                return Ok(Some((ways, (pages, known))));
            }
            let (ways, known) = blocking(move || Ok((known.ways(listed)?, known))).await?;
            Ok(Some((ways, (pages, known))))
        });
        let ways = ways.map_ok(|ways: Vec<Way>| stream::iter(ways.into_iter().map(Ok))).try_flatten();
        // What is there has nothing to wait for, and there is much of it.
        let arrivals = ways.map_ok(move |way| match way {
            Way::Kept(line) => Either::Left(ready(Ok(Arrived::Kept(line)))),
            Way::Ask(ask) => Either::Right(self.ask(ask, Arc::clone(&downloader)).boxed()),
            Way::Fetch(listed) => Either::Right(fetch(listed, Arc::clone(&downloader)).boxed()),
        });
        // Each may keep a thread that writes, of which there are 512: far fewer objects are under way.
        ordered(arrivals, self.client.in_flight(), stop)
    }

    async fn ask(&self, ask: Box<Ask>, downloader: Arc<Downloader<'_>>) -> Result<Arrived> {
        match self.asked(&ask).await? {
            Some(asked) => Ok(Arrived::Asked(Box::new(asked))),
            None => fetch(ask.listed, downloader).await,
        }
    }

    /// The line of an object whose bytes are those of an earlier one, with the metadata that it has now. Nothing if it is
    /// another one by now, or cannot be asked for: then it is fetched, and that says why.
    async fn asked(&self, ask: &Ask) -> Result<Option<(ListLine, ObjectInfo)>> {
        let Ok(info) = self.client.head(self.bucket, &ask.listed.key).await else { return Ok(None) };
        let modified = ask.listed.modified.known().or(info.modified.known());
        let Some(modified) = modified.filter(|_| Revision::from(&info) == Revision::from(&ask.listed)) else {
            return Ok(None);
        };
        let linker = self.previous.linkers(self.root, self.part).into_iter().nth(ask.source).flatten();
        let (line, wanted) = (ask.line.clone(), encode(&ask.listed.key));
        let shared = blocking(move || {
            let path = line.path()?;
            let Some((mut linker, file)) = linker.zip(known_file(&line, &path)) else { return Ok(None) };
            Ok(linker.link(&file, &wanted)?.map(|path| line.stored_at(&path)))
        });
        let Some(line) = shared.await? else { return Ok(None) };
        let line = ListLine {
            file_modified: Some(line.file_modified.unwrap_or(line.modified)),
            modified: timestamp(modified)?,
            etag: ask.listed.etag.clone(),
            content_type: Some(info.content_type.clone()),
            headers: info.headers.clone(),
            meta: info.meta.clone(),
            ..unchanged(line)
        };
        Ok(Some((line, info)))
    }
}

async fn fetch(listed: ListedObject, downloader: Arc<Downloader<'_>>) -> Result<Arrived> {
    downloader.object(listed).await.map(|downloaded| Arrived::Fetched(Box::new(downloaded)))
}
