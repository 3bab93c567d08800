//! The verb `diff`: two snapshots compared by their manifests, lists and configurations.
//!
//! Nothing else of them is read: whether the objects are what the lists say is `verify`'s to find out. A difference is no
//! failure; damage that keeps from knowing is an error. No value of the configuration leaves this module.

mod bucket;
mod change;
mod names;
mod report;
mod settings;
mod side;
#[cfg(test)]
mod tests;
mod wal;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::blocking::blocking;
use crate::error::{At, Context as _, Result};
use crate::outcome::Each;
use crate::part::Part;
use crate::run::{Run, Running, TaskKind, TaskResult, milliseconds};
use crate::snapshot::SnapshotReader;
use side::Side;

pub use change::{Change, KeyDiff};
pub use names::Names;
pub use report::{DiffReport, DifferentKeys, ObjectsDiff, PartDiff, PartSide, SettingsDiff, SnapshotSide};
pub use wal::{LogReach, WalDiff};

/// How two snapshots are compared.
#[derive(Debug, Default)]
pub struct DiffOptions<'a> {
    /// Called for every object that differs, part by part in order of the keys. The report names only the first of them.
    pub each: Each<'a, KeyDiff>,
}

/// Compares two snapshots: what changed from the first one to the second one.
pub async fn diff(
    before: &SnapshotReader,
    after: &SnapshotReader,
    options: &DiffOptions<'_>,
    run: &Run,
) -> Result<DiffReport> {
    let verb = run.begin(None, TaskKind::Verb, "diff");
    let start = Instant::now();
    let mut parts = BTreeMap::new();
    let named: BTreeSet<&Part> =
        before.manifest().parts.keys().chain(after.manifest().parts.keys()).collect();
    for part in named {
        let sides = (Side::new(before, part), Side::new(after, part));
        let compared =
            run.stop.cancels(compare((&sides.0, &sides.1), options, &verb)).await.at(At::Part, part)?;
        parts.insert(part.clone(), compared);
    }
    let sides = [before, after].map(SnapshotSide::of);
    verb.done(TaskResult::Good);
    Ok(DiffReport::new(sides, parts, milliseconds(start.elapsed())))
}

async fn compare(
    (before, after): (&Side, &Side),
    options: &DiffOptions<'_>,
    task: &Running<'_>,
) -> Result<PartDiff> {
    match before.part {
        Part::Bucket(_) => bucket::compare((before, after), &options.each, task).await,
        Part::Config => {
            let sides = (before.clone(), after.clone());
            blocking(move || settings::compare(&sides.0, &sides.1)).await
        }
        Part::Volume | Part::Sql => file(before, after),
    }
}

/// A part that is one file, of which the manifests say enough.
fn file(before: &Side, after: &Side) -> Result<PartDiff> {
    let digests = (before.file()?, after.file()?);
    let mut diff = PartDiff::new(before.file_side(), after.file_side());
    if let (Some(before), Some(after)) = digests {
        diff.compared(before.sha256 == after.sha256);
    }
    Ok(diff)
}
