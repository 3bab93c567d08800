//! `deis-store rehearse`

use deis_store::error::disk_error;
use deis_store::monitor::Run;
use deis_store::rehearse::{RehearseOptions, rehearse};

use super::Done;
use crate::output::Output;

pub(super) async fn run(seed: u64, damage: Option<String>, output: &Output, run: &Run) -> Done {
    // Removed when it is dropped, also when the command is.
    let scratch = tempfile::Builder::new().prefix("deis-store-rehearse.").tempdir();
    let scratch =
        scratch.map_err(|error| disk_error("make a directory", std::env::temp_dir().display(), error))?;
    let mut options = RehearseOptions::new(scratch.path());
    options.seed = seed;
    options.damage = damage;
    Ok(output.rehearsed(&rehearse(&options, run).await?))
}
