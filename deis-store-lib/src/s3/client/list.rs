//! Listings of any length, page by page, flat: radosgw's listings with a delimiter have skipped keys.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::Stream;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::Client;
use crate::error::{At, Error, ErrorKind, Result};
use crate::s3::BucketName;
use crate::s3::op::{ListObjects, ListedObject, Page};

/// An index that lags behind its objects has caught up after this.
const BEFORE_SECOND_LOOK: Duration = Duration::from_secs(1);

impl Client {
    /// All objects of a bucket whose key begins with a prefix, sorted bytewise by key. Two pages are fetched ahead of the
    /// one that is read, and each is asked for as soon as the one before has come.
    #[must_use]
    pub fn list(&self, bucket: &BucketName, prefix: &str) -> Listing {
        let asked = Asked { client: self.clone(), bucket: bucket.clone(), prefix: prefix.to_owned() };
        Listing { pages: Pages::Asked(asked), objects: Vec::new().into_iter() }
    }
}

/// The objects of a bucket, as they are listed: a stream that ends at its first error.
pub struct Listing {
    pages: Pages,
    /// Those of the page that is read.
    objects: std::vec::IntoIter<ListedObject>,
}

/// The pages that have not been read.
enum Pages {
    /// Nobody has read yet, and nothing is asked for.
    Asked(Asked),
    Coming {
        pages: mpsc::Receiver<Result<Page>>,
        /// Dropping the stream ends it.
        _task: AbortOnDropHandle<()>,
    },
    Ended,
}

impl Stream for Listing {
    type Item = Result<ListedObject>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(object) = self.objects.next() {
                return Poll::Ready(Some(Ok(object)));
            }
            match &mut self.pages {
                Pages::Asked(asked) => {
                    let (sender, pages) = mpsc::channel(1);
                    let task = tokio::spawn(asked.clone().fetch(sender));
                    self.pages = Pages::Coming { pages, _task: AbortOnDropHandle::new(task) };
                }
                Pages::Coming { pages, .. } => {
                    // The last page says that it is: where there is none, it is no end.
                    let ended = || Err(Error::new(ErrorKind::Internal, "a listing ended before its time"));
                    let page = ready!(pages.poll_recv(context)).unwrap_or_else(ended);
                    if !page.as_ref().is_ok_and(|page| page.next.is_some()) {
                        self.pages = Pages::Ended;
                    }
                    match page {
                        Ok(page) => self.objects = page.objects.into_iter(),
                        Err(error) => return Poll::Ready(Some(Err(error))),
                    }
                }
                Pages::Ended => return Poll::Ready(None),
            }
        }
    }
}

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listing").finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Asked {
    client: Client,
    bucket: BucketName,
    prefix: String,
}

impl Asked {
    async fn fetch(self, pages: mpsc::Sender<Result<Page>>) {
        let Self { client, bucket, prefix } = &self;
        let (mut marker, mut objects) = (Some(String::new()), 0_u64);
        while let Some(last) = marker {
            let asked = ListObjects { bucket, prefix, marker: &last, delimiter: None, max_keys: 1000 };
            let mut page = client.page(&asked).await;
            // The page before has said that there is more.
            if !last.is_empty() && is_empty_end(&page) {
                page = self.look_again(&asked, objects).await;
            }
            objects += page.as_ref().map_or(0, |page| page.objects.len() as u64);
            marker = page.as_ref().ok().and_then(|page| page.next.clone());
            // Without a reader, no other page is wanted.
            if pages.send(page).await.is_err() {
                return;
            }
        }
    }

    /// Asks once more for a page that is empty and the last one, though the page before has said that there is more. That may
    /// be so: what was there is deleted by now, or is nothing that a listing shows. It is not, if the bucket has more
    /// objects than were listed.
    async fn look_again(&self, page: &ListObjects<'_>, objects: u64) -> Result<Page> {
        let Self { client, bucket, prefix } = self;
        client.sleep(BEFORE_SECOND_LOOK).await?;
        let page = client.page(page).await;
        if !is_empty_end(&page) || !prefix.is_empty() {
            return page;
        }
        match client.bucket_totals(bucket).await {
            Ok(totals) if totals.objects.is_some_and(|all| all > objects) => {
                let all = totals.objects.unwrap_or_default();
                let what =
                    format!("the listing breaks off after {objects} objects, and the bucket has {all}");
                let error = Error::new(ErrorKind::Protocol, what).at(At::Bucket, bucket);
                Err(error.todo("run it again; if it stays so, have Ceph check the bucket's index"))
            }
            _ => page,
        }
    }
}

fn is_empty_end(page: &Result<Page>) -> bool {
    page.as_ref().is_ok_and(|page| page.objects.is_empty() && page.next.is_none())
}
