//! Listings of any length, page by page, flat: radosgw's listings with a delimiter have skipped keys.

use futures_util::{Stream, TryStreamExt, stream};
use tokio_util::task::AbortOnDropHandle;

use super::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::s3::BucketName;
use crate::s3::op::{ListObjects, ListedObject, Page};

impl Client {
    /// All objects of a bucket whose key begins with a prefix, sorted bytewise by key. The next page is fetched while
    /// the one before is read; these two are held in memory.
    pub fn list(
        &self,
        bucket: &BucketName,
        prefix: &str,
    ) -> impl Stream<Item = Result<ListedObject>> + Send + use<> {
        let listing = Listing { client: self.clone(), bucket: bucket.clone(), prefix: prefix.to_owned() };
        let pages = stream::try_unfold(Ahead::Begin(listing), |ahead| async move {
            let (listing, page) = match ahead {
                Ahead::Begin(listing) => listing.after(String::new()).await,
                Ahead::Coming(page) => page.await.map_err(|error| {
                    Error::new(ErrorKind::Internal, "a listing ended before its time").because(error)
                })?,
                Ahead::End => return Ok(None),
            };
            let Page { objects, next, .. } = page?;
            let ahead = match next {
                Some(marker) => Ahead::Coming(listing.fetch(marker)),
                None => Ahead::End,
            };
            Ok(Some((objects, ahead)))
        });
        pages.map_ok(|objects| stream::iter(objects.into_iter().map(Ok))).try_flatten()
    }
}

enum Ahead {
    Begin(Listing),
    /// Dropping the stream ends the task.
    Coming(AbortOnDropHandle<(Listing, Result<Page>)>),
    End,
}

struct Listing {
    client: Client,
    bucket: BucketName,
    prefix: String,
}

impl Listing {
    fn fetch(self, marker: String) -> AbortOnDropHandle<(Self, Result<Page>)> {
        AbortOnDropHandle::new(tokio::spawn(self.after(marker)))
    }

    async fn after(self, marker: String) -> (Self, Result<Page>) {
        let Self { client, bucket, prefix } = &self;
        let page = ListObjects { bucket, prefix, marker: &marker, delimiter: None, max_keys: 1000 };
        let page = client.page(&page).await;
        (self, page)
    }
}
