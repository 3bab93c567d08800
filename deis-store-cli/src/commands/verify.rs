//! `deis-store verify SNAPSHOT`

use std::path::Path;

use deis_store::run::Run;
use deis_store::snapshot::SnapshotReader;
use deis_store::verify::{Read, VerifyOptions, verify};

use super::Done;
use crate::args::ReadArgs;
use crate::output::Output;

pub(super) async fn run(path: &Path, read: &ReadArgs, output: &Output, run: &Run) -> Done {
    let read = match (read.quick, read.sample, read.share) {
        (true, ..) => Read::Sizes,
        (_, Some(percent), _) => Read::Sample { percent },
        (_, _, Some(share)) => Read::Share(share),
        (false, None, None) => Read::All,
    };
    let snapshot = SnapshotReader::open(path)?;
    let report = verify(&snapshot, &VerifyOptions { read }, run).await?;
    Ok(output.verified(&report, read))
}
