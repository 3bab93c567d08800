//! Backups and restores that are killed at a system call. A directory with a snapshot's name is always whole; a sentinel or a
//! tag is in a bucket only with all that it needs; and the next run finishes the work.

mod first_backup;
mod later_backup;
mod power_cut;
mod restore;

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread::scope;

use deis_store_tests::faulty::FaultyGateway;

use crate::program::{command, path, ran};

const BASE: &str = "basebackups_005/base_00000001000000000000000A_00000040";
const SENTINEL: &str = "basebackups_005/base_00000001000000000000000A_00000040_backup_stop_sentinel.json";
const TAG: &str = "registry/repositories/library/app/tag_v1";
const PARTS: [&str; 4] = ["--bucket", "wal:wal-e", "--only", "registry,bucket.wal"];

/// Objects by their buckets and keys.
type Objects = BTreeMap<(&'static str, String), Vec<u8>>;

/// The objects of the two buckets, a reference of each among them. What is packed as wal-g packs it is not read.
fn objects() -> Objects {
    let body = |seed: u8, size: usize| vec![seed; size];
    let mut objects = BTreeMap::new();
    for number in 0..3_u8 {
        let partition = format!("{BASE}/tar_partitions/part_0000000{number}.tar.lz4");
        objects.insert(("wal", partition), body(number, 90_000 * usize::from(number + 1)));
        objects.insert(
            ("wal", format!("wal_005/00000001000000000000000{:X}.lz4", number + 8)),
            body(number, 5000),
        );
        objects.insert(("registry", format!("registry/images/{number}/layer")), body(number, 40_000));
        let ancestry = format!("[\"{number}\"]").into_bytes();
        objects.insert(("registry", format!("registry/images/{number}/ancestry")), ancestry);
        objects.insert(("registry", format!("registry/images/{number}/json")), b"{}".to_vec());
    }
    let sentinel = br#"{"wal_segment_backup_stop":"00000001000000000000000A"}"#.to_vec();
    objects.insert(("wal", SENTINEL.to_owned()), sentinel);
    objects.insert(("registry", TAG.to_owned()), b"1".to_vec());
    objects
}

fn filled() -> FaultyGateway {
    let gateway = FaultyGateway::start().unwrap();
    fill(&gateway, &objects());
    gateway
}

fn fill(gateway: &FaultyGateway, objects: &Objects) {
    for ((bucket, key), body) in objects {
        gateway.store(bucket, key, body);
    }
}

/// A command that runs the program at a gateway; the caller adds the words.
fn at(gateway: &FaultyGateway, mut command: Command) -> Command {
    command.env("AWS_ACCESS_KEY_ID", "AK").env("AWS_SECRET_ACCESS_KEY", "SK");
    command.args(["--gateway", &gateway.url()]);
    command
}

/// Runs the program, which is killed when one of its threads makes this call for the `number`th time. Tells whether it was.
fn killed(gateway: &FaultyGateway, words: &[&str], calls: &str, number: usize) -> bool {
    let mut program = Command::new("env");
    program.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent");
    strace(&mut program, calls, number);
    let mut program = at(gateway, program);
    was_killed(program.args(words).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap())
}

/// Adds the program to a command, to be killed when one of its threads makes this call for the `number`th time.
fn strace(command: &mut Command, calls: &str, number: usize) {
    command.args(["strace", "-f", "-qqq", "-o", "/dev/null", "-e", &format!("trace={calls}")]);
    command.args(["-e", &format!("inject={calls}:signal=KILL:when={number}")]).arg(path());
}

/// Whether a program was killed; and not one that has ended by itself.
fn was_killed(status: ExitStatus) -> bool {
    let was_killed = status.signal() == Some(9) || status.code() == Some(137);
    assert!(was_killed || status.code() != Some(1), "strace is missing, or may not trace here: {status}");
    was_killed
}

/// A system call, and its number in the thread that makes it.
type Call = (&'static str, usize);

fn calls(table: &[(&'static str, &[usize])]) -> Vec<Call> {
    table.iter().flat_map(|(call, at)| at.iter().map(move |number| (*call, *number))).collect()
}

/// Kills a run at each of these calls, two at a time, and looks at what it has left. How often it was killed.
fn each_kill(calls: &[Call], run: impl Fn(&str, usize) -> bool + Sync) -> usize {
    let half = |start: usize| calls.iter().skip(start).step_by(2).filter(|(call, at)| run(call, *at)).count();
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
fn is_whole(snapshot: &Path, objects: &Objects, context: &str) {
    for ((bucket, key), body) in objects {
        let directory = if *bucket == "wal" { "bucket.wal" } else { bucket };
        let there = std::fs::read(snapshot.join(directory).join(key)).ok();
        assert_eq!(there.as_ref(), Some(body), "{context}: {key}");
    }
    ran(command().arg("verify").arg(snapshot)).code(0);
}
