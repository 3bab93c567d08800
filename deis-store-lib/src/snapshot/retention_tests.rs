//! Retention by example, and against a plain model.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

use super::held::Held;
use super::name::SnapshotName;
use super::part_entry::PartEntry;
use super::retention::{Judgement, Keep, judge, rested_on};
use super::survey::{Condition, Surveyed, Unfinished};
use crate::outcome::PartOutcome;
use crate::part::Part;

fn now() -> Timestamp {
    "2026-11-26T12:00:00Z".parse().unwrap()
}

fn part(name: &str) -> Part {
    Part::of_name(name, None).unwrap()
}

/// A snapshot with these parts, and perhaps of this platform: `good 2026-11-25T00-00-00Z sql,config one.example.net`.
fn of(words: &str) -> Surveyed {
    let words: Vec<&str> = words.split(' ').collect();
    let condition = match words[0] {
        "good" => Condition::Good,
        "incomplete" => Condition::Incomplete,
        "damaged" => Condition::Damaged,
        "newer" => Condition::Newer,
        _ => Condition::Unfinished,
    };
    let names = words.get(2).copied().unwrap_or_default().split(',').filter(|name| !name.is_empty());
    let mut parts = BTreeMap::new();
    for name in names {
        let (outcome, name) = match name.strip_prefix('!') {
            Some(name) => (PartOutcome::Failed, name),
            None => (PartOutcome::Stored, name),
        };
        let (name, bucket) = name.split_once(':').map_or((name, None), |(name, bucket)| (name, Some(bucket)));
        let mut entry = PartEntry::new(outcome);
        entry.bucket = bucket.map(str::to_owned);
        parts.insert(part(name), entry);
    }
    let begun = || Unfinished::Begun(Some(parts.keys().cloned().collect()));
    let unfinished = match words[0] {
        "begun" => Some(begun()),
        "sealed" => Some(Unfinished::Sealed),
        "left" => Some(Unfinished::Left),
        _ => None,
    };
    let (name, domain) = (words[1].parse().unwrap(), words.get(3).map(|domain| (*domain).to_owned()));
    Surveyed { name, condition, why: None, parts, domain, held: None, verified: None, unfinished }
}

fn judged(snapshots: &[&str], keep: Keep) -> Vec<Judgement> {
    judge(&snapshots.iter().map(|words| of(words)).collect::<Vec<_>>(), &keep, now())
}

/// The first reason of each; those that go with a minus.
fn reasons(snapshots: &[&str], keep: Keep) -> Vec<String> {
    let sign = |stays| if stays { "" } else { "-" };
    let judged = judged(snapshots, keep);
    judged.iter().map(|judged| format!("{}{}", sign(judged.stays), judged.why[0].reason)).collect()
}

fn last(last: usize) -> Keep {
    Keep { last, ..Keep::default() }
}

#[test]
fn the_newest_of_each_slot_stays_by_every_rule_that_keeps_it() {
    let keep = Keep { last: 1, hourly: 2, daily: 2, weekly: 2, monthly: 3 };
    let snapshots = [
        "good 2026-09-30T23-59-59Z sql",
        "good 2026-10-31T00-00-00Z sql",
        "good 2026-11-22T23-00-00Z sql", // a Sunday, the last day of its week
        "good 2026-11-23T00-00-00Z sql",
        "good 2026-11-25T10-00-00Z sql",
        "good 2026-11-26T10-00-00Z sql",
        "good 2026-11-26T11-00-00Z sql",
        "good 2026-11-26T11-30-00Z sql",
    ];
    let words = |judged: &Judgement| judged.why.iter().map(|why| why.reason).collect::<Vec<_>>().join(" ");
    let found: Vec<_> = judged(&snapshots, keep).iter().map(words).collect();
    assert_eq!(
        found,
        [
            "monthly",
            "monthly",
            "weekly",
            "superseded",
            "daily",
            "hourly",
            "superseded",
            "newest last hourly daily weekly monthly"
        ]
    );
}

#[test]
fn snapshots_of_several_platforms_supersede_nothing_of_each_other() {
    let snapshots = [
        "good 2026-11-22T00-00-00Z registry:registry one.example.net",
        "good 2026-11-23T00-00-00Z registry:registry one.example.net",
        "good 2026-11-24T00-00-00Z registry:registry two.example.net",
        "good 2026-11-25T00-00-00Z registry:registry two.example.net",
    ];
    assert_eq!(reasons(&snapshots, last(1)), ["-superseded", "newest", "-superseded", "newest"]);
}

