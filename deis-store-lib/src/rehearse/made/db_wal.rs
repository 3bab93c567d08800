//! The made bucket `db_wal`, in WAL-E's layout 005: two base backups, and the write-ahead log from the first one on.
//! The timeline switches between them. Pure.
//!
//! Objects stand in the order in which WAL-E writes them: a sentinel after all objects that it vouches for. The log is
//! contiguous, and goes over the end of a log of 256 segments.

use super::base_backup::BaseBackup;
use super::lzop;
use super::object::{SampleObject, dated};
use super::sequence::Sequence;
use super::wal::{self, Segment};
use crate::contents::wal_e::Lsn;

/// 2015-09-03 00:00 UTC.
const START: i64 = 1_441_238_400;
/// The time between two objects: one segment a minute, as `archive_timeout` sets it.
const STEP_SECONDS: i64 = 60;
const VERSION: &str =
    "PostgreSQL 9.3.9 on x86_64-unknown-linux-gnu, compiled by gcc (Alpine 4.8.3) 4.8.3, 64-bit";
/// The place at which timeline 2 leaves timeline 1. The last whole record of timeline 1 ended here when its host was
/// lost.
const SWITCH: Lsn = Lsn(0xff00_9e28);

pub(super) fn objects(seed: u64) -> Vec<SampleObject> {
    let log = Log { seed, system: 1_438_400_000 << 32 | Sequence::new(seed, "system").below(1 << 32) };
    let first = log.base_backup(1, Lsn(0xfb00_0028), Lsn(0xfc00_01d8), START + STEP_SECONDS, 2);
    let second = log.base_backup(2, Lsn(0x1_0100_0028), Lsn(0x1_0200_02a0), START + 14 * STEP_SECONDS, 3);

    let mut objects = vec![log.segment(1, 0xfb)];
    objects.extend(base_backup(first));
    objects.extend([log.segment(1, 0xfc), history(first), sentinel(first)]);
    objects.extend((0xfd..=0xff).map(|number| log.segment(1, number)));
    objects.push(packed("wal_005/00000002.history.lzo", wal::history(1, SWITCH), START));
    objects.extend([log.copied_segment(2, 0xff), log.segment(2, 0x100), log.segment(2, 0x101)]);
    objects.extend(base_backup(second));
    objects.extend([log.segment(2, 0x102), history(second), sentinel(second), log.segment(2, 0x103)]);
    objects.extend(oddities());
    dated(objects, START, STEP_SECONDS)
}

struct Log {
    seed: u64,
    system: u64,
}

impl Log {
    fn base_backup(&self, timeline: u32, start: Lsn, stop: Lsn, started: i64, partitions: u32) -> BaseBackup {
        BaseBackup { timeline, start, stop, started, partitions, system: self.system, seed: self.seed }
    }

    fn segment(&self, timeline: u32, number: u64) -> SampleObject {
        self.segment_written_as(timeline, Segment { timeline, number })
    }

    /// The first segment of a timeline: the server copies it from the timeline that it leaves.
    fn copied_segment(&self, timeline: u32, number: u64) -> SampleObject {
        self.segment_written_as(timeline, Segment { timeline: timeline - 1, number })
    }

    fn segment_written_as(&self, timeline: u32, written_as: Segment) -> SampleObject {
        let name = Segment { timeline, ..written_as }.name();
        let content = wal::Content { written_as, system: self.system, seed: self.seed };
        SampleObject::new(format!("wal_005/{name}.lzo"), move || wal::packed(content, START))
    }
}

/// The objects of a base backup, without the sentinel.
fn base_backup(backup: BaseBackup) -> impl Iterator<Item = SampleObject> {
    let path = format!("basebackups_005/{}", backup.name());
    let version =
        SampleObject::text(format!("{path}/extended_version.txt"), VERSION).of_type(Some("text/plain"));
    let partitions = (0..backup.partitions).map(move |number| {
        let key = format!("{path}/tar_partitions/part_{number:08}.tar.lzo");
        SampleObject::new(key, move || backup.partition(number))
    });
    std::iter::once(version).chain(partitions)
}

