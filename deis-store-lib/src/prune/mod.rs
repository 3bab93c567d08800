//! The verb `prune`: snapshots that no rule keeps are removed, and the last good one of each part never is.
//!
//! The rules are `snapshot`'s. Each snapshot is named with why it stays or goes.

mod report;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::blocking::blocking;
use crate::error::{At, Context, Error, ErrorKind, Result};
use crate::part::Part;
use crate::report::{Finding, FindingKind, Verdict, in_one_line};
use crate::run::{Level, Run, Running, TaskKind, TaskResult};
use crate::snapshot::{
    Condition, DamageFound, Deleted, Judgement, Keep, Reason, Repository, SnapshotName, Surveyed, judge,
    rested_on, timestamp,
};

pub use report::{Fate, PruneReport, PrunedSnapshot};

/// The rules of a prune.
#[derive(Clone, Copy, Debug, Default)]
pub struct PruneOptions {
    /// The rules.
    pub keep: Keep,
    /// Only say what would be removed.
    pub dry_run: bool,
}

/// Removes the snapshots of a repository that no rule keeps, and what interrupted runs have left.
///
/// Whatever the rules say, these stay: of each part the newest good snapshot and all that are newer, snapshots that are held,
/// damaged, of a newer format, from the future or being read, and those with a part of which there is no good snapshot. Before any
/// goes, a look at those that stay for it shows whether all their files are there, in their sizes. One that lacks some is damaged.
pub async fn prune(repository: &Repository, options: &PruneOptions, run: &Run) -> Result<PruneReport> {
    if options.keep.is_empty() {
        let error = Error::new(ErrorKind::Usage, "no rule says which snapshots stay");
        return Err(
            error.todo("say how many snapshots to keep: the last, or of how many hours, days, weeks, months")
        );
    }
    let (repository, options, run) = (repository.clone(), *options, run.clone());
    blocking(move || {
        let running = run.begin(None, TaskKind::Verb, "prune");
        let report = work(&repository, options, &running)?;
        running.done(TaskResult::Good);
        Ok(report)
    })
    .await
}

fn work(repository: &Repository, options: PruneOptions, running: &Running<'_>) -> Result<PruneReport> {
    let now = timestamp(running.run().clock.now())?;
    let report = PruneReport::new(repository, options.dry_run);
    let mut pruning =
        Pruning { repository, keep: options.keep, now, running, seen_whole: BTreeSet::new(), report };
    if options.dry_run {
        let Looked { snapshots, judged, .. } = pruning.looked_into()?;
        for (snapshot, judgement) in snapshots.iter().zip(judged) {
            let fate = if judgement.stays { Fate::Stays } else { Fate::WouldBeRemoved };
            pruning.report.add(snapshot, fate, judgement.why);
        }
        return Ok(pruning.report);
    }
    let _lock = repository.lock_for("prune", now)?;
    while !pruning.all_are_judged()? {}
    pruning.report.sort();
    Ok(pruning.report)
}

struct Pruning<'a> {
    repository: &'a Repository,
    keep: Keep,
    now: Timestamp,
    running: &'a Running<'a>,
    /// The snapshots that were seen to have all files.
    seen_whole: BTreeSet<SnapshotName>,
    report: PruneReport,
}

/// The snapshots, the judgement on them, and those for whose sake others go.
struct Looked {
    snapshots: Vec<Surveyed>,
    judged: Vec<Judgement>,
    rest_on: BTreeSet<SnapshotName>,
}

impl Pruning<'_> {
    /// Judges the snapshots. Before any goes, those for whose sake it goes were seen to have all files.
    fn looked_into(&mut self) -> Result<Looked> {
        let mut snapshots = self.repository.survey()?;
        for name in &self.report.found_damaged {
            distrust(&mut snapshots, name);
        }
        loop {
            let judged = judge(&snapshots, &self.keep, self.now);
            let rest_on = rested_on(&snapshots, &judged, self.now);
            let Some(name) = rest_on.difference(&self.seen_whole).next() else {
                return Ok(Looked { snapshots, judged, rest_on });
            };
            if self.is_whole(name)? {
                self.seen_whole.insert(name.clone());
            } else {
                distrust(&mut snapshots, name.as_str());
                self.report.found_damaged.push(name.to_string());
            }
        }
    }

    /// Whether all files of a snapshot are there. It keeps what is found not to be so.
    fn is_whole(&self, name: &SnapshotName) -> Result<bool> {
        let snapshot = self.repository.snapshot(name)?;
        let Err(error) = snapshot.look_for_files(&self.running.run().stop) else { return Ok(true) };
        let Some(finding) = damage(&error) else {
            return Err(error.at(At::Snapshot, snapshot.path().display()));
        };
        let text = format!("warning: {name} is damaged: {}", in_one_line(&error));
        self.running.note(Level::Warning, "damaged", &text);
        if !self.report.dry_run {
            let mut found = DamageFound::default();
            found.add(&finding);
            let result = (Verdict::Damaged, "sizes, stopped".to_owned(), false);
            // Where that is not kept, the next prune sees it again.
            let _ = snapshot.keep_verification([self.now, self.now], result, found);
        }
        Ok(false)
    }

    /// Removes what goes, oldest first. If what the judgement rests on has changed meanwhile, the rest is to be judged anew.
    fn all_are_judged(&mut self) -> Result<bool> {
        let (repository, running) = (self.repository, self.running);
        let stop = &running.run().stop;
        self.report.keep_removed();
        let Looked { snapshots, judged, rest_on } = self.looked_into()?;
        let report = &mut self.report;
        let mut failed = None;
        for (snapshot, Judgement { stays, mut why }) in snapshots.iter().zip(judged) {
            if stays {
                report.add(snapshot, Fate::Stays, why);
                continue;
            }
            stop.check()?;
            // A verification may just have found damage in one of those for whose sake others go.
            for anchor in &rest_on {
                if repository.survey_of(anchor)?.condition != Condition::Good {
                    return Ok(false);
                }
            }
            let place = repository.path().join(snapshot.directory());
            match repository.delete(snapshot, stop).at(At::Snapshot, place.display()) {
                Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
                // What cannot be removed keeps no other one from being removed.
                Err(error) => failed = failed.or(Some(error)),
                Ok(Deleted::Gone) => {
                    running.note(Level::Info, "removed", &format!("{} is removed", snapshot.directory()));
                    report.add(snapshot, Fate::Removed, why);
                }
                Ok(Deleted::InUse) => {
                    let what = "somebody reads it, or holds it since a moment: it is left alone this time"
                        .to_owned();
                    why.insert(0, Reason { reason: "in_use", what });
                    report.add(snapshot, Fate::InUse, why);
                }
            }
        }
        failed.map_or(Ok(true), Err)
    }
}

/// The finding of an error that says that a file is not as it was, and not only that it could not be looked at.
fn damage(error: &Error) -> Option<Finding> {
    let kind = FindingKind::of_damage(error)?;
    let place = error.place();
    let part = place.get(At::Part).and_then(|name| Part::of_name(name, None));
    let name = place.get(At::Key).or(place.get(At::List)).or(place.get(At::File)).unwrap_or_default();
    Some(Finding::new(part.as_ref(), name, kind, error.what()))
}

fn distrust(snapshots: &mut [Surveyed], name: &str) {
    for snapshot in snapshots.iter_mut().filter(|snapshot| snapshot.name.as_str() == name) {
        let why = "not all of its files are there as they were".to_owned();
        (snapshot.condition, snapshot.why) = (Condition::Damaged, Some(why));
    }
}
