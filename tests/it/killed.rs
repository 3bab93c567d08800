//! Backups and restores that are killed at a system call. A directory with a snapshot's name is always whole; a sentinel or a
//! tag is in a bucket only with all that it needs; and the next run finishes the work.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::scope;

use deis_store_tests::faulty::FaultyGateway;

use crate::program::{command, path, ran};

const BASE: &str = "basebackups_005/base_00000001000000000000000A_00000040";
const SENTINEL: &str = "basebackups_005/base_00000001000000000000000A_00000040_backup_stop_sentinel.json";
const TAG: &str = "registry/repositories/library/app/tag_v1";
const PARTS: [&str; 4] = ["--bucket", "wal:wal-e", "--only", "registry,bucket.wal"];

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

const OF_RESTORE: [(&str, &[usize]); 4] = [
    ("sendto,sendmsg,writev", &[1, 2, 3, 4, 5, 6, 8, 10]),
    ("recvfrom,read", &[15, 25, 35, 45]),
    ("openat", &[30, 45]),
    ("connect", &[1]),
];

/// Fewer kills would prove too little.
const KILLS: usize = 12;

/// The objects of the two buckets, a reference of each among them.
fn objects() -> BTreeMap<(&'static str, String), Vec<u8>> {
    let body = |seed: u8, size: usize| vec![seed; size];
    let mut objects = BTreeMap::new();
    for number in 0..3_u8 {
        let partition = format!("{BASE}/tar_partitions/part_0000000{number}.tar.lzo");
        objects.insert(("wal", partition), body(number, 90_000 * usize::from(number + 1)));
        objects.insert(
            ("wal", format!("wal_005/00000001000000000000000{:X}.lzo", number + 8)),
            body(number, 5000),
        );
        objects.insert(("registry", format!("registry/images/{number}/layer")), body(number, 40_000));
        let ancestry = format!("[\"{number}\"]").into_bytes();
        objects.insert(("registry", format!("registry/images/{number}/ancestry")), ancestry);
        objects.insert(("registry", format!("registry/images/{number}/json")), b"{}".to_vec());
    }
    objects.insert(("wal", SENTINEL.to_owned()), b"{}".to_vec());
    objects.insert(("registry", TAG.to_owned()), b"1".to_vec());
    objects
}

fn filled() -> FaultyGateway {
    let gateway = FaultyGateway::start().unwrap();
    for ((bucket, key), body) in objects() {
        gateway.store(bucket, &key, &body);
    }
    gateway
}

/// A command that runs the program at a gateway; the caller adds the words.
fn at(gateway: &FaultyGateway, mut command: Command) -> Command {
    command.env("AWS_ACCESS_KEY_ID", "AK").env("AWS_SECRET_ACCESS_KEY", "SK");
    command.args(["--gateway", &gateway.url()]);
    command
}

/// Runs the program, which is killed when one of its threads makes this call for the `number`th time. Tells whether it was.
fn killed(gateway: &FaultyGateway, words: &[&str], calls: &str, number: usize) -> bool {
    let mut strace = Command::new("strace");
    strace.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent");
    strace.args(["-f", "-qqq", "-o", "/dev/null", "-e", &format!("trace={calls}")]);
    strace.args(["-e", &format!("inject={calls}:signal=KILL:when={number}")]).arg(path());
    let status =
        at(gateway, strace).args(words).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    let was_killed = status.signal() == Some(9) || status.code() == Some(137);
    assert!(was_killed || status.code() == Some(0), "{status:?} at {calls} {number}");
    was_killed
}

/// Kills a run at each of these calls, two at a time, and looks at what it has left. How often it was killed.
fn each_kill(calls: &[(&str, &[usize])], run: impl Fn(&str, usize) -> bool + Sync) -> usize {
    let all: Vec<_> =
        calls.iter().flat_map(|(call, at)| at.iter().map(move |number| (*call, *number))).collect();
    let half = |start: usize| all.iter().skip(start).step_by(2).filter(|(call, at)| run(call, *at)).count();
    scope(|threads| {
        let other = threads.spawn(|| half(1));
        half(0) + other.join().unwrap()
    })
}

fn snapshots(repository: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(repository) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let finished = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("20"))
            && path.extension().is_none()
    };
    paths.filter(finished).collect()
}

/// A snapshot with its final name has every object, and is verified.
fn is_whole(snapshot: &Path, context: &str) {
    for ((bucket, key), body) in objects() {
        let directory = if bucket == "wal" { "bucket.wal" } else { bucket };
        assert_eq!(std::fs::read(snapshot.join(directory).join(&key)).ok(), Some(body), "{context}: {key}");
    }
    ran(command().arg("verify").arg(snapshot)).code(0);
}

#[test]
fn whenever_a_backup_is_killed_a_snapshot_with_its_name_is_whole_and_the_next_one_succeeds() {
    let gateway = filled();
    let kills = each_kill(&OF_BACKUP, |calls, number| {
        let context = format!("killed at {calls} {number}");
        let scratch = tempfile::tempdir().unwrap();
        let words = [&["backup", scratch.path().to_str().unwrap()][..], &PARTS].concat();
        let was_killed = killed(&gateway, &words, calls, number);
        for snapshot in snapshots(scratch.path()) {
            is_whole(&snapshot, &context);
        }
        let before = snapshots(scratch.path()).len();
        ran(at(&gateway, command()).args(&words)).code(0);
        let after = snapshots(scratch.path());
        assert_eq!(after.len(), before + 1, "{context}");
        for snapshot in &after {
            is_whole(snapshot, &context);
        }
        was_killed
    });
    assert!(kills >= KILLS, "only {kills} runs were killed");
}

#[test]
fn whenever_a_restore_is_killed_no_sentinel_or_tag_is_there_without_what_it_needs_and_the_next_one_finishes()
{
    let scratch = tempfile::tempdir().unwrap();
    let source = filled();
    ran(at(&source, command()).args(["backup", scratch.path().to_str().unwrap()]).args(PARTS)).code(0);
    let snapshot = snapshots(scratch.path()).remove(0);
    let words = ["restore", snapshot.to_str().unwrap(), "--yes"];
    let kills = each_kill(&OF_RESTORE, |calls, number| {
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
    assert!(kills >= KILLS / 2, "only {kills} runs were killed");
}
