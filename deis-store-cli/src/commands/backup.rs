//! `deis-store backup REPOSITORY`

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use deis_store::Result;
use deis_store::backup::{BackupOptions, backup, check};
use deis_store::restore::RestoreOptions;
use deis_store::run::Run;
use deis_store::snapshot::Repository;

use super::gateways::with_gateways;
use super::{Done, local};
use crate::args::{Buckets, Global, Guards, Parts};
use crate::output::Output;
use crate::settings;

pub(super) fn options(buckets: &Buckets, parts: &Parts, guards: &Guards) -> Result<BackupOptions> {
    let options = BackupOptions::new(buckets.buckets.iter().cloned(), parts.choice())?;
    let options = options.max_loss_percent(guards.max_loss)?;
    Ok(if guards.despite_space { options.despite_space() } else { options })
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
    let scale = (gateways, RestoreOptions::default().wait);
    let (report, put_back) =
        with_gateways(scale, &cluster, run, async |cluster| backup(cluster, &repository, options, run).await)
            .await?;
    let exit = output.backed_up(&report);
    put_back.map(|()| exit)
}
