//! The verdict on made databases, each damage alone.

use jiff::Timestamp;

use crate::contents::Contents;
use crate::contents::wal_e::{AtRest, Control, Held, Lsn, PartitionHeld, SegmentHeld};
use crate::report::FindingKind;
use crate::restorable::judge::Judge;
use crate::restorable::judged::{Judged, Seen};
use crate::restorable::{BaseBackup, Database};

/// A bucket, in the order in which its objects were written.
#[derive(Clone, Default)]
struct Bucket(Vec<(String, String)>);

impl Bucket {
    fn put(&mut self, key: String, body: impl Into<String>) {
        self.0.push((key, body.into()));
    }

    /// A base backup of two partitions that needs the log from its start to the segment after.
    fn base(&mut self, timeline: u32, start: u64) -> &mut Self {
        self.base_of(timeline, start, "9.3.24")
    }

    fn base_of(&mut self, timeline: u32, start: u64, version: &str) -> &mut Self {
        let base = format!("basebackups_005/{}", name_of(timeline, start));
        self.put(format!("{base}/extended_version.txt"), format!("PostgreSQL {version} on x86_64"));
        for number in 0..3 {
            self.put(format!("{base}/tar_partitions/part_{number:08}.tar.lzo"), "");
        }
        let stop = format!("{timeline:08X}{:016X}", start + 1);
        let sentinel = format!(r#"{{"wal_segment_backup_stop": "{stop}", "spec": {{}}}}"#);
        self.put(format!("{base}_backup_stop_sentinel.json"), sentinel);
        self
    }

    fn log(&mut self, timeline: u32, numbers: impl IntoIterator<Item = u64>) -> &mut Self {
        numbers.into_iter().for_each(|number| self.put(segment(timeline, number), ""));
        self
    }

    fn history(&mut self, timeline: u32, lines: &str) -> &mut Self {
        self.put(format!("wal_005/{timeline:08X}.history"), lines);
        self
    }

    fn without(&self, key: &str) -> Self {
        let left: Vec<_> = self.0.iter().filter(|(other, _)| !other.contains(key)).cloned().collect();
        assert_eq!(left.len() + 1, self.0.len(), "{key}");
        Self(left)
    }

    fn judged(&self) -> Judged {
        self.judged_with(|_| {})
    }

    fn judged_with(&self, told: impl FnOnce(&mut Judge)) -> Judged {
        let mut judge = Judge::of(Contents::WalE);
        told(&mut judge);
        for (second, (key, body)) in self.0.iter().enumerate() {
            let modified = Timestamp::from_second(i64::try_from(second).unwrap()).ok();
            if judge.see(Seen { key, modified, sha256: None }) {
                judge.show(key, Some(body.as_bytes()));
            }
        }
        assert!(!judge.next_round());
        judge.judged()
    }
}

fn name_of(timeline: u32, start: u64) -> String {
    format!("base_{timeline:08X}{start:016X}_00000040")
}

fn segment(timeline: u32, number: u64) -> String {
    format!("wal_005/{timeline:08X}{number:016X}.lzo")
}

/// Two base backups, and the log from before the first one to after the second one.
fn whole() -> Bucket {
    let mut bucket = Bucket::default();
    bucket.log(1, 2..8).base(1, 4).log(1, 8..12).base(1, 9).log(1, 12..14);
    bucket
}

fn database(judged: &Judged) -> &Database {
    assert_eq!(judged.restorability.databases.len(), 1);
    &judged.restorability.databases[0]
}

fn latest(judged: &Judged) -> &BaseBackup {
    database(judged).base_backups.last().unwrap()
}

fn harm(judged: &Judged) -> Vec<(FindingKind, &str)> {
    judged.harm.iter().map(|harm| (harm.kind, harm.name.as_str())).collect()
}

#[test]
fn a_whole_database_is_restorable_to_the_end_of_its_log() {
    let judged = whole().judged();
    assert_eq!(harm(&judged), []);
    assert!(judged.held_back.is_empty() && judged.restorability.falls_short.is_empty());
    for base in &database(&judged).base_backups {
        assert!(base.restorable && base.why_not.is_none(), "{base:?}");
        assert_eq!(
            (base.timeline, base.last_segment.as_deref()),
            (Some(1), Some("00000001000000000000000D"))
        );
    }
    assert_eq!(latest(&judged).name, name_of(1, 9));
}

#[test]
fn a_hole_of_the_log_is_named_and_a_restore_would_fall_short() {
    let judged = whole().without(&segment(1, 11)).judged();
    assert_eq!(harm(&judged), [(FindingKind::Gap, "wal_005/00000001000000000000000B")]);
    let gap = &database(&judged).gaps[0];
    assert_eq!(
        (&*gap.first_missing, &*gap.goes_on),
        ("00000001000000000000000B", "00000001000000000000000C")
    );
    assert!(latest(&judged).restorable, "it is consistent before the hole");
    assert_eq!(latest(&judged).last_segment.as_deref(), Some("00000001000000000000000A"));
    assert_eq!(judged.restorability.falls_short.len(), 1);
}

#[test]
fn a_hole_that_a_base_backup_needs_makes_it_useless_and_the_later_one_is_whole() {
    let judged = whole().without(&segment(1, 5)).judged();
    assert_eq!(harm(&judged), [(FindingKind::Gap, "wal_005/000000010000000000000005")]);
    let held: Vec<_> = judged.held_back.iter().collect();
    assert_eq!(held.len(), 1);
    assert!(held[0].0.contains(&name_of(1, 4)) && held[0].1.in_source);
    assert!(latest(&judged).restorable && judged.restorability.falls_short.is_empty());
}

#[test]
fn what_is_missing_before_the_oldest_base_backup_or_at_the_end_is_no_damage() {
    for missing in [2, 3, 13] {
        let judged = whole().without(&segment(1, missing)).judged();
        assert_eq!(harm(&judged), [], "{missing}");
        assert!(judged.held_back.is_empty() && latest(&judged).restorable, "{missing}");
        let end = if missing == 13 { "00000001000000000000000C" } else { "00000001000000000000000D" };
        assert_eq!(latest(&judged).last_segment.as_deref(), Some(end), "{missing}");
    }
}

#[test]
fn a_missing_partition_makes_a_base_backup_useless_wherever_it_is_but_at_the_end() {
    for number in 0..2 {
        let key = format!("{}/tar_partitions/part_{number:08}", name_of(1, 9));
        let judged = whole().without(&key).judged();
        let (sentinel, lack) = judged.held_back.iter().next().unwrap();
        assert!(sentinel.contains(&name_of(1, 9)) && lack.in_source && lack.key.contains(&key), "{lack:?}");
        assert!(!latest(&judged).restorable);
        // The first one reaches the end as well.
        assert!(judged.restorability.falls_short.is_empty());
    }
}

#[test]
fn a_base_backup_without_a_sentinel_is_unfinished_and_stands_for_nothing() {
    let judged = whole().without(&format!("{}_backup_stop", name_of(1, 9))).judged();
    assert_eq!(harm(&judged), [(FindingKind::Unfinished, &*format!("basebackups_005/{}/", name_of(1, 9)))]);
    assert_eq!(latest(&judged).name, name_of(1, 4));
    let mut running = Bucket::default();
    let judged = running.log(1, 1..4).base(1, 2).without("_backup_stop").judged();
    assert!(judged.harm.iter().all(|harm| harm.kind == FindingKind::Unfinished), "{:?}", judged.harm);
    assert!(judged.restorability.falls_short.is_empty() && database(&judged).base_backups.is_empty());
    assert!(Bucket::default().judged().restorability.databases.is_empty(), "an empty bucket");
}

#[test]
fn a_sentinel_that_wal_e_cannot_read_is_damage() {
    for body in ["{}", "", "[]", r#"{"wal_segment_backup_stop": "x"}"#] {
        let mut bucket = whole();
        bucket.0.iter_mut().rfind(|(key, _)| key.ends_with("_stop_sentinel.json")).unwrap().1 =
            body.to_owned();
        let judged = bucket.judged();
        assert_eq!(harm(&judged)[0].0, FindingKind::Broken, "{body}");
        assert!(!latest(&judged).restorable, "{body}");
    }
}

/// A fork: the second timeline goes on in the segment 9.
fn forked(version: &str) -> Bucket {
    let mut bucket = Bucket::default();
    bucket.base_of(1, 4, version).log(1, 4..10).history(2, "1\t0/9000100\tno reason").log(2, 9..13);
    bucket
}

#[test]
fn since_12_a_replay_goes_over_to_the_newest_timeline_and_before_it_does_not() {
    let end = |bucket: &Bucket| {
        let judged = bucket.judged();
        assert_eq!(harm(&judged), []);
        (latest(&judged).timeline, latest(&judged).last_segment.clone().unwrap())
    };
    assert_eq!(end(&forked("9.3.24")), (Some(1), "000000010000000000000009".to_owned()));
    assert_eq!(end(&forked("15.4 (Debian 15.4-1)")), (Some(2), "00000002000000000000000C".to_owned()));
    // The segment in which the timeline was left is taken from the new one.
    let without = forked("15.4").without(&segment(1, 9));
    assert_eq!(end(&without), (Some(2), "00000002000000000000000C".to_owned()));
}

#[test]
fn a_missing_or_broken_history_and_a_hole_at_the_begin_of_a_timeline_are_damage() {
    let judged = forked("15.4").without("00000002.history").judged();
    assert_eq!(harm(&judged), [(FindingKind::Gap, "wal_005/00000002.history.lzo")]);
    let judged = forked("15.4").without(&segment(2, 9)).judged();
    assert_eq!(harm(&judged), [(FindingKind::Gap, "wal_005/000000020000000000000009")]);
    let mut bucket = forked("15.4");
    bucket.0.iter_mut().find(|(key, _)| key.contains("00000002.history")).unwrap().1 =
        "no history".to_owned();
    let judged = bucket.judged();
    assert_eq!(harm(&judged)[0].0, FindingKind::Broken);
    assert!(!latest(&judged).restorable && judged.restorability.falls_short.len() == 1, "a server reads it");
    // The lowest timeline may come from another bucket.
    let mut alone = Bucket::default();
    assert_eq!(harm(&alone.base(3, 4).log(3, 4..7).judged()), []);
}

#[test]
fn two_databases_in_one_place_are_seen_by_the_order_of_their_sentinels() {
    let mut mixed = whole();
    mixed.base(1, 2);
    let judged = mixed.judged();
    let sentinel = format!("basebackups_005/{}_backup_stop_sentinel.json", name_of(1, 2));
    assert_eq!(harm(&judged), [(FindingKind::Mixed, &*sentinel)]);
    // One that was set back to an earlier point goes on a new timeline.
    let mut set_back = whole();
    set_back.history(2, "1\t0/6000100\tbefore").log(2, 6..9).base(2, 7);
    assert_eq!(harm(&set_back.judged())[0].0, FindingKind::Unverifiable);
}

#[test]
fn a_segment_that_was_lost_on_the_way_is_no_hole_of_the_source_and_ends_the_replay_all_the_same() {
    let judged = whole().without(&segment(1, 11)).judged_with(|judge| judge.lose(&segment(1, 11)));
    assert_eq!(harm(&judged), []);
    assert_eq!(latest(&judged).last_segment.as_deref(), Some("00000001000000000000000A"));
    assert_eq!(judged.restorability.falls_short.len(), 1);
    let judged = whole().judged_with(|judge| judge.lose(&segment(1, 9)));
    let (sentinel, lack) = judged.held_back.iter().next().unwrap();
    assert!(sentinel.contains(&name_of(1, 9)) && !lack.in_source && lack.key == segment(1, 9));
}

fn held(system_id: u64, end: Option<u64>) -> Held {
    let (is_full, end) = (end.is_none(), Lsn(end.unwrap_or_default()));
    Held::Segment(SegmentHeld {
        system_id,
        segment_bytes: 16 << 20,
        end,
        is_full,
        last_commit_us: Some(1_000_000),
    })
}

#[test]
fn what_was_read_tells_the_end_of_the_replay_and_its_last_commit() {
    let all = |judge: &mut Judge| (4..13).for_each(|number| judge.learn(&segment(1, number), held(7, None)));
    let judged = whole().judged_with(|judge| {
        all(judge);
        judge.learn(&segment(1, 13), held(7, Some(0xD00_1234)));
    });
    assert_eq!(harm(&judged), []);
    assert_eq!(latest(&judged).end.as_deref(), Some("0/D001234"));
    assert_eq!(latest(&judged).last_commit.as_deref(), Some("1970-01-01T00:00:01.000Z"));
    assert_eq!(latest(&whole().judged()).end, None, "nothing was read");
}

#[test]
fn a_segment_of_another_database_or_one_that_ends_early_ends_the_replay() {
    let judged = whole().judged_with(|judge| {
        (4..14).for_each(|number| judge.learn(&segment(1, number), held(7 + u64::from(number == 12), None)));
    });
    assert_eq!(harm(&judged), [(FindingKind::Mixed, &*segment(1, 12))]);
    assert_eq!(latest(&judged).last_segment.as_deref(), Some("00000001000000000000000B"));
    let judged = whole().judged_with(|judge| {
        let early = |number| (number == 12).then_some(0xC00_0100);
        (4..14).for_each(|number| judge.learn(&segment(1, number), held(7, early(number))));
    });
    assert_eq!(harm(&judged), [(FindingKind::Broken, &*segment(1, 12))]);
    assert_eq!(latest(&judged).end.as_deref(), Some("0/C000100"));
    assert_eq!(judged.restorability.falls_short.len(), 1);
}

#[test]
fn a_broken_object_makes_useless_what_needs_it() {
    let judged = whole().judged_with(|judge| judge.learn_broken(&segment(1, 10), "no log".to_owned()));
    assert_eq!(harm(&judged), [(FindingKind::Broken, &*segment(1, 10))]);
    assert!(!latest(&judged).restorable && judged.restorability.falls_short.len() == 1);
    let key = format!("basebackups_005/{}/tar_partitions/part_00000001.tar.lzo", name_of(1, 4));
    let judged = whole().judged_with(|judge| judge.learn_broken(&key, "no tar".to_owned()));
    assert_eq!(harm(&judged), [(FindingKind::Broken, &*key)]);
    assert!(latest(&judged).restorable && !database(&judged).base_backups[0].restorable);
}

/// An offline base backup, of which WAL-E gives two digits of the start, twice.
fn offline(digits: u64, log: &[u64]) -> Bucket {
    let name = format!("base_00000001{digits:016X}_{digits:08X}");
    let mut bucket = Bucket::default();
    bucket.log(1, log.iter().copied());
    bucket.put(format!("basebackups_005/{name}/extended_version.txt"), "PostgreSQL 15.4");
    bucket.put(format!("basebackups_005/{name}/tar_partitions/part_00000000.tar.lzo"), "");
    let sentinel = format!(
        r#"{{"wal_segment_backup_stop": "00000001{digits:016X}", "wal_segment_offset_backup_stop": "{digits:08X}"}}"#
    );
    bucket.put(format!("basebackups_005/{name}_backup_stop_sentinel.json"), sentinel);
    bucket
}

#[test]
fn an_offline_base_backup_begins_where_its_database_was_at_rest_and_not_where_its_name_says() {
    for (digits, log, last) in [(0x20, &[2, 3, 4][..], 4), (0x20, &[0x20, 0x21], 0x21), (0x12, &[1], 1)] {
        let judged = offline(digits, log).judged();
        let expected = format!("00000001{last:016X}");
        assert_eq!(latest(&judged).last_segment, Some(expected), "{digits:x}: {judged:?}");
        let said = harm(&judged).iter().map(|(kind, _)| *kind).collect::<Vec<_>>();
        let is_named_otherwise = log[0] != digits;
        assert_eq!(said, vec![FindingKind::Unverifiable; usize::from(is_named_otherwise)]);
    }
    // Its log is not there yet, or no more.
    assert!(!latest(&offline(0x20, &[0x21]).judged()).restorable);
    // One that was read tells it.
    let key = "basebackups_005/base_000000010000000000000020_00000020/tar_partitions/part_00000000.tar.lzo";
    let read = |at_rest: Option<AtRest>| {
        let control = Some(Control { system_id: 7, at_rest });
        let held = PartitionHeld { members: 9, file_bytes: 9, label: None, control };
        offline(0x20, &[2, 3, 0x20, 0x21]).judged_with(|judge| judge.learn(key, Held::Partition(held)))
    };
    let judged = read(Some(AtRest { redo: Lsn(0x2000_0028), timeline: 1 }));
    assert_eq!(latest(&judged).last_segment.as_deref(), Some("000000010000000000000021"));
    assert!(latest(&judged).restorable && judged.restorability.falls_short.is_empty(), "{judged:?}");
    let judged = read(Some(AtRest { redo: Lsn(0x200_0028), timeline: 1 }));
    assert_eq!(latest(&judged).last_segment.as_deref(), Some("000000010000000000000003"));
    assert_eq!(harm(&judged).iter().filter(|(kind, _)| *kind == FindingKind::Gap).count(), 1);
    assert!(!latest(&read(None)).restorable, "it was not at rest");
}

#[test]
fn what_is_not_packed_is_read_and_only_what_is_not_read_is_counted() {
    let mut bucket = whole();
    bucket.put("wal_005/00000001000000000000000E".to_owned(), "");
    assert_eq!(database(&bucket.judged()).unread, 0);
    bucket.put("wal_005/00000001000000000000000F.zst".to_owned(), "");
    assert_eq!(database(&bucket.judged()).unread, 1);
}

#[test]
fn segments_of_another_size_begin_a_timeline_where_their_size_says() {
    let mut bucket = Bucket::default();
    bucket.base_of(1, 4, "15.4").log(1, 4..0x33).history(2, "1\t0/3300100\tno reason").log(2, 0x33..0x40);
    let judged = bucket.judged();
    assert_eq!(harm(&judged), [], "by the names");
    assert_eq!(latest(&judged).last_segment.as_deref(), Some("00000002000000000000003F"));
    let mut small = Bucket::default();
    small.base_of(1, 4, "15.4").log(1, 4..6).history(2, "1\t0/600100\tno reason").log(2, 6..8);
    let mut segment_held = held(7, None);
    let Held::Segment(held) = &mut segment_held else { unreachable!() };
    held.segment_bytes = 1 << 20;
    let judged = small.judged_with(|judge| judge.learn(&segment(2, 6), segment_held));
    assert_eq!(harm(&judged), [], "by what was read");
}

#[test]
fn the_end_of_a_log_whose_last_record_goes_on_is_that_of_the_record_before() {
    let open = |judge: &mut Judge, number: u64, end: u64| {
        let mut segment_held = held(7, None);
        let Held::Segment(segment) = &mut segment_held else { unreachable!() };
        segment.end = Lsn(end);
        judge.learn(&self::segment(1, number), segment_held);
    };
    // In whatever order they are read.
    for order in [[11, 12, 13], [13, 12, 11], [12, 11, 13]] {
        let judged = whole().judged_with(|judge| {
            for number in order {
                open(judge, number, (number << 24) + 0xff_ff10);
            }
        });
        assert_eq!(latest(&judged).end.as_deref(), Some("0/DFFFF10"));
        let hole = whole().without(&segment(1, 12)).judged_with(|judge| {
            for number in order.into_iter().filter(|number| *number != 12) {
                open(judge, number, (number << 24) + 0xff_ff10);
            }
        });
        assert_eq!(latest(&hole).end.as_deref(), Some("0/BFFFF10"));
    }
}

#[test]
fn a_base_backup_that_the_newest_timeline_has_left_does_not_start_since_12() {
    // The second timeline begins before the base backup ends.
    let mut left = Bucket::default();
    left.base_of(1, 4, "15.4").log(1, 4..8).history(2, "1\t0/2000100\tno reason").log(2, 2..6);
    let judged = left.judged();
    assert!(!latest(&judged).restorable);
    assert_eq!(harm(&judged).iter().filter(|(kind, _)| *kind == FindingKind::Broken).count(), 1);
    assert_eq!(judged.restorability.falls_short.len(), 1);
    // The next base backup, on the second timeline, mends it: what was left is only said.
    left.base_of(2, 4, "15.4");
    let judged = left.judged();
    assert!(latest(&judged).restorable && !database(&judged).base_backups[0].restorable);
    assert!(harm(&judged).iter().all(|(kind, _)| *kind == FindingKind::Unverifiable), "{:?}", harm(&judged));
    assert!(judged.restorability.falls_short.is_empty());
    // The newest history does not know the timeline of the base backup.
    let mut other = Bucket::default();
    other.history(2, "1\t0/2000100\tno reason").history(3, "1\t0/3000100\tno reason");
    other.log(2, 2..8).base_of(2, 4, "15.4").log(3, 3..6);
    assert!(!latest(&other.judged()).restorable);
    let mut before = Bucket::default();
    before.history(2, "1\t0/2000100\tno reason").history(3, "1\t0/3000100\tno reason");
    before.log(2, 2..8).base_of(2, 4, "9.3.24").log(3, 3..6);
    assert!(latest(&before.judged()).restorable, "before 12 a server stays");
}

#[test]
fn where_the_first_segment_of_a_timeline_is_missing_its_next_one_ends_the_replay_of_its_parent() {
    let mut bucket = Bucket::default();
    bucket.base_of(1, 2, "15.4").log(1, 2..6).history(2, "1\t0/4000100\tno reason").log(2, 5..8);
    let judged = bucket.judged();
    assert_eq!(latest(&judged).last_segment.as_deref(), Some("000000010000000000000004"));
    assert_eq!(harm(&judged), [(FindingKind::Gap, "wal_005/000000020000000000000004")]);
}

#[test]
fn a_base_backup_that_stops_just_before_its_timeline_is_left_is_part_of_the_newest() {
    // Its sentinel says in decimal how far within the segment it stops: 0x1d8.
    let judged = |switch: &str| {
        let mut bucket = Bucket::default();
        bucket.base_of(1, 4, "15.4").log(1, 4..7).history(2, &format!("1\t{switch}\tno reason")).log(2, 5..8);
        let sentinel = &mut bucket.0.iter_mut().find(|(key, _)| key.ends_with("sentinel.json")).unwrap().1;
        *sentinel =
            sentinel.replace("\"spec\"", "\"wal_segment_offset_backup_stop\": \"00000472\", \"spec\"");
        latest(&bucket.judged()).restorable
    };
    assert!(judged("0/50001D8") && judged("0/5000300"));
    assert!(!judged("0/50001D0") && !judged("0/4FFFFF8"));
}
