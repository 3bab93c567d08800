//! `deis-store backup REPOSITORY`

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use deis_store::Result;
use deis_store::backup::{BackupOptions, backup, check};
use deis_store::platform::ScaledGateways;
use deis_store::restore::RestoreOptions;
use deis_store::run::Run;
use deis_store::snapshot::Repository;

use super::{Done, local};
use crate::args::{Buckets, Global, Parts};
use crate::output::Output;
use crate::settings;

pub(super) fn options(buckets: &Buckets, parts: &Parts) -> Result<BackupOptions> {
    BackupOptions::new(buckets.buckets.iter().cloned(), parts.choice())
}

pub(super) struct What<'a> {
    pub(super) options: &'a BackupOptions,
    pub(super) parts: &'a Parts,
    /// So many gateways meanwhile.
    pub(super) gateways: Option<NonZeroUsize>,
}

pub(super) async fn run(
    global: &Global,
    (path, more): (&Path, &[PathBuf]),
    what: What<'_>,
    output: &Output,
    run: &Run,
) -> Done {
    let What { options, parts, gateways } = what;
    let todo = "back up into a directory; `deis-store s3 put -r` copies it into a bucket then";
    let path = local::path(local::one(path, more, "backup")?, "a repository", todo)?;
    Repository::check(path)?;
    // The cluster first: a wrong address shall not leave an empty repository.
    let cluster = settings::cluster(global, parts.need_etcd(), run).await?;
    run.stop.cancels(check(&cluster, options)).await?;
    let repository = Repository::create(path, run)?;
    let Some(gateways) = gateways else {
        return Ok(output.backed_up(&backup(&cluster, &repository, options, run).await?));
    };
    let wait = RestoreOptions::default().wait;
    let scaled = ScaledGateways::scale(&cluster, gateways.get(), wait, run).await?;
    let report = backup(scaled.cluster(), &repository, options, run).await;
    // A backup that was interrupted leaves no gateways behind either.
    let put_back = scaled.put_back().await;
    let exit = output.backed_up(&report?);
    put_back.map(|()| exit)
}
