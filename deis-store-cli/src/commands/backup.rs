//! `deis-store backup REPOSITORY`

use std::path::Path;

use deis_store::backup::{BackupOptions, backup, check};
use deis_store::part::Part;
use deis_store::run::Run;
use deis_store::snapshot::Repository;

use super::Done;
use crate::args::{Global, Parts};
use crate::output::Output;
use crate::settings;

pub(super) async fn run(global: &Global, path: &Path, parts: &Parts, output: &Output, run: &Run) -> Done {
    // The cluster first: a wrong address shall not leave an empty repository.
    let cluster = settings::cluster(global, run).await?;
    let options = BackupOptions { parts: parts.of(Part::ALL), named: parts.named().is_some() };
    run.stop.cancels(check(&cluster, &options)).await?;
    let repository = Repository::create(path, run)?;
    Ok(output.backed_up(&backup(&cluster, &repository, &options, run).await?))
}
