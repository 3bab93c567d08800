//! Lists a bucket and downloads its objects, each in a task of its own.
//!
//! ```sh
//! AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… cargo run --example list_and_download -- http://10.0.0.5:8888 BUCKET [PREFIX]
//! ```
//!
//! As many tasks may be spawned as there are objects: the client keeps only so many requests in flight as pay.

use std::error::Error;

use deis_store::http::{Timeouts, connect};
use deis_store::run::Run;
use deis_store::s3::client::{ClientOptions, Revision};
use deis_store::s3::op::ListedObject;
use deis_store::s3::{BucketName, Check, Client};
use deis_store::secret::Credentials;
use futures_util::TryStreamExt as _;
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(endpoint), Some(bucket)) = (arguments.next(), arguments.next()) else {
        return Err("usage: list_and_download ENDPOINT BUCKET [PREFIX]".into());
    };
    let credentials =
        Credentials::new(std::env::var("AWS_ACCESS_KEY_ID")?, std::env::var("AWS_SECRET_ACCESS_KEY")?);
    let gateway = connect(&endpoint, Timeouts::default())?;
    let client = Client::new(vec![gateway], credentials, ClientOptions::default(), &Run::silent())?;
    let bucket = BucketName::new(bucket)?;

    let mut listing = client.list(&bucket, &arguments.next().unwrap_or_default());
    let mut downloads = JoinSet::new();
    while let Some(object) = listing.try_next().await? {
        downloads.spawn(download(client.clone(), bucket.clone(), object));
    }
    let (mut objects, mut bytes) = (0, 0);
    while let Some(downloaded) = downloads.join_next().await {
        bytes += downloaded??;
        objects += 1;
    }
    println!("{objects} objects, {bytes} bytes, with {} requests in flight at the end", client.pace());
    Ok(())
}

/// Reads an object as it was listed, checks it, and says how many bytes came.
async fn download(client: Client, bucket: BucketName, object: ListedObject) -> deis_store::Result<u64> {
    let mut download = client.get_known(&bucket, &object.key, &Revision::from(&object)).await?;
    let (mut check, mut bytes) = (Check::new(download.info()), 0);
    while let Some(piece) = download.try_next().await? {
        check.update(&piece);
        bytes += piece.len() as u64;
    }
    check.finish()?;
    Ok(bytes)
}
