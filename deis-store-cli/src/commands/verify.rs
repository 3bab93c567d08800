//! `deis-store verify SNAPSHOT`

use std::path::Path;

use deis_store::run::Run;
use deis_store::snapshot::Snapshot;
use deis_store::verify::{VerifyOptions, verify};

use super::Done;
use crate::output::Output;

pub(super) async fn run(path: &Path, quick: bool, sample: Option<u8>, output: &Output, run: &Run) -> Done {
    let snapshot = Snapshot::open(path)?;
    let options = VerifyOptions { quick, sample_percent: sample };
    let report = verify(&snapshot, &options, run).await?;
    Ok(output.verified(&report, quick))
}
