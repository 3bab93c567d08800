//! `deis-store backup REPOSITORY`

use std::path::Path;

use deis_store::Result;
use deis_store::backup::{BackupOptions, backup, check};
use deis_store::run::Run;
use deis_store::snapshot::Repository;

use super::Done;
use crate::args::{Buckets, Global, Parts};
use crate::output::Output;
use crate::settings;

pub(super) fn options(buckets: &Buckets, parts: &Parts) -> Result<BackupOptions> {
    BackupOptions::new(buckets.buckets.iter().cloned(), parts.choice())
}

pub(super) async fn run(
    global: &Global,
    path: &Path,
    options: &BackupOptions,
    output: &Output,
    run: &Run,
) -> Done {
    // The cluster first: a wrong address shall not leave an empty repository.
    let cluster = settings::cluster(global, run).await?;
    run.stop.cancels(check(&cluster, options)).await?;
    let repository = Repository::create(path, run)?;
    Ok(output.backed_up(&backup(&cluster, &repository, options, run).await?))
}
