//! Listings of any length, page by page, flat: radosgw's listings with a delimiter have skipped keys.

use futures_util::{Stream, StreamExt, TryStreamExt, stream};

use super::Client;
use crate::error::Result;
use crate::s3::BucketName;
use crate::s3::op::{ListObjects, ListedObject};

impl Client {
    /// All objects of a bucket whose key begins with a prefix, sorted bytewise by key. One page is held in memory.
    pub fn list<'a>(
        &'a self,
        bucket: &'a BucketName,
        prefix: &'a str,
    ) -> impl Stream<Item = Result<ListedObject>> + 'a {
        let pages = stream::try_unfold(Some(String::new()), move |marker| async move {
            let Some(marker) = marker else { return Ok(None) };
            let page = ListObjects { bucket, prefix, marker: &marker, delimiter: None, max_keys: 1000 };
            let page = self.page(&page).await?;
            Ok(Some((page.objects, page.next)))
        });
        pages.map_ok(|objects| stream::iter(objects).map(Ok)).try_flatten()
    }
}
