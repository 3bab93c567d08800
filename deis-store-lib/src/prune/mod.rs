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
use crate::report::in_one_line;
use crate::run::{Level, Run, Running, TaskKind, TaskResult};
use crate::snapshot::{
    Condition, Deleted, Judgement, Keep, Reason, Repository, Surveyed, anchors, judge, timestamp,
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
/// goes, a look at the newest good ones shows whether all their files are there, in their sizes. One that lacks some is damaged.
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
    let run = running.run();
    let now = timestamp(run.clock.now())?;
    let mut report = PruneReport::new(repository, options.dry_run);
    if options.dry_run {
        let (snapshots, judged) = looked_into(repository, &options.keep, now, running)?;
        for (snapshot, judgement) in snapshots.iter().zip(judged) {
            let fate = if judgement.stays { Fate::Stays } else { Fate::WouldBeRemoved };
            report.add(snapshot, fate, judgement.why);
        }
        return Ok(report);
    }
    let _lock = repository.lock_for("prune", now)?;
    while !all_are_judged(repository, &options.keep, now, running, &mut report)? {}
    report.sort();
    Ok(report)
}

/// The snapshots, and the judgement on them. Before any goes, those for whose sake it goes were seen to have all files.
fn looked_into(
    repository: &Repository,
    keep: &Keep,
    now: Timestamp,
    running: &Running<'_>,
) -> Result<(Vec<Surveyed>, Vec<Judgement>)> {
    let mut snapshots = repository.survey()?;
    let mut seen = BTreeSet::new();
    loop {
        let judged = judge(&snapshots, keep, now);
        let mut rest_on = anchors(&snapshots, now).into_iter();
        let goes = judged.iter().any(|judgement| !judgement.stays);
        let Some(name) = rest_on.find(|name| goes && !seen.contains(name)) else {
            return Ok((snapshots, judged));
        };
        let looked = repository.snapshot(&name).and_then(|anchor| anchor.look_for_files(&running.run().stop));
        match looked {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            Err(error) => {
                let why = format!("not all of its files are as they were: {}", in_one_line(&error));
                running.note(
                    Level::Warning,
                    "damaged",
                    &format!("warning: {name} is no reason to remove others: {why}"),
                );
                for anchor in snapshots.iter_mut().filter(|snapshot| snapshot.name == name) {
                    (anchor.condition, anchor.why) = (Condition::Damaged, Some(why.clone()));
                }
            }
        }
        seen.insert(name);
    }
}

/// Removes what goes, oldest first. If what the judgement rests on has changed meanwhile, the rest is to be judged anew.
fn all_are_judged(
    repository: &Repository,
    keep: &Keep,
    now: Timestamp,
    running: &Running<'_>,
    report: &mut PruneReport,
) -> Result<bool> {
    let stop = &running.run().stop;
    report.keep_removed();
    let (snapshots, judged) = looked_into(repository, keep, now, running)?;
    let rest_on = anchors(&snapshots, now);
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
                let what =
                    "somebody reads it, or holds it since a moment: it is left alone this time".to_owned();
                why.insert(0, Reason { reason: "in_use", what });
                report.add(snapshot, Fate::InUse, why);
            }
        }
    }
    failed.map_or(Ok(true), Err)
}
