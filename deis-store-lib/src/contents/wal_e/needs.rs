//! Which sentinels need what is not there: those of base backups of which an object is lost, or that lack a segment of the log
//! between their start and their stop. Pure.
//!
//! A segment after the stop is not needed: replay ends where the log does.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::segment::{LOG, Segment, segment_of};
use super::{is_sentinel, sentinel_of, split};

/// First the sentinels are read, then the segments that they need are looked for.
#[derive(Debug, Default)]
pub(in crate::contents) struct Needs {
    /// By the sentinel of a base backup, an object of it that is lost.
    objects: BTreeMap<String, String>,
    /// By prefix and timeline, the lost segments of the log, each with its key.
    segments: BTreeMap<(String, u32), BTreeMap<u64, String>>,
    /// By prefix and timeline, the segments that are needed.
    logs: BTreeMap<String, BTreeMap<u32, Log>>,
    sentinels_are_read: bool,
    held: BTreeMap<String, String>,
}

/// The log of one timeline, as far as base backups need it.
#[derive(Debug, Default)]
struct Log {
    /// By sentinel, the first and the last segment that it needs.
    needed: BTreeMap<String, (u64, u64)>,
    /// Those of the needed ones that are there.
    there: BTreeSet<u64>,
    /// The highest of the numbers within a log file that any segment has: 255, but for long segments or a short log.
    last_of_file: u64,
}

impl Log {
    fn see(&mut self, number: u64) {
        self.last_of_file = self.last_of_file.max(number & 0xffff_ffff);
        if self.needed.values().any(|(start, stop)| (start..=stop).contains(&&number)) {
            self.there.insert(number);
        }
    }

    /// The first segment between these two that is not there. As many steps as there are segments: a stop may be
    /// anything.
    fn gap(&self, (start, stop): (u64, u64)) -> Option<u64> {
        let mut number = start;
        while number <= stop {
            if !self.there.contains(&number) {
                return Some(number);
            }
            let ends_file = number & 0xffff_ffff >= self.last_of_file;
            number = if ends_file { (number >> 32).checked_add(1)? << 32 } else { number + 1 };
        }
        None
    }
}

/// The part of a sentinel that says how far the log is needed.
#[derive(Deserialize)]
struct Sentinel {
    wal_segment_backup_stop: String,
}

impl Needs {
    pub(in crate::contents) fn lose(&mut self, key: &str) {
        if let Some(sentinel) = sentinel_of(key) {
            self.objects.entry(sentinel).or_insert_with(|| key.to_owned());
        } else if let Some((prefix, segment)) = segment_of(key) {
            let of_timeline = self.segments.entry((prefix.to_owned(), segment.timeline)).or_default();
            of_timeline.entry(segment.number).or_insert_with(|| key.to_owned());
        }
    }

    pub(in crate::contents) fn see(&mut self, key: &str) -> bool {
        if self.sentinels_are_read {
            self.see_segment(key);
            return false;
        }
        if !is_sentinel(key) {
            return false;
        }
        if let Some(lost) = self.objects.get(key) {
            self.held.insert(key.to_owned(), lost.clone());
            return false;
        }
        true
    }

    fn see_segment(&mut self, key: &str) {
        let Some((prefix, segment)) = segment_of(key) else { return };
        let log = self.logs.get_mut(prefix).and_then(|logs| logs.get_mut(&segment.timeline));
        if let Some(log) = log
            && lost(&self.segments, prefix, segment).is_none()
        {
            log.see(segment.number);
        }
    }

    pub(in crate::contents) fn show(&mut self, key: &str, bytes: &[u8]) {
        let Some((prefix, start)) = base_of(key) else { return };
        // WAL-E itself cannot read a sentinel that says no stop: its start alone is certain.
        let stop = serde_json::from_slice::<Sentinel>(bytes).ok();
        let stop = stop.and_then(|sentinel| Segment::of_name(&sentinel.wal_segment_backup_stop));
        let stop = stop.map_or(start.number, |stop| stop.number.max(start.number));
        let logs = self.logs.entry(prefix.to_owned()).or_default();
        logs.entry(start.timeline).or_default().needed.insert(key.to_owned(), (start.number, stop));
    }

    pub(in crate::contents) fn next_round(&mut self) -> bool {
        !std::mem::replace(&mut self.sentinels_are_read, true) && !self.logs.is_empty()
    }

