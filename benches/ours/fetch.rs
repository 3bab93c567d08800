//! Fetches objects once and throws them away, unchecked: the least time that a client of this gateway could take.

use deis_store::Result;
use deis_store::s3::{BucketName, Client, ObjectKey};
use futures_util::{TryStreamExt as _, future};

/// Fetches all objects of a bucket, as many at a time as the client keeps in flight.
pub(crate) async fn fetch(client: &Client, bucket: &BucketName) -> Result<()> {
    let fetches = client.list(bucket, "").map_ok(|object| async move {
        let key = ObjectKey::new(object.key)?;
        let mut download = client.get(bucket, &key).await?;
        while download.try_next().await?.is_some() {}
        Ok(())
    });
    fetches.try_buffer_unordered(client.in_flight()).try_for_each(future::ok).await
}
