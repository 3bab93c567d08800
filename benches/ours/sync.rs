//! Makes a directory equal to a bucket, as `deis-store s3 sync` does.

use std::path::Path;

use deis_store::Result;
use deis_store::run::Run;
use deis_store::s3::{BucketName, Client};
use deis_store::sync::{Sync, SyncOptions, Tree};

/// Syncs the directory, and prints `COPIED UNCHANGED`, two numbers.
pub(crate) async fn sync(client: &Client, bucket: &BucketName, directory: &Path) -> Result<()> {
    let source = Tree::Bucket { client: client.clone(), bucket: bucket.clone(), prefix: String::new() };
    let sync = Sync { source, target: Tree::Directory(directory.to_owned()) };
    let report = sync.run(&SyncOptions::default(), &Run::silent()).await?;
    println!("{} {}", report.counts.stored, report.counts.unchanged);
    Ok(())
}
