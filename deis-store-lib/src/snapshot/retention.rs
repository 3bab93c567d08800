//! Which snapshots stay and which go, by rule: calendar slots in UTC, the newest whole snapshot of each slot. Pure.
//!
//! Only a snapshot that is known to be superseded goes. So these stay: the newest good snapshot of each part (its anchor),
//! everything newer than that, and everything of which a part has no anchor.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::name::SnapshotName;
use super::part_entry::PartEntry;
use super::survey::{Condition, Surveyed, Unfinished};
use crate::part::Part;

/// A snapshot that is named so much later than now was made by a wrong clock, or ours is wrong. Honest clocks differ by less.
const MOST_AHEAD: SignedDuration = SignedDuration::from_mins(10);

/// How many good snapshots stay by each rule; of those that have the same parts, each for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// The newest.
    pub last: usize,
    /// The newest of each of so many hours.
    pub hourly: usize,
    /// The newest of each of so many days.
    pub daily: usize,
    /// The newest of each of so many weeks, which begin on Monday.
    pub weekly: usize,
    /// The newest of each of so many months.
    pub monthly: usize,
}

impl Keep {
    /// Whether it says nothing.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Why a snapshot stays or goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// A stable word, for programs.
    pub reason: &'static str,
    /// The reason, for people.
    pub what: String,
}

/// The judgement on a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) stays: bool,
    pub(crate) why: Vec<Reason>,
}

/// A part, with the bucket and the platform that it was taken from: a snapshot of another one supersedes nothing.
type Source = (Part, Option<String>, Option<String>);

/// Judges all snapshots of a repository, which are given oldest first.
pub(crate) fn judge(snapshots: &[Surveyed], keep: &Keep, now: Timestamp) -> Vec<Judgement> {
    let anchors = newest(snapshots, now);
    let slots = slots(snapshots, keep, now);
    let judged = snapshots.iter().zip(slots).map(|(snapshot, slots)| {
        let why: Vec<_> = protection(snapshot, &anchors, now).into_iter().chain(slots).collect();
        let stays = !why.is_empty();
        Judgement { stays, why: if stays { why } else { vec![farewell(snapshot)] } }
    });
    judged.collect()
}

/// The snapshots for whose sake others go: the anchors of what those have, and the next one that a rule keeps instead. If one of
/// them is good no longer, all is to be judged anew.
pub(crate) fn rested_on(
    snapshots: &[Surveyed],
    judged: &[Judgement],
    now: Timestamp,
) -> BTreeSet<SnapshotName> {
    let anchors = newest(snapshots, now);
    let mut rested_on = BTreeSet::new();
    for (index, snapshot) in snapshots.iter().enumerate().filter(|(index, _)| goes(judged, *index)) {
        let sources = sources(snapshot);
        rested_on.extend(sources.iter().filter_map(|source| anchors.get(source)).cloned());
        let mut later = snapshots.iter().enumerate().skip(index + 1);
        let next = later.find(|(index, later)| {
            !goes(judged, *index) && counts(later, now) && sources.is_subset(&self::sources(later))
        });
        rested_on.extend(next.filter(|_| !sources.is_empty()).map(|(_, next)| next.name.clone()));
    }
    rested_on
}

fn goes(judged: &[Judgement], index: usize) -> bool {
    judged.get(index).is_some_and(|judgement| !judgement.stays)
}

/// Whether a snapshot says that it was made later than now.
pub(crate) fn is_ahead(snapshot: &Surveyed, now: Timestamp) -> bool {
    snapshot.started().map_or(true, |started| started.duration_since(now) > MOST_AHEAD)
}

/// Whether a snapshot can be one that others are measured by.
fn counts(snapshot: &Surveyed, now: Timestamp) -> bool {
    snapshot.condition == Condition::Good && !is_ahead(snapshot, now)
}

fn sources(snapshot: &Surveyed) -> BTreeSet<Source> {
    let source =
        |(part, entry): (&Part, &PartEntry)| (part.clone(), entry.bucket.clone(), snapshot.domain.clone());
    snapshot.stored().map(source).collect()
}

fn newest(snapshots: &[Surveyed], now: Timestamp) -> BTreeMap<Source, SnapshotName> {
    let mut newest = BTreeMap::new();
    for snapshot in snapshots.iter().filter(|snapshot| counts(snapshot, now)) {
        for source in sources(snapshot) {
            let anchor = newest.entry(source).or_insert_with(|| snapshot.name.clone());
            *anchor = snapshot.name.clone().max(anchor.clone());
        }
    }
    newest
}

