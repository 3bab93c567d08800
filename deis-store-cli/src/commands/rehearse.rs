//! `deis-store rehearse`

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use deis_store::Error;
use deis_store::error::disk_error;
use deis_store::rehearse::{RehearseOptions, SnapshotRehearsal, rehearse, rehearse_snapshot};
use deis_store::run::Run;
use deis_store::snapshot::SnapshotReader;

use super::{Done, local};
use crate::args::RehearseArgs;
use crate::output::Output;

pub(super) async fn run(what: &RehearseArgs, output: &Output, run: &Run) -> Done {
    let scratch = Scratch::new(what.scratch.as_deref())?;
    if let Some(snapshot) = &what.snapshot {
        let todo = "rehearse a directory; `deis-store s3 sync` fetches one from a bucket";
        let path = local::path(local::one(snapshot, &what.more, "rehearse")?, "a snapshot", todo)?;
        let snapshot = SnapshotReader::open(path)?;
        let mut options = SnapshotRehearsal::new(&scratch.0);
        options.postgres.clone_from(&what.postgres);
        options.wal_e.clone_from(&what.wal_e);
        let report = Box::pin(rehearse_snapshot(&snapshot, &options, run)).await?;
        return Ok(output.rehearsed_snapshot(&report));
    }
    let mut options = RehearseOptions::new(&scratch.0);
    options.seed = what.seed;
    options.damage.clone_from(&what.damage);
    options.buckets.clone_from(&what.buckets.buckets);
    Ok(output.rehearsed(&Box::pin(rehearse(&options, run)).await?))
}

/// A directory that is removed when it is dropped, also when the command is.
struct Scratch(PathBuf);

impl Scratch {
    fn new(directory: Option<&Path>) -> Result<Self, Error> {
        let directory = directory.map_or_else(std::env::temp_dir, Path::to_owned);
        let made = tempfile::Builder::new().prefix("deis-store-rehearse.").tempdir_in(&directory);
        let made = made.map_err(|error| disk_error("make a directory", directory.display(), error))?;
        Ok(Self(made.keep()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A thread that was writing when the command was dropped may write one more file.
        for _ in 0..100 {
            match std::fs::remove_dir_all(&self.0) {
                Err(error) if error.kind() != ErrorKind::NotFound => sleep(Duration::from_millis(10)),
                _ => return,
            }
        }
    }
}