#[test]
fn what_goes_rests_on_the_newest_good_one_and_on_the_next_one_that_a_rule_keeps() {
    let snapshots = [
        "left 2026-11-20T00-00-00Z",
        "good 2026-11-21T22-00-00Z sql",
        "good 2026-11-21T23-00-00Z sql",
        "good 2026-11-22T23-00-00Z sql,config",
        "good 2026-11-23T23-00-00Z sql",
        "good 2026-11-24T23-00-00Z volume",
    ];
    let names = |keep| {
        let snapshots: Vec<_> = snapshots.iter().map(|words| of(words)).collect();
        let judged = judge(&snapshots, &keep, now());
        let names = rested_on(&snapshots, &judged, now());
        names.iter().map(|name| name.as_str()[8..13].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(Keep { daily: 9, ..Keep::default() }), ["21T23", "23T23"]);
    assert_eq!(names(last(1)), ["22T23", "23T23"]);
    assert!(names(last(9)).is_empty(), "what a deletion has left rests on nothing");
}

#[test]
fn the_week_is_the_one_of_iso_8601_also_around_new_year() {
    let keep = Keep { weekly: 9, ..Keep::default() };
    let snapshots = [
        "good 2024-12-29T00-00-00Z sql", // a Sunday of 2024-W52
        "good 2024-12-30T00-00-00Z sql", // a Monday of 2025-W01
        "good 2025-01-01T00-00-00Z sql",
    ];
    let judged = judged(&snapshots, keep);
    let stays: Vec<_> = judged.iter().map(|judged| judged.stays).collect();
    assert_eq!(stays, [true, false, true]);
    assert!(judged[2].why.iter().any(|why| why.what.ends_with("2025-W01")), "{judged:?}");
}

#[test]
fn each_part_has_its_own_newest_and_snapshots_of_other_parts_take_no_slot_of_it() {
    assert_eq!(
        reasons(
            &[
                "good 2026-11-20T00-00-00Z db_wal,registry",
                "good 2026-11-21T00-00-00Z db_wal,registry",
                "good 2026-11-22T00-00-00Z config",
                "good 2026-11-23T00-00-00Z config",
            ],
            last(1)
        ),
        ["-superseded", "newest", "-superseded", "newest"]
    );
    // The same part of another bucket is something else.
    assert_eq!(
        reasons(&["good 2026-11-20T00-00-00Z db_wal:a", "good 2026-11-21T00-00-00Z db_wal:b"], last(1)),
        ["newest", "newest"]
    );
}

#[test]
fn nothing_newer_than_the_newest_good_one_goes_and_incomplete_ones_take_no_slot() {
    assert_eq!(
        reasons(
            &[
                "incomplete 2026-11-19T00-00-00Z sql,!registry",
                "good 2026-11-20T00-00-00Z sql,registry",
                "incomplete 2026-11-21T00-00-00Z sql,!registry",
                "good 2026-11-22T00-00-00Z sql,registry",
                "incomplete 2026-11-23T00-00-00Z sql,!registry",
                "good 2026-11-24T00-00-00Z sql",
                "good 2026-11-25T00-00-00Z sql",
            ],
            last(1)
        ),
        ["-incomplete", "-superseded", "-incomplete", "newest", "newer", "-superseded", "newest"]
    );
}

#[test]
fn a_part_without_a_good_snapshot_keeps_all_that_has_it() {
    assert_eq!(
        reasons(
            &[
                "incomplete 2026-11-19T00-00-00Z registry",
                "incomplete 2026-11-20T00-00-00Z registry,sql",
                "damaged 2026-11-21T00-00-00Z registry",
                "good 2026-11-22T00-00-00Z sql",
            ],
            last(1)
        ),
        ["only_copy", "only_copy", "damaged", "newest"]
    );
}

#[test]
fn damaged_newer_and_future_ones_stay_and_stand_for_nothing() {
    assert_eq!(
        reasons(
            &[
                "damaged 2026-11-01T00-00-00Z sql",
                "newer 2026-11-02T00-00-00Z sql",
                "good 2026-11-03T00-00-00Z sql",
                "damaged 2026-11-04T00-00-00Z sql",
                "good 2026-11-26T12-10-00Z config",
                "good 2027-01-01T00-00-00Z sql",
            ],
            last(1)
        ),
        ["damaged", "newer_format", "newest", "damaged", "newest", "from_the_future"]
    );
    // One made by a clock that is hours ahead supersedes nothing.
    assert_eq!(
        reasons(&["good 2026-11-26T11-00-00Z sql", "good 2026-11-26T15-00-00Z sql"], last(1)),
        ["newest", "from_the_future"]
    );
    // If it is our clock that is wrong, nothing goes.
    let all = ["good 2026-11-03T00-00-00Z sql", "good 2026-11-04T00-00-00Z sql"].map(of);
    let judged = judge(&all, &last(1), Timestamp::from_second(0).unwrap());
    assert!(judged.iter().all(|judged| judged.stays), "{judged:?}");
}

#[test]
fn an_unfinished_one_goes_when_good_ones_of_all_its_parts_were_begun_after_it() {
    assert_eq!(
        reasons(
            &[
                "left 2026-11-01T00-00-00Z",
                "begun 2026-11-02T00-00-00Z sql",
                "begun 2026-11-03T00-00-00Z sql,registry",
                "begun 2026-11-04T00-00-00Z",
                "sealed 2026-11-05T00-00-00Z sql",
                "good 2026-11-06T00-00-00Z sql",
                "begun 2026-11-07T00-00-00Z sql",
            ],
            last(1)
        ),
        ["-left", "-unfinished", "unfinished", "-unfinished", "sealed", "newest", "unfinished"]
    );
    assert_eq!(reasons(&["begun 2026-11-02T00-00-00Z"], last(1)), ["unfinished"]);
}

#[test]
fn what_is_held_stays_and_says_why() {
    let mut old = of("good 2026-11-01T00-00-00Z sql");
    old.held = Some(Held { since: None, why: "audit".to_owned() });
    let judged = judge(&[old, of("good 2026-11-02T00-00-00Z sql")], &last(1), now());
    assert_eq!(judged[0].why[0].what, "it is held: audit");
}

fn snapshots() -> impl Strategy<Value = Vec<Surveyed>> {
    let one = (0..4000_i64, 0..10_u8, 1..8_u8, any::<bool>());
    proptest::collection::btree_map(0..4000_i64, one, 0..40).prop_map(|drawn| {
        let make = |(hours, (minutes, kind, parts, held)): (i64, (i64, u8, u8, bool))| {
            let name = SnapshotName::new(now() - hours.hours() - (minutes % 60).minutes());
            let kind =
                ["good", "good", "good", "good", "good", "incomplete", "damaged", "newer", "begun", "left"]
                    [usize::from(kind)];
            let names = ["sql", "config", "registry"].into_iter().enumerate();
            let names: Vec<_> =
                names.filter(|(bit, _)| parts >> bit & 1 == 1).map(|(_, name)| name).collect();
            let mut made = of(&format!("{kind} {name} {}", names.join(",")));
            made.held = (held && minutes % 7 == 0).then(|| Held { since: None, why: String::new() });
            made
        };
        let mut all: Vec<_> = drawn.into_iter().map(make).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all.dedup_by(|one, other| one.name == other.name);
        all
    })
}

proptest! {
    /// A good snapshot stays exactly if it is held, the newest good one of a part, or the newest of a slot among those with
    /// its parts; and each part's newest good one is there whatever goes.
    #[test]
    fn good_snapshots_stay_as_a_plain_model_says(
        all in snapshots(),
        (last, daily, monthly) in (0..5_usize, 0..5_usize, 0..5_usize),
    ) {
        let keep = Keep { last, daily, monthly, ..Keep::default() };
        let judged = judge(&all, &keep, now());
        let has = |one: &Surveyed| one.stored().map(|(part, _)| part.clone()).collect::<Vec<_>>();
        for (index, one) in all.iter().enumerate().filter(|(_, one)| one.condition == Condition::Good) {
            let later = || all[index + 1..].iter().filter(|other| other.condition == Condition::Good);
            let anchor = has(one).iter().any(|part| later().all(|other| !has(other).contains(part)));
            let same: Vec<&str> =
                later().filter(|other| has(other) == has(one)).map(|other| other.name.as_str()).collect();
            // A slot is a prefix of the name; those that are taken by then are the different ones of later snapshots.
            let slot = |length: usize, most: usize| {
                let taken: std::collections::BTreeSet<_> = same.iter().map(|name| &name[..length]).collect();
                taken.len() < most && !taken.contains(&one.name.as_str()[..length])
            };
            let expected = one.held.is_some() || anchor || slot(20, last) || slot(10, daily) || slot(7, monthly);
            prop_assert_eq!(judged[index].stays, expected, "{:?}: {:?}", one, judged[index]);
        }
        for (one, judged) in all.iter().zip(&judged) {
            prop_assert!(!judged.why.is_empty());
            let safe = matches!(one.condition, Condition::Damaged | Condition::Newer);
            prop_assert!(judged.stays || !safe && (one.held.is_none() || one.unfinished == Some(Unfinished::Left)));
            // Of all that goes, a newer good one stays.
            for part in if judged.stays { Vec::new() } else { has(one) } {
                let instead = all.iter().zip(judge(&all, &keep, now())).any(|(other, judged)| {
                    judged.stays && other.condition == Condition::Good && other.name > one.name
                        && has(other).contains(&part)
                });
                prop_assert!(instead || one.unfinished == Some(Unfinished::Left), "{part} of {one:?}");
            }
        }
    }
}
