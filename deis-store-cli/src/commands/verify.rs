//! `deis-store verify SNAPSHOT`

use std::path::{Path, PathBuf};

use deis_store::run::Run;
use deis_store::snapshot::SnapshotReader;
use deis_store::verify::{Read, VerifyOptions, verify};

use super::{Done, local};
use crate::args::ReadArgs;
use crate::output::Output;

pub(super) async fn run(path: &Path, more: &[PathBuf], read: &ReadArgs, output: &Output, run: &Run) -> Done {
    let read = match (read.quick, read.sample, read.share) {
        (true, ..) => Read::Sizes,
        (_, Some(percent), _) => Read::Sample { percent },
        (_, _, Some(share)) => Read::Share(share),
        (false, None, None) => Read::All,
    };
    let todo = "verify a directory; `deis-store s3 sync` fetches one from a bucket";
    let path = local::path(local::one(path, more, "verify")?, "a snapshot", todo)?;
    let snapshot = SnapshotReader::open(path)?;
    let report = verify(&snapshot, &VerifyOptions { read }, run).await?;
    Ok(output.verified(&report))
}
