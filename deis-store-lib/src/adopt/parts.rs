//! The parts of a directory, one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::adopting::Adopting;
use super::directory::{Directory, Extent};
use super::report::{AdoptReport, AdoptedPart};
use super::{bucket, file};
use crate::error::Result;
use crate::outcome::PartOutcome;
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings};
use crate::run::{Running, TaskKind, TaskResult, milliseconds};
use crate::snapshot::PartEntry;

/// Takes the parts, one after the other. The manifest has an entry for each of Deis' in any case.
pub(super) async fn take_all(
    adopting: &Adopting<'_>,
    directory: &Directory,
    extents: &BTreeMap<Part, Extent>,
    verb: &Running<'_>,
    report: &mut AdoptReport,
) -> Result<BTreeMap<Part, PartEntry>> {
    let mut entries = BTreeMap::new();
    for part in Part::of_deis().into_iter().chain(directory.parts()).collect::<BTreeSet<_>>() {
        let start = Instant::now();
        let entry = match extents.get(&part) {
            Some(extent) => {
                let task = adopting.run.begin(Some(verb.task()), TaskKind::Part, part.name());
                task.total(Some(extent.files), Some(extent.bytes));
                if extent.files == 0 && adopting.cluster.is_none() {
                    // s3cmd makes no directory for nothing, and no listing says that there is nothing.
                    let what = "its directory is there and has no file";
                    report.findings.push(Finding::new(Some(&part), part.name(), FindingKind::Refused, what));
                }
                let entry = take(adopting, directory, &part, &task, &mut report.findings).await?;
                let is_good = entry.outcome == PartOutcome::Stored && entry.counts.lost() == 0;
                task.done(if is_good { TaskResult::Good } else { TaskResult::Incomplete });
                entry
            }
            None => PartEntry { why: Some(NOT_THERE.to_owned()), ..PartEntry::new(PartOutcome::Skipped) },
        };
        entry.counts.add_up()?;
        let PartEntry { outcome, why, counts, bytes, .. } = entry.clone();
        let milliseconds = milliseconds(start.elapsed());
        report.parts.insert(part.clone(), AdoptedPart { outcome, why, counts, bytes, milliseconds });
        entries.insert(part, entry);
    }
    Ok(entries)
}

const NOT_THERE: &str = "the directory has nothing of it";

async fn take(
    adopting: &Adopting<'_>,
    directory: &Directory,
    part: &Part,
    task: &Running<'_>,
    findings: &mut Findings,
) -> Result<PartEntry> {
    if let Some(place) = directory.layout.buckets.get(part) {
        return bucket::take(adopting, part, directory.bucket(place)?, task, findings).await;
    }
    let name = directory.layout.files.get(part).map_or("", String::as_str);
    file::take(adopting, &directory.root, (part, name), findings).await
}
