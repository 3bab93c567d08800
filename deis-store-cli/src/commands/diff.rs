//! `deis-store diff SNAPSHOT SNAPSHOT`

use std::path::{Path, PathBuf};

use deis_store::diff::{DiffOptions, diff};
use deis_store::run::Run;
use deis_store::snapshot::SnapshotReader;

use super::{Done, local};
use crate::output::Output;

pub(super) async fn run(
    (before, after): (&Path, &Path),
    more: &[PathBuf],
    output: &Output,
    run: &Run,
) -> Done {
    local::two((before, after), more, "diff")?;
    let todo = "compare two directories; `deis-store s3 sync` fetches one from a bucket";
    let open = |path| SnapshotReader::open(local::path(path, "a snapshot", todo)?);
    let (before, after) = (open(before)?, open(after)?);
    let report = diff(&before, &after, &DiffOptions::default(), run).await?;
    Ok(output.differs(&report))
}
