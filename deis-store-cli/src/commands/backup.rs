//! `deis-store backup REPOSITORY`

use std::path::{Path, PathBuf};

use deis_store::Result;
use deis_store::backup::{BackupOptions, backup, check};
use deis_store::run::Run;
use deis_store::snapshot::Repository;

use super::{Done, local};
use crate::args::{Buckets, Global, Parts};
use crate::output::Output;
use crate::settings;

pub(super) fn options(buckets: &Buckets, parts: &Parts) -> Result<BackupOptions> {
    BackupOptions::new(buckets.buckets.iter().cloned(), parts.choice())
}

pub(super) async fn run(
    global: &Global,
    (path, more): (&Path, &[PathBuf]),
    (options, parts): (&BackupOptions, &Parts),
    output: &Output,
    run: &Run,
) -> Done {
    let todo = "back up into a directory; `deis-store s3 put -r` copies it into a bucket then";
    let path = local::path(local::one(path, more, "backup")?, "a repository", todo)?;
    Repository::check(path)?;
    // The cluster first: a wrong address shall not leave an empty repository.
    let cluster = settings::cluster(global, parts.need_etcd(), run).await?;
    run.stop.cancels(check(&cluster, options)).await?;
    let repository = Repository::create(path, run)?;
    Ok(output.backed_up(&backup(&cluster, &repository, options, run).await?))
}
