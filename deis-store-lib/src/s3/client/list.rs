//! Listings of any length, page by page, flat: radosgw's listings with a delimiter have skipped keys.

use futures_util::{Stream, TryStreamExt as _, stream};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::s3::BucketName;
use crate::s3::op::{ListObjects, ListedObject, Page};

impl Client {
    /// All objects of a bucket whose key begins with a prefix, sorted bytewise by key. Two pages are fetched ahead of the
    /// one that is read, and each is asked for as soon as the one before has come.
    pub fn list(
        &self,
        bucket: &BucketName,
        prefix: &str,
    ) -> impl Stream<Item = Result<ListedObject>> + Send + use<> {
        let listing = Listing { client: self.clone(), bucket: bucket.clone(), prefix: prefix.to_owned() };
        let pages = stream::try_unfold(Ahead::Begin(listing), Ahead::next);
        pages.map_ok(|objects| stream::iter(objects.into_iter().map(Ok))).try_flatten()
    }
}

/// The pages that have not been read.
enum Ahead {
    /// Nobody has read yet, and nothing is asked for.
    Begin(Listing),
    /// Dropping the stream ends the task.
    Coming(mpsc::Receiver<Result<Page>>, AbortOnDropHandle<()>),
    End,
}

impl Ahead {
    async fn next(self) -> Result<Option<(Vec<ListedObject>, Self)>> {
        let (mut pages, task) = match self {
            Self::Begin(listing) => {
                let (sender, pages) = mpsc::channel(1);
                (pages, AbortOnDropHandle::new(tokio::spawn(listing.fetch(sender))))
            }
            Self::Coming(pages, task) => (pages, task),
            Self::End => return Ok(None),
        };
        // The last page says that it is: where there is none, it is no end.
        let ended = || Error::new(ErrorKind::Internal, "a listing ended before its time");
        let Page { objects, next, .. } = pages.recv().await.ok_or_else(ended)??;
        Ok(Some((objects, if next.is_some() { Self::Coming(pages, task) } else { Self::End })))
    }
}

struct Listing {
    client: Client,
    bucket: BucketName,
    prefix: String,
}

impl Listing {
    async fn fetch(self, pages: mpsc::Sender<Result<Page>>) {
        let Self { client, bucket, prefix } = &self;
        let mut marker = Some(String::new());
        while let Some(last) = marker {
            let page = ListObjects { bucket, prefix, marker: &last, delimiter: None, max_keys: 1000 };
            let page = client.page(&page).await;
            marker = page.as_ref().ok().and_then(|page| page.next.clone());
            // Who does not wait for it wants no more.
            if pages.send(page).await.is_err() {
                return;
            }
        }
    }
}
