//! Fetches objects over and over and throws them away. The rate holds no start, no disk and no digests.

use std::time::{Duration, Instant};

use deis_store::error::At;
use deis_store::s3::{BucketName, Client, ObjectKey};
use deis_store::{Error, ErrorKind, Result};
use futures_util::future::try_join_all;
use futures_util::{StreamExt as _, TryStreamExt as _};

/// Fetches objects for this many seconds, as many at a time as the client keeps in flight. Prints the rate.
pub(crate) async fn small(client: &Client, bucket: &BucketName, prefix: &str, seconds: u64) -> Result<()> {
    let keys: Vec<ObjectKey> =
        client.list(bucket, prefix).map(|object| ObjectKey::new(object?.key)).try_collect().await?;
    if keys.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, "there is nothing to fetch").at(At::Bucket, bucket));
    }
    let workers = client.in_flight();
    let begun = Instant::now();
    let end = begun + Duration::from_secs(seconds);
    let counts = try_join_all((0..workers).map(|worker| {
        let (client, bucket, keys) = (client.clone(), bucket.clone(), keys.clone());
        let worker = tokio::spawn(async move {
            let mut fetched = 0_u32;
            for key in keys.iter().cycle().skip(worker * keys.len() / workers) {
                if Instant::now() >= end {
                    break;
                }
                let mut download = client.get(&bucket, key).await?;
                while download.try_next().await?.is_some() {}
                fetched += 1;
            }
            Ok::<u32, Error>(fetched)
        });
        async {
            worker.await.map_err(|error| Error::new(ErrorKind::Internal, "a worker ended").because(error))?
        }
    }))
    .await?;
    println!("{:.1}", f64::from(counts.iter().sum::<u32>()) / begun.elapsed().as_secs_f64());
    Ok(())
}
