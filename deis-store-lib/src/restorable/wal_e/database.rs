//! One database, as far as it was seen. Pure.

use std::collections::BTreeMap;

use super::base::{Base, Sentinel};
use super::log::Log;
use super::order::Order;
use crate::contents::wal_e::{Lsn, Segment, SegmentHeld, Switch};
use crate::restorable::ranges::Ranges;

/// So many times of commits are kept for each timeline, of its last segments.
const COMMITS_KEPT: usize = 64;

#[derive(Clone, Debug, Default)]
pub(super) struct Database {
    /// By the key of the sentinel.
    pub(super) bases: BTreeMap<String, Base>,
    pub(super) logs: BTreeMap<u32, Log>,
    pub(super) histories: BTreeMap<u32, History>,
    /// The number of objects whose bytes are not read.
    pub(super) unread: u64,
    /// The segments that were read, by the system that wrote them and the timeline.
    systems: BTreeMap<u64, BTreeMap<u32, Ranges>>,
    /// The size of the segments, if one was read.
    pub(super) segment_bytes: Option<u64>,
    /// The ends of those whose records end before they do.
    ends: BTreeMap<(u32, u64), Lsn>,
    /// Where the last whole record ends of the others, of which the next one was not read.
    open: BTreeMap<(u32, u64), Lsn>,
    commits: BTreeMap<u32, BTreeMap<u64, i64>>,
    /// The segments that are broken, and why.
    pub(super) broken: Vec<(String, String)>,
}

/// The history of a timeline.
#[derive(Clone, Debug)]
pub(super) enum History {
    /// It was there.
    Lost,
    /// Its key, and why it cannot be read.
    Broken(String, String),
    Read(Vec<Switch>),
}

/// The last commit of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Commit {
    /// In microseconds since 1970.
    At(i64),
    /// It was read, and has none.
    None,
    /// It was not read, or is too far back.
    Unknown,
}

impl Database {
    pub(super) fn log(&mut self, timeline: u32) -> &mut Log {
        self.logs.entry(timeline).or_default()
    }

    pub(super) fn learn_segment(&mut self, segment: Segment, held: &SegmentHeld) {
        let Segment { timeline, number } = segment;
        let read = self.systems.entry(held.system_id).or_default().entry(timeline).or_default();
        read.insert(number);
        // Only the last of many are kept.
        if let Some(before) = number.checked_sub(1).filter(|before| read.contains(*before)) {
            self.open.remove(&(timeline, before));
        }
        if !held.is_full {
            self.ends.insert((timeline, number), held.end);
        } else if number.checked_add(1).is_none_or(|next| !read.contains(next)) {
            self.open.insert((timeline, number), held.end);
        }
        self.segment_bytes = Some(held.segment_bytes);
        if let Some(commit) = held.last_commit_us {
            let commits = self.commits.entry(timeline).or_default();
            commits.insert(number, commit);
            if commits.len() > COMMITS_KEPT {
                commits.pop_first();
            }
        }
    }

    pub(super) fn break_segment(&mut self, segment: Segment, key: &str, why: String) {
        self.log(segment.timeline).break_segment(segment.number, key);
        self.broken.push((key.to_owned(), why));
    }

    /// The base backups that have a sentinel, in the order in which these were written.
    pub(super) fn finished(&self) -> Vec<(&String, &Base)> {
        let mut finished: Vec<_> =
            self.bases.iter().filter(|(_, base)| base.sentinel != Sentinel::None).collect();
        finished.sort_by_key(|(_, base)| base.modified);
        finished
    }

    /// Finds where the replay of each base backup begins.
    pub(super) fn find_starts(&mut self, order: Order) {
        let logs = &self.logs;
        let is_there =
            |segment: Segment| logs.get(&segment.timeline).is_some_and(|log| log.is_there(segment.number));
        self.bases.values_mut().for_each(|base| base.find_start(order, is_there));
    }

    /// The system of the base backups: the one of the last that was read.
    pub(super) fn system(&self) -> Option<u64> {
        let finished = self.finished();
        let mut controls = finished.iter().rev().filter_map(|(_, base)| base.read.as_ref()?.control.as_ref());
        controls.next().map(|control| control.system_id)
    }

    /// The segments that another system has written, by that.
    pub(super) fn foreign_segments(&self) -> Vec<(u64, Segment)> {
        let of_log =
            self.systems.iter().max_by_key(|(_, logs)| logs.values().map(Ranges::count).sum::<u64>());
        let Some(own) = self.system().or_else(|| of_log.map(|(system, _)| *system)) else {
            return Vec::new();
        };
        let others = self.systems.iter().filter(|(system, _)| **system != own);
        let segments = others.flat_map(|(system, logs)| {
            let ranges = logs.iter().flat_map(|(timeline, numbers)| {
                let numbers = numbers.iter().flat_map(|(first, last)| first..=last);
                numbers.map(|number| Segment { timeline: *timeline, number })
            });
            ranges.map(|segment| (*system, segment))
        });
        // One may be gone since it was read.
        let is_there = |segment: &Segment| {
            self.logs.get(&segment.timeline).is_some_and(|log| log.is_there(segment.number))
        };
        segments.filter(|(_, segment)| is_there(segment)).collect()
    }

    /// Marks where replay ends within the log: segments that are not full, and that others follow.
    pub(super) fn mark_short(&mut self, order: Order) -> Vec<(Segment, Lsn)> {
        let mut short = Vec::new();
        for ((timeline, number), end) in &self.ends {
            let Some(log) = self.logs.get_mut(timeline) else { continue };
            if log.is_there(*number) && log.is_there(order.next(*number)) {
                log.short.insert(*number);
                short.push((Segment { timeline: *timeline, number: *number }, *end));
            }
        }
        short
    }

    /// The place where the replay ends of which this is the last segment, if it was read.
    pub(super) fn end_of(&self, segment: Segment) -> Option<Lsn> {
        let place = (segment.timeline, segment.number);
        self.ends.get(&place).or_else(|| self.open.get(&place)).copied()
    }

    /// The last commit of a segment.
    pub(super) fn commit_of(&self, Segment { timeline, number }: Segment) -> Commit {
        // One of another system, or one that is gone, is none of its own.
        if !self.logs.get(&timeline).is_some_and(|log| log.is_there(number)) {
            return Commit::Unknown;
        }
        let kept = self.commits.get(&timeline);
        if let Some(microseconds) = kept.and_then(|kept| kept.get(&number)) {
            return Commit::At(*microseconds);
        }
        let is_read =
            |logs: &BTreeMap<u32, Ranges>| logs.get(&timeline).is_some_and(|read| read.contains(number));
        let is_forgotten = kept.is_some_and(|kept| {
            kept.len() >= COMMITS_KEPT && kept.first_key_value().is_some_and(|(first, _)| number < *first)
        });
        if is_forgotten || !self.systems.values().any(is_read) { Commit::Unknown } else { Commit::None }
    }
}
