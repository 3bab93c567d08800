//! A bucket into files, each checked against its ETag.

use std::path::Path;

use deis_store::disk::Root;
use deis_store::mirror::{Outcome, Selection, pull};
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
    let selection = Selection { bucket, prefix, leave_out: &|_| false };
    pull(client, &selection, &Root::create(directory)?, &run, &task, |pulled| match pulled.outcome {
        Outcome::Stored => Ok(()),
        other => Err(Error::new(ErrorKind::Internal, format!("{}: {other:?}", pulled.listed.key))),
    })
    .await
}