    pub(in crate::contents) fn held_back(mut self) -> BTreeMap<String, String> {
        for (prefix, logs) in &self.logs {
            for (timeline, log) in logs {
                for (sentinel, needed) in &log.needed {
                    if let Some(number) = log.gap(*needed) {
                        let segment = Segment { timeline: *timeline, number };
                        let key = lost(&self.segments, prefix, segment).cloned();
                        let key = key.unwrap_or_else(|| format!("{prefix}{LOG}{}", segment.name()));
                        self.held.insert(sentinel.clone(), key);
                    }
                }
            }
        }
        self.held
    }
}

/// The key of a segment that is lost.
fn lost<'a>(
    segments: &'a BTreeMap<(String, u32), BTreeMap<u64, String>>,
    prefix: &str,
    segment: Segment,
) -> Option<&'a String> {
    if segments.is_empty() {
        return None;
    }
    segments.get(&(prefix.to_owned(), segment.timeline))?.get(&segment.number)
}

/// The prefix of a base backup and the segment at which it starts, by the key of its sentinel.
fn base_of(sentinel: &str) -> Option<(&str, Segment)> {
    let (prefix, name) = split(sentinel)?;
    let start = name.strip_prefix("base_").and_then(|name| Segment::of_name(name.get(..24)?))?;
    Some((prefix, start))
}

#[cfg(test)]
mod tests {
    use crate::contents::Contents;
    use crate::contents::needs::tests::held_back;

    const STOP_B: &str = r#"{"wal_segment_backup_stop": "00000001000000000000000C", "spec": {}}"#;

    fn base(segment: char) -> String {
        format!("basebackups_005/base_00000001000000000000000{segment}_00000040")
    }

    fn sentinel(segment: char) -> String {
        format!("{}_backup_stop_sentinel.json", base(segment))
    }

    /// The segments of the base backups that are held back. The one of B needs the log from B to C.
    fn held(prefix: &str, lost: &[&str]) -> Vec<String> {
        let own = |key: &str| format!("{prefix}{key}");
        let mut objects = vec![(own(&sentinel('A')), "not JSON"), (own(&sentinel('B')), STOP_B)];
        for segment in ['A', 'B'] {
            objects.push((own(&format!("{}/extended_version.txt", base(segment))), ""));
            objects.push((own(&format!("{}/tar_partitions/part_00000000.tar.lzo", base(segment))), ""));
        }
        for segment in ['9', 'A', 'B', 'C', 'D'] {
            objects.push((own(&format!("wal_005/00000001000000000000000{segment}.lzo")), ""));
        }
        let objects: Vec<_> = objects.iter().map(|(key, body)| (key.as_str(), *body)).collect();
        let lost: Vec<String> = lost.iter().map(|key| own(key)).collect();
        let lost: Vec<&str> = lost.iter().map(String::as_str).collect();
        let held = held_back(Contents::WalE, &objects, &lost);
        held.iter().map(|key| key.strip_prefix(prefix).unwrap().to_owned()).collect()
    }

    #[test]
    fn a_lost_object_of_a_base_backup_holds_back_its_own_sentinel_below_any_prefix() {
        for prefix in ["", "pg/main/", "/"] {
            for object in ["extended_version.txt", "tar_partitions/part_00000000.tar.lzo"] {
                assert_eq!(held(prefix, &[&format!("{}/{object}", base('A'))]), [sentinel('A')], "{prefix}");
            }
        }
        let both = [base('A'), base('B')].map(|base| format!("{base}/extended_version.txt"));
        assert_eq!(held("", &[&both[0], &both[1]]), [sentinel('A'), sentinel('B')]);
    }

    #[test]
    fn a_lost_segment_holds_back_the_base_backups_that_need_it_to_become_consistent() {
        let segment = |segment: char| format!("wal_005/00000001000000000000000{segment}.lzo");
        assert_eq!(held("", &[&segment('A')]), [sentinel('A')]);
        assert_eq!(held("pg/", &[&segment('B')]), [sentinel('B')]);
        assert_eq!(held("", &[&segment('C')]), [sentinel('B')]);
        for not_needed in [&segment('9'), &segment('D'), "wal_005/00000002000000000000000B.lzo"] {
            assert!(held("", &[not_needed]).is_empty(), "{not_needed}");
        }
    }

    #[test]
    fn what_is_no_object_of_a_base_backup_and_no_segment_holds_nothing_back() {
        for lost in [
            "wal_005/00000001000000000000000B.00000028.backup.lzo",
            "wal_005/00000002.history.lzo",
            "basebackups_005/notes",
            "notes",
        ] {
            assert!(held("", &[lost]).is_empty(), "{lost}");
        }
        assert!(held("pg/", &["../wal_005/00000001000000000000000B.lzo"]).is_empty(), "of another prefix");
        assert_eq!(held("", &[&sentinel('A')]), [""; 0], "a sentinel that is lost itself is not held back");
    }
}