fn history(backup: BaseBackup) -> SampleObject {
    packed(&format!("wal_005/{}.lzo", backup.history_name()), backup.history(), backup.started)
}

fn sentinel(backup: BaseBackup) -> SampleObject {
    let key = format!("basebackups_005/{}_backup_stop_sentinel.json", backup.name());
    SampleObject::text(key, backup.sentinel()).of_type(Some("application/json"))
}

fn packed(key: &str, text: String, packed_at: i64) -> SampleObject {
    SampleObject::new(key, move || lzop::pack(text.as_bytes(), packed_at))
}

/// Objects that operators and their programs leave in a bucket. WAL-E ignores them.
fn oddities() -> [SampleObject; 3] {
    [
        SampleObject::text("wal_005/", "").of_type(Some("application/x-directory")),
        SampleObject::text("notes/nächste Woche + plan.txt", "Größere Platten.\n")
            .of_type(Some("text/plain; charset=utf-8"))
            .with_header("cache-control", "max-age=60, public")
            .with_meta("written-by", "operator"),
        SampleObject::text("notes//100%.txt", "two slashes\n").of_type(None),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::unpack;
    use super::*;
    use crate::contents::wal_e::{is_sentinel, latest};

    fn keys() -> Vec<String> {
        objects(1).into_iter().map(|object| object.key).collect()
    }

    fn body(key: &str) -> Vec<u8> {
        objects(1).into_iter().find(|object| object.key == key).unwrap().bytes()
    }

    #[test]
    fn the_log_has_no_hole_from_the_first_start_over_the_switch_to_beyond_the_last_stop() {
        let mut segments: Vec<String> = keys()
            .iter()
            .filter_map(|key| Some(key.strip_prefix("wal_005/")?.strip_suffix(".lzo")?.to_owned()))
            .filter(|name| name.len() == 24)
            .collect();
        segments.sort();
        let expected = [
            "0000000100000000000000FB",
            "0000000100000000000000FC",
            "0000000100000000000000FD",
            "0000000100000000000000FE",
            "0000000100000000000000FF",
            "0000000200000000000000FF",
            "000000020000000100000000",
            "000000020000000100000001",
            "000000020000000100000002",
            "000000020000000100000003",
        ];
        assert_eq!(segments, expected);
        let history = unpack::file(&body("wal_005/00000002.history.lzo"));
        assert_eq!(history, b"1\t0/FF009E28\tno recovery target specified\n");
    }

    #[test]
    fn the_first_segment_of_a_timeline_is_a_copy_of_its_parents() {
        let old = body("wal_005/0000000100000000000000FF.lzo");
        assert!(old == body("wal_005/0000000200000000000000FF.lzo"));
        let raw = unpack::file(&old);
        assert_eq!(
            (raw.len() as u64, &raw[4..8]),
            (crate::contents::wal_e::SEGMENT_BYTES, &[1, 0, 0, 0][..])
        );
    }

    #[test]
    fn a_sentinel_comes_after_all_that_it_vouches_for_and_the_latest_is_the_greatest() {
        let keys = keys();
        let place = |key: &str| keys.iter().position(|other| other == key).unwrap();
        let sentinels: Vec<_> = keys.iter().filter(|key| is_sentinel(key)).cloned().collect();
        assert_eq!(sentinels.len(), 2);
        for sentinel in &sentinels {
            let json: serde_json::Value = serde_json::from_slice(&body(sentinel)).unwrap();
            let stop = json["wal_segment_backup_stop"].as_str().unwrap();
            let base = sentinel.strip_suffix("_backup_stop_sentinel.json").unwrap();
            assert!(place(sentinel) > place(&format!("wal_005/{stop}.lzo")));
            assert!(place(sentinel) > place(&format!("{base}/tar_partitions/part_00000001.tar.lzo")));
        }
        let written = sentinels.iter().map(|key| (key.clone(), place(key)));
        assert_eq!(latest(written), sentinels.iter().max().cloned());
    }
}
