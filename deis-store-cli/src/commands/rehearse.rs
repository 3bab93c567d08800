//! `deis-store rehearse`

use std::io::ErrorKind;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use deis_store::Error;
use deis_store::error::disk_error;
use deis_store::rehearse::{RehearseOptions, rehearse};
use deis_store::run::Run;

use super::Done;
use crate::args::Buckets;
use crate::output::Output;

pub(super) async fn run(
    seed: u64,
    damage: Option<String>,
    buckets: &Buckets,
    output: &Output,
    run: &Run,
) -> Done {
    let scratch = Scratch::new()?;
    let mut options = RehearseOptions::new(&scratch.0);
    options.seed = seed;
    options.damage = damage;
    options.buckets.clone_from(&buckets.buckets);
    Ok(output.rehearsed(&Box::pin(rehearse(&options, run)).await?))
}

/// A directory that is removed when it is dropped, also when the command is.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, Error> {
        let made = tempfile::Builder::new().prefix("deis-store-rehearse.").tempdir();
        let made =
            made.map_err(|error| disk_error("make a directory", std::env::temp_dir().display(), error))?;
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
