//! `deis-store list|hold|release|prune`: the commands that look after the snapshots that are there.

use std::path::{Path, PathBuf};

use deis_store::list::list;
use deis_store::prune::prune;
use deis_store::run::Run;
use deis_store::snapshot::{Repository, SnapshotReader};

use super::{Done, local};
use crate::args::{ListArgs, PruneArgs};
use crate::output::Output;

/// A directory that was typed, and perhaps others.
pub(super) type Typed<'a> = (&'a Path, &'a [PathBuf]);

pub(super) async fn list_all(typed: Typed<'_>, args: &ListArgs, output: &Output, run: &Run) -> Done {
    let (repository, options) = (repository(typed, "list")?, args.options());
    let report = list(&repository, &options, run).await?;
    Ok(output.listed(&report, options.max_age.is_some()))
}

pub(super) async fn prune_all(typed: Typed<'_>, args: &PruneArgs, output: &Output, run: &Run) -> Done {
    let repository = repository(typed, "prune")?;
    Ok(output.pruned(&prune(&repository, &args.options(), run).await?))
}

pub(super) fn hold(typed: Typed<'_>, why: Option<&str>, output: &Output, run: &Run) -> Done {
    let snapshot = snapshot(typed, "hold")?;
    let held = snapshot.hold(why, run)?;
    Ok(output.held(snapshot.path(), &held))
}

pub(super) fn release(typed: Typed<'_>, output: &Output) -> Done {
    let snapshot = snapshot(typed, "release")?;
    let held = snapshot.release()?;
    Ok(output.released(snapshot.path(), held.as_ref()))
}

fn repository((path, more): Typed<'_>, word: &str) -> deis_store::Result<Repository> {
    let todo = "name the directory that `deis-store backup` was given";
    Repository::open(local::path(local::one(path, more, word)?, "a repository", todo)?)
}

fn snapshot((path, more): Typed<'_>, word: &str) -> deis_store::Result<SnapshotReader> {
    let todo = "name a snapshot's directory, as `deis-store list` names them";
    SnapshotReader::open(local::path(local::one(path, more, word)?, "a snapshot", todo)?)
}
