//! How far the log of a database reaches, timeline by timeline. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::names::MOST_NAMES;
use crate::contents::{Contents, Segment};

/// How far the logs in a bucket reach, in each of two snapshots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WalDiff {
    /// The first 1,000 timelines, by prefix and number.
    pub timelines: Vec<LogReach>,
    /// How many segments are of further timelines, so that nothing is said of them.
    pub segments_left_out: u64,
}

/// How far the log of one timeline reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LogReach {
    /// The beginning of its keys; empty for a log at the root of the bucket.
    pub prefix: String,
    /// The timeline's number.
    pub timeline: u32,
    /// The name of the last segment in the first snapshot.
    pub before: Option<String>,
    /// The name of the last segment in the second snapshot.
    pub after: Option<String>,
}

/// The last segments, as far as they are seen.
#[derive(Debug, Default)]
pub(super) struct Reach {
    last: BTreeMap<(String, u32), [Option<Segment>; 2]>,
    segments_left_out: u64,
}

impl Reach {
    /// An object is in the first snapshot (0) or in the second one (1).
    pub(super) fn see(&mut self, contents: Contents, key: &str, side: usize) {
        let Some((prefix, segment)) = contents.segment(key) else { return };
        let timeline = (prefix.to_owned(), segment.timeline);
        if self.last.len() >= MOST_NAMES && !self.last.contains_key(&timeline) {
            self.segments_left_out += 1;
            return;
        }
        if let Some(last) = self.last.entry(timeline).or_default().get_mut(side) {
            *last = (*last).max(Some(segment));
        }
    }

    /// Nothing if no segment was seen.
    pub(super) fn told(self) -> Option<WalDiff> {
        let reach = |((prefix, timeline), last): ((String, u32), [Option<Segment>; 2])| {
            let [before, after] = last.map(|segment| segment.map(Segment::name));
            LogReach { prefix, timeline, before, after }
        };
        let timelines: Vec<_> = self.last.into_iter().map(reach).collect();
        (!timelines.is_empty()).then_some(WalDiff { timelines, segments_left_out: self.segments_left_out })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_timeline_below_each_prefix_reaches_to_its_last_segment_in_each_snapshot() {
        let mut reach = Reach::default();
        for (side, key) in [
            (0, "wal_005/000000010000000000000009.lzo"),
            (0, "wal_005/0000000100000001000000FF.lzo"),
            (1, "wal_005/000000010000000200000000.lzo"),
            (1, "wal_005/00000002.history.lzo"),
            (1, "pg/wal_005/000000020000000000000003.lzo"),
            (1, "notes"),
        ] {
            reach.see(Contents::WalE, key, side);
            reach.see(Contents::Plain, key, side);
        }
        let told = reach.told().unwrap();
        let told: Vec<_> = told
            .timelines
            .iter()
            .map(|log| (log.prefix.as_str(), log.timeline, log.before.as_deref(), log.after.as_deref()))
            .collect();
        let expected = [
            ("", 1, Some("0000000100000001000000FF"), Some("000000010000000200000000")),
            ("pg/", 2, None, Some("000000020000000000000003")),
        ];
        assert_eq!(told, expected);
        assert_eq!(Reach::default().told(), None);
    }

    #[test]
    fn many_timelines_are_counted_and_not_kept() {
        let mut reach = Reach::default();
        for prefix in 0..MOST_NAMES + 5 {
            reach.see(Contents::WalE, &format!("{prefix}/wal_005/000000010000000000000009.lzo"), 0);
        }
        let told = reach.told().unwrap();
        assert_eq!((told.timelines.len(), told.segments_left_out), (MOST_NAMES, 5));
    }
}
