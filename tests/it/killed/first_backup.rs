//! A first backup that is killed: a snapshot with its name is whole, and the next run goes on.

use super::{PARTS, at, calls, each_kill, filled, is_whole, killed, objects, snapshots};
use crate::program::{command, ran};

/// The system calls at which a backup is killed, each with the numbers of the call. strace counts the calls of each thread, so
/// the place in the run differs from try to try.
const OF_BACKUP: [(&str, &[usize]); 8] = [
    ("renameat,renameat2", &[1, 2, 4, 6]),
    ("fsync,syncfs", &[1, 2, 3, 4]),
    ("openat", &[12, 25, 40]),
    ("write", &[3, 8, 14, 20]),
    ("mkdirat", &[1, 2, 4]),
    ("fchmod", &[1, 3, 5]),
    ("unlinkat", &[1, 2]),
    ("recvfrom,read", &[10, 30]),
];

/// Fewer kills would prove too little.
const KILLS: usize = 12;

#[test]
fn whenever_a_backup_is_killed_a_snapshot_with_its_name_is_whole_and_the_next_one_succeeds() {
    let gateway = filled();
    let kills = each_kill(&calls(&OF_BACKUP), |calls, number| {
        let context = format!("killed at {calls} {number}");
        let scratch = tempfile::tempdir().unwrap();
        let words = [&["backup", scratch.path().to_str().unwrap()][..], &PARTS].concat();
        let was_killed = killed(&gateway, &words, calls, number);
        for snapshot in snapshots(scratch.path()) {
            is_whole(&snapshot, &objects(), &context);
        }
        let before = snapshots(scratch.path()).len();
        ran(at(&gateway, command()).args(&words)).code(0);
        let after = snapshots(scratch.path());
        assert_eq!(after.len(), before + 1, "{context}");
        for snapshot in &after {
            is_whole(snapshot, &objects(), &context);
        }
        was_killed
    });
    assert!(kills >= KILLS, "only {kills} runs were killed");
}
