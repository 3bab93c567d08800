//! Makes a directory equal to a bucket, as `deis-store s3 sync` does.

use std::path::Path;

use deis_store::Result;
use deis_store::disk::Root;
use deis_store::run::{Run, TaskKind};
use deis_store::s3::{BucketName, Client};
use deis_store::sync::{BucketTree, SyncOptions, sync_to_directory};

/// Syncs the directory, and prints `COPIED UNCHANGED`, two numbers.
pub(crate) async fn sync(client: &Client, bucket: &BucketName, directory: &Path) -> Result<()> {
    let run = Run::silent();
    let task = run.begin(None, TaskKind::Step, "sync");
    let tree = BucketTree { bucket, prefix: "", wanted: &|_| true };
    let (root, options) = (Root::create(directory)?, SyncOptions::default());
    let report = sync_to_directory(client, &tree, &root, &options, &run, &task, |_| Ok(())).await?;
    println!("{} {}", report.counts.stored, report.counts.unchanged);
    Ok(())
}
