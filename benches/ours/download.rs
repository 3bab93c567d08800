//! A bucket into files, each checked against its ETag.

use std::path::Path;

use deis_store::disk::Root;
use deis_store::mirror::{BucketTree, Did, Outcome, SyncOptions, sync_to_directory};
use deis_store::monitor::{Run, TaskKind};
use deis_store::s3::{BucketName, Client};
use deis_store::{Error, ErrorKind, Result};

/// An object that is not stored is an error.
pub(crate) async fn download(
    client: &Client,
    bucket: &BucketName,
    prefix: &str,
    directory: &Path,
) -> Result<()> {
    let run = Run::silent();
    let task = run.begin(None, TaskKind::Step, "download");
    let (root, options) = (Root::create(directory)?, SyncOptions::default());
    let tree = BucketTree { bucket, prefix, wanted: &|_| true };
    sync_to_directory(client, &tree, &root, &options, &run, &task, |synced| match synced.did {
        Did::Source(Outcome::Stored) => Ok(()),
        other => Err(Error::new(ErrorKind::Internal, format!("{}: {other:?}", synced.key))),
    })
    .await
    .map(drop)
}
