//! A restore that is killed: no sentinel or tag is there without what it needs.

use deis_store_tests::faulty::FaultyGateway;

use super::{PARTS, SENTINEL, TAG, at, calls, each_kill, filled, killed, objects, snapshots};
use crate::program::{command, ran};

const OF_RESTORE: [(&str, &[usize]); 4] = [
    ("sendto,sendmsg,writev", &[1, 2, 3, 4, 5, 6, 8, 10]),
    ("recvfrom,read", &[15, 25, 35, 45]),
    ("openat", &[30, 45]),
    ("connect", &[1]),
];

/// Fewer kills would prove too little.
const KILLS: usize = 6;

#[test]
fn whenever_a_restore_is_killed_no_sentinel_or_tag_is_there_without_what_it_needs_and_the_next_one_finishes()
{
    let scratch = tempfile::tempdir().unwrap();
    let source = filled();
    ran(at(&source, command()).args(["backup", scratch.path().to_str().unwrap()]).args(PARTS)).code(0);
    let snapshot = snapshots(scratch.path()).remove(0);
    let words = ["restore", snapshot.to_str().unwrap(), "--yes"];
    let kills = each_kill(&calls(&OF_RESTORE), |calls, number| {
        let context = format!("killed at {calls} {number}");
        let target = FaultyGateway::start().unwrap();
        let was_killed = killed(&target, &words, calls, number);
        target.settle().unwrap();
        for (bucket, reference) in [("wal", SENTINEL), ("registry", TAG)] {
            if target.stored(bucket, reference).is_none() {
                continue;
            }
            for ((_, key), body) in objects().into_iter().filter(|((of, _), _)| *of == bucket) {
                assert_eq!(target.stored(bucket, &key), Some(body), "{context}: {reference} without {key}");
            }
        }
        ran(at(&target, command()).args(words)).code(0);
        for ((bucket, key), body) in objects() {
            assert_eq!(target.stored(bucket, &key), Some(body), "{context}: {key}");
        }
        was_killed
    });
    assert!(kills >= KILLS, "only {kills} runs were killed");
}
