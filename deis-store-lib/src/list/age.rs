//! Whether the newest good snapshot of each part is new enough. Pure.
//!
//! It is asked part by part: a new snapshot of the configuration alone says nothing of the database. A snapshot's age is the
//! one of its start, since what came later is not in it.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::error::Result;
use crate::part::{Part, PartName};
use crate::report::{Finding, FindingKind, Findings};
use crate::snapshot::{Condition, Surveyed, is_ahead};

pub(super) fn judge(
    snapshots: &[Surveyed],
    max_age: Duration,
    only: &BTreeSet<PartName>,
    now: Timestamp,
) -> Result<Findings> {
    let mut findings = Findings::default();
    for ahead in snapshots.iter().filter(|found| is_ahead(found, now)) {
        let what =
            "by its name it was made in the future, so it says nothing of today: see which clock is wrong";
        findings.push(Finding::new(None, ahead.directory(), FindingKind::FromTheFuture, what));
    }
    let good: Vec<_> = snapshots
        .iter()
        .filter(|found| found.condition == Condition::Good && !is_ahead(found, now))
        .collect();
    let parts = asked(snapshots, only);
    if parts.is_empty() {
        let what = "there is no snapshot with any part";
        findings.push(Finding::new(None, "snapshots", FindingKind::TooOld, what));
    }
    for part in parts {
        let newest = good.iter().rfind(|found| found.stored().any(|(stored, _)| *stored == part));
        let (name, what) = match newest {
            None => (part.to_string(), "no good snapshot has it".to_owned()),
            Some(newest) => {
                let age = now.duration_since(newest.started()?);
                if Duration::try_from(age).is_ok_and(|age| age > max_age) {
                    let (age, most) = (hours(age), hours(SignedDuration::try_from(max_age).unwrap_or(age)));
                    (newest.directory(), format!("its newest good snapshot is {age} old, and may be {most}"))
                } else {
                    continue;
                }
            }
        };
        findings.push(Finding::new(Some(&part), name, FindingKind::TooOld, what));
    }
    Ok(findings)
}

/// The parts that are asked for: the named ones, or all that any snapshot has, or was to have and could not be taken.
fn asked(snapshots: &[Surveyed], only: &BTreeSet<PartName>) -> BTreeSet<Part> {
    if only.is_empty() {
        let wanted = |found: &Surveyed| -> Vec<Part> {
            found.stored().map(|(part, _)| part).chain(found.failed()).cloned().collect()
        };
        return snapshots.iter().flat_map(wanted).collect();
    }
    only.iter().filter_map(|name| Part::of_name(name.as_str(), None)).collect()
}

/// A duration for people: `45 min`, `26 h 5 min`, `9 d 2 h`.
fn hours(duration: SignedDuration) -> String {
    let minutes = duration.as_mins();
    match (minutes / 60 / 24, minutes / 60, minutes % 60) {
        (_, 0, minutes) => format!("{minutes} min"),
        (days, hours, minutes) if days < 3 => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {} h", hours % 24),
    }
}
