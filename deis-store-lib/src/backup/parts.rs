//! The parts of a backup, one after the other. One that fails does not stop the others.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::report::{BackupReport, PartReport};
use super::taken::{Taken, Taking};
use super::{bucket, file, shrunk};
use crate::error::{Error, ErrorKind, Result, Scope};
use crate::outcome::PartOutcome;
use crate::part::Part;
use crate::remote::{AGAIN, connection_broke};
use crate::report::{Finding, FindingKind, Findings, Verdict, in_one_line};
use crate::run::{Level, Running, TaskKind, TaskResult, milliseconds};
use crate::snapshot::PartEntry;

/// Takes these parts. The report and the manifest have an entry for each of them, and for those of Deis in any case.
pub(super) async fn take_all(
    taking: &Taking<'_>,
    wanted: &BTreeSet<Part>,
    report: &mut BackupReport,
) -> Result<BTreeMap<Part, PartEntry>> {
    let mut entries = BTreeMap::new();
    let mut first_failure = None;
    for part in in_order(Part::of_deis().into_iter().chain(wanted.iter().cloned()).collect()) {
        let start = Instant::now();
        let taken = if wanted.contains(&part) {
            take(taking, &part, &mut report.findings, &mut first_failure).await?
        } else {
            PartEntry::new(PartOutcome::Skipped).into()
        };
        taken.entry.counts.add_up()?;
        report.verdict = report.verdict.max(verdict(&taken));
        report.not_included.extend(taken.not_included.iter().cloned());
        report.previous = report.previous.take().max(taken.previous.clone());
        report.parts.insert(part.clone(), part_report(&taken, milliseconds(start.elapsed())));
        entries.insert(part, taken.entry);
    }
    if entries.values().any(|entry| entry.outcome == PartOutcome::Stored) {
        return Ok(entries);
    }
    Err(first_failure.unwrap_or_else(nothing))
}

/// The error when there is no part to take.
pub(super) fn nothing() -> Error {
    Error::new(ErrorKind::Usage, "there is nothing to back up").todo("name other parts to back up")
}

/// The dump first, then what it refers to: an image is there before a release names it, and the write-ahead log copied
/// after the dump reaches beyond it.
fn in_order(parts: BTreeSet<Part>) -> Vec<Part> {
    let mut parts: Vec<Part> = parts.into_iter().collect();
    parts.sort_by_key(|part| *part != Part::Sql);
    parts
}

/// Takes one part. An error concerns all parts.
async fn take(
    taking: &Taking<'_>,
    part: &Part,
    findings: &mut Findings,
    first_failure: &mut Option<Error>,
) -> Result<Taken> {
    if let Some((outcome, why)) = taking.cluster.absent(part) {
        // An interrupted run may have left something of it.
        taking.writer.discard(part)?;
        taking.verb.note(Level::Warning, "part-absent", &format!("{part}: {why}"));
        return Ok(PartEntry { why: Some(why), ..PartEntry::new(outcome) }.into());
    }
    let task = taking.run.begin(Some(taking.verb.task()), TaskKind::Part, part.name());
    let mut taken = take_once(taking, part, &task, findings).await;
    for _ in 1..AGAIN {
        match &taken {
            Err(error) if connection_broke(error) => {}
            _ => break,
        }
        let from = if part.as_bucket().is_some() {
            taking.writer.go_on_from_here().await;
            "goes on from there"
        } else {
            // It comes as one stream, which nobody can go on with.
            taking.writer.discard(part)?;
            "is taken once more from its beginning"
        };
        task.note(Level::Warning, "begun-again", &format!("{part}: the connection broke, so it {from}"));
        taken = take_once(taking, part, &task, findings).await;
    }
    match taken {
        Ok(taken) => {
            task.done(if verdict(&taken) == Verdict::Good {
                TaskResult::Good
            } else {
                TaskResult::Incomplete
            });
            Ok(taken)
        }
        Err(error) if error.scope() == Scope::Run => Err(error),
        Err(error) => {
            if let Some(path) = taking.writer.set_aside(part).await? {
                let text =
                    format!("{part}: what has come is kept in {path}: the same run goes on from there");
                task.note(Level::Warning, "kept", &text);
            }
            taking.writer.discard(part)?;
            let why = in_one_line(&error);
            findings.push(Finding::new(Some(part), part.name(), FindingKind::Failed, &why));
            // The report says why, or the error if no other part is taken.
            task.note(Level::Warning, "part-failed", &format!("{part}: not taken"));
            first_failure.get_or_insert(error);
            Ok(PartEntry { why: Some(why), ..PartEntry::new(PartOutcome::Failed) }.into())
        }
    }
}

/// The names and attributes in an archive take less.
const LEAST_LOST_BYTES: u64 = 64 << 10;

async fn take_once(
    taking: &Taking<'_>,
    part: &Part,
    task: &Running<'_>,
    findings: &mut Findings,
) -> Result<Taken> {
    let (mut taken, may_have_shrunk) = match part {
        Part::Bucket(bucket) => return bucket::take(taking, bucket, task, findings).await,
        Part::Sql => (file::sql(taking, task).await?, true),
        // Logs are rotated, and keys are removed: only that all of it has gone is no work of a day.
        Part::Volume => file::volume(taking, task, findings).await?,
        Part::Config => file::configuration(taking, findings).await?,
    };
    if may_have_shrunk {
        let previous = taking.previous(part).await?;
        let (now, before) = ((&taken.entry, 0), previous.before());
        // An archive of files without a byte was no loss, and is not one now.
        let had_bytes =
            |before: &PartEntry| before.bytes.saturating_sub(taken.entry.bytes) >= LEAST_LOST_BYTES;
        let before = before.filter(|(_, before)| *part != Part::Volume || had_bytes(before));
        taken.entry.shrunk = shrunk::look(part, now, before, taking.max_loss_percent, findings);
    }
    Ok(taken)
}

fn verdict(taken: &Taken) -> Verdict {
    let counts = taken.entry.counts;
    if taken.damaged || taken.entry.shrunk.is_some() {
        Verdict::Damaged
    } else if taken.incomplete
        || taken.doubtful
        || taken.entry.outcome == PartOutcome::Failed
        || counts.failed > 0
        || counts.refused > 0
        || counts.too_many_vanished().is_some()
    {
        Verdict::Incomplete
    } else {
        Verdict::Good
    }
}

fn part_report(taken: &Taken, milliseconds: u64) -> PartReport {
    let PartEntry { outcome, why, counts, bytes, shrunk, .. } = taken.entry.clone();
    let (restorable, fetched_bytes) = (taken.restorability.clone(), taken.fetched_bytes);
    PartReport { outcome, why, counts, bytes, shrunk, restorable, fetched_bytes, milliseconds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dump_is_taken_first_and_added_buckets_before_the_volume_and_the_configuration() {
        let mut parts = Part::of_deis();
        parts.insert(Part::Bucket("uploads".parse().unwrap()));
        let names: Vec<String> = in_order(parts).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["sql", "db_wal", "registry", "bucket.uploads", "volume", "config"]);
    }
}
