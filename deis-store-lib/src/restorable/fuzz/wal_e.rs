//! The names and small objects of a bucket of WAL-E: sentinels, versions, histories.

use super::{Objects, objects_changed, rounds};
use crate::contents::Contents;
use crate::contents::random_changes::{choose, try_cases};
use crate::restorable::Judge;

/// Two base backups on two timelines, with the log between them and to its end.
fn bucket() -> Objects {
    let mut objects = Vec::new();
    for (base, stop) in [
        ("base_000000010000000000000002_00000040", "000000010000000000000003"),
        ("base_000000020000000000000005_00000005", "000000020000000000000005"),
    ] {
        let below = format!("basebackups_005/{base}");
        let sentinel = format!(
            r#"{{"wal_segment_backup_stop": "{stop}", "wal_segment_offset_backup_stop": "00000005", "expanded_size_bytes": 9}}"#
        );
        objects.push((format!("{below}/extended_version.txt"), "PostgreSQL 15.4 on x86_64".to_owned()));
        objects.push((format!("{below}/tar_partitions/part_00000000.tar.lzo"), String::new()));
        objects.push((format!("{below}/tar_partitions/part_00000001.tar.lzo"), String::new()));
        objects.push((format!("{below}_backup_stop_sentinel.json"), sentinel));
    }
    objects.push(("wal_005/00000002.history".to_owned(), "1\t0/4000100\tno reason".to_owned()));
    for (timeline, numbers) in [(1, 2..5), (2, 4..9)] {
        objects.extend(
            numbers.map(|number| (format!("wal_005/{timeline:08X}{number:016X}.lzo"), String::new())),
        );
    }
    objects.sort();
    objects.into_iter().map(|(key, body)| (key, body.into_bytes())).collect()
}

#[test]
fn the_bucket_that_is_changed_is_whole() {
    let (judged, _) = rounds(Judge::of(Contents::WalE), &bucket(), || true);
    let database = &judged.restorability.databases[0];
    assert!(database.base_backups.iter().all(|base| base.restorable), "{database:?}");
    let ends = database.base_backups.iter().map(|base| base.last_segment.as_deref());
    assert!(ends.into_iter().all(|end| end == Some("000000020000000000000008")), "{database:?}");
    assert!(judged.harm.is_empty(), "{:?}", judged.harm);
}

#[test]
#[ignore = "it takes as long as DEIS_STORE_FUZZ_SECONDS says; tests/run --all runs it"]
fn buckets_of_wal_e_changed_at_random_come_to_a_verdict() {
    let whole = bucket();
    try_cases("buckets of WAL-E", |random| {
        let objects = objects_changed(&whole, random);
        let mut judge = Judge::of(Contents::WalE);
        for _ in 0..random.usize(..3) {
            judge.lose(&choose(random, &whole).0);
        }
        let shown = random.u8(1..20);
        let mut other = random.fork();
        let (judged, _) = rounds(judge, &objects, || other.u8(..20) < shown);
        for base in judged.restorability.databases.iter().flat_map(|database| &database.base_backups) {
            assert_eq!(base.restorable, base.why_not.is_none(), "{base:?}");
            assert_eq!(base.restorable, base.last_segment.is_some(), "{base:?}");
        }
    });
}