/// The reasons for which a snapshot stays, whatever the rules say.
fn protection(snapshot: &Surveyed, anchors: &BTreeMap<Source, SnapshotName>, now: Timestamp) -> Vec<Reason> {
    let mut why = Vec::new();
    let mut say = |reason, what: String| why.push(Reason { reason, what });
    if snapshot.unfinished != Some(Unfinished::Left)
        && let Some(held) = &snapshot.held
    {
        let text = if held.why.is_empty() { String::new() } else { format!(": {}", held.why) };
        say("held", format!("it is held{text}"));
    }
    if is_ahead(snapshot, now) {
        say("from_the_future", "by its name it was made in the future".to_owned());
    }
    let because = snapshot.why.as_deref().unwrap_or_default();
    match (snapshot.condition, &snapshot.unfinished) {
        (Condition::Newer, _) => say("newer_format", because.to_owned()),
        (Condition::Damaged, _) => {
            say("damaged", format!("it is damaged, and removed by hand alone: {because}"));
        }
        (_, Some(Unfinished::Left)) => {}
        (_, Some(Unfinished::Sealed)) => say("sealed", because.to_owned()),
        (_, Some(Unfinished::Begun(parts))) => {
            let all: BTreeSet<Part> = anchors.keys().map(|(part, ..)| part.clone()).collect();
            let parts = parts.as_ref().filter(|parts| !parts.is_empty()).unwrap_or(&all);
            let later = |part: &Part| of_part(anchors, part).is_some_and(|anchor| *anchor > snapshot.name);
            match parts.iter().find(|part| !later(part)) {
                _ if parts.is_empty() => say("unfinished", "no good snapshot is there".to_owned()),
                Some(part) => say("unfinished", format!("no good snapshot of {part} was begun after it")),
                None => {}
            }
        }
        (Condition::Good | Condition::Incomplete | Condition::Unfinished, None) => {
            stored(snapshot, anchors, &mut say);
        }
    }
    why
}

/// The reasons for which a finished snapshot stays for the sake of its parts.
fn stored(
    snapshot: &Surveyed,
    anchors: &BTreeMap<Source, SnapshotName>,
    say: &mut impl FnMut(&'static str, String),
) {
    let sources = sources(snapshot);
    if sources.is_empty() {
        say("empty", "it has no part that others could have instead".to_owned());
    }
    let (mut of, mut newer): (Vec<&str>, BTreeMap<&SnapshotName, Vec<&str>>) = Default::default();
    for source in &sources {
        match anchors.get(source) {
            None => say("only_copy", format!("no good snapshot has {}", called(source))),
            Some(anchor) if *anchor == snapshot.name => of.push(source.0.name()),
            Some(anchor) if *anchor < snapshot.name => newer.entry(anchor).or_default().push(source.0.name()),
            Some(_) => {}
        }
    }
    // The next one may lack what this one has tried and not got.
    for part in snapshot.failed() {
        if let Some(anchor) = of_part(anchors, part).filter(|anchor| **anchor < snapshot.name) {
            newer.entry(anchor).or_default().push(part.name());
        }
    }
    if !of.is_empty() {
        say("newest", format!("it is the newest good one of {}", of.join(", ")));
    }
    for (anchor, parts) in newer {
        say("newer", format!("it is newer than {anchor}, the newest good one of {}", parts.join(", ")));
    }
}

/// The newest anchor of a part, whatever bucket it was taken from.
fn of_part<'a>(anchors: &'a BTreeMap<Source, SnapshotName>, part: &Part) -> Option<&'a SnapshotName> {
    anchors.iter().filter(|((anchored, ..), _)| anchored == part).map(|(_, anchor)| anchor).max()
}

fn called((part, bucket, domain): &Source) -> String {
    let bucket = bucket.as_ref().map_or_else(String::new, |bucket| format!(" of the bucket {bucket}"));
    let domain = domain.as_ref().map_or_else(String::new, |domain| format!(" of {domain}"));
    format!("{part}{bucket}{domain}")
}

/// The rules by which each snapshot stays.
fn slots(snapshots: &[Surveyed], keep: &Keep, now: Timestamp) -> Vec<Vec<Reason>> {
    let mut groups: BTreeMap<BTreeSet<Source>, Vec<(DateTime, usize)>> = BTreeMap::new();
    for (index, snapshot) in snapshots.iter().enumerate().rev().filter(|(_, found)| counts(found, now)) {
        if let Ok(started) = snapshot.started() {
            let time = Offset::UTC.to_datetime(started);
            groups.entry(sources(snapshot)).or_default().push((time, index));
        }
    }
    let mut why = vec![Vec::new(); snapshots.len()];
    for group in groups.values() {
        for (_, index) in group.iter().take(keep.last) {
            why[*index].push(Reason { reason: "last", what: format!("it is one of the last {}", keep.last) });
        }
        for (reason, most, slot) in [
            ("hourly", keep.hourly, hour as fn(DateTime) -> String),
            ("daily", keep.daily, day),
            ("weekly", keep.weekly, week),
            ("monthly", keep.monthly, month),
        ] {
            let mut taken = BTreeSet::new();
            for (time, index) in group {
                let slot = slot(*time);
                if taken.len() < most && taken.insert(slot.clone()) {
                    why[*index].push(Reason { reason, what: format!("it is the last one of {slot}") });
                }
            }
        }
    }
    why
}

fn hour(time: DateTime) -> String {
    time.strftime("the hour %Y-%m-%dT%H").to_string()
}

fn day(time: DateTime) -> String {
    time.strftime("the day %Y-%m-%d").to_string()
}

/// Weeks as ISO 8601 counts them.
fn week(time: DateTime) -> String {
    time.strftime("the week %G-W%V").to_string()
}

fn month(time: DateTime) -> String {
    time.strftime("the month %Y-%m").to_string()
}

fn farewell(snapshot: &Surveyed) -> Reason {
    let (reason, what) = match (snapshot.condition, &snapshot.unfinished) {
        (_, Some(Unfinished::Left)) => ("left", "it is what a deletion has left"),
        (_, Some(_)) => ("unfinished", "its run has not finished, and good ones were begun after it"),
        (Condition::Incomplete, None) => {
            ("incomplete", "it is incomplete, and there are newer good ones of all that it has")
        }
        _ => ("superseded", "no rule keeps it, and there are newer good ones of all that it has"),
    };
    Reason { reason, what: what.to_owned() }
}
