//! Runs that are killed at a system call. At every one of these calls, the next run finishes the work, and fetches
//! nothing that was already safe.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use deis_store::key_path::encode;
use deis_store_tests::faulty::{Operation, etag};

use super::{Place, files, partial_name, write};

/// The system calls at which a run is killed, each with the highest number of the call to try.
///
/// strace counts the calls of each thread separately, so the place in the run differs from try to try.
const CALLS: [(&str, usize); 14] = [
    ("connect", 3),
    ("sendto,sendmsg,writev", 20),
    ("recvfrom,read", 90),
    ("getdents64", 12),
    ("openat", 50),
    ("newfstatat,statx,fstat", 50),
    ("flock", 4),
    ("write", 80),
    ("fchmod", 20),
    ("utimensat", 20),
    ("fsync,syncfs", 8),
    ("renameat,renameat2", 20),
    ("mkdirat", 4),
    ("unlinkat", 6),
];

/// The least number of kills at every place: fewer would prove too little.
const KILLS: usize = 200;

/// The number of runs in a row without a kill after which a call is given up: no thread makes the call that often.
const MISSES: usize = 3;

fn objects() -> BTreeMap<String, Vec<u8>> {
    let body = |seed: usize, size: usize| {
        (0..size).map(|index| u8::try_from((index * seed) % 251).unwrap()).collect()
    };
    let small = (1..=24).map(|seed| (format!("wal_005/{seed:02}"), body(seed, seed * 700)));
    let big = [("base/a", 700 << 10), ("base/b", 2 << 20), ("c", 1 << 20)];
    let big = big.into_iter().map(|(key, size)| (key.to_owned(), body(size % 97 + 1, size)));
    small.chain(big).collect()
}

/// Makes a directory with an older version of one object, and with a file that is to be deleted.
fn prepare(place: &Place) {
    let _ = fs::remove_dir_all(place.directory());
    write(&place.directory().join("wal_005/07"), b"older");
    write(&place.directory().join("gone"), b"gone");
}

#[test]
fn whatever_a_run_that_is_killed_at_each_eighth_place_leaves_the_next_one_finishes() {
    kill_at_every(8);
}

#[test]
#[ignore = "tests/run --all runs it: it kills more than two hundred runs"]
fn whatever_a_killed_run_leaves_the_next_one_finishes() {
    kill_at_every(1);
}

/// Kills runs at each call, at its first place and at every `stride`th one after it.
fn kill_at_every(stride: usize) {
    let objects = objects();
    let borrowed: Vec<(&str, &[u8])> =
        objects.iter().map(|(key, body)| (key.as_str(), body.as_slice())).collect();
    let place = Place::with(&borrowed);
    place.gateway.set_page_entries(9);
    let mut kills = BTreeMap::new();
    for (calls, most) in CALLS {
        let mut misses = 0;
        for number in (1..=most).step_by(stride) {
            prepare(&place);
            if !killed(&place, calls, number) {
                misses += 1;
                if misses == MISSES {
                    break;
                }
                continue;
            }
            misses = 0;
            *kills.entry(calls).or_insert(0_usize) += 1;
            finishes(&place, &objects, &format!("killed at {calls} {number}"));
        }
    }
    eprintln!("killed: {kills:?}");
    let all: usize = kills.values().sum();
    assert!(all >= KILLS / stride, "only {all} runs were killed: {kills:?}");
    let never: Vec<&str> =
        CALLS.iter().map(|(calls, _)| *calls).filter(|calls| !kills.contains_key(calls)).collect();
    assert!(never.is_empty(), "no run was killed at {never:?}");
}

/// Starts a run that is killed when one of its threads makes this call for the `number`th time. Tells whether it was.
fn killed(place: &Place, calls: &str, number: usize) -> bool {
    let mut strace = place.injected(calls, &format!("signal=KILL:when={number}"));
    strace.arg("--delete-removed");
    let status = strace.stdout(Stdio::null()).stderr(Stdio::inherit()).status().unwrap();
    // strace ends in the same way as the program that it runs.
    let was_killed = status.signal() == Some(9) || status.code() == Some(137);
    assert!(was_killed || status.code() == Some(0), "{status:?} at {calls} {number}");
    was_killed
}

#[track_caller]
fn finishes(place: &Place, objects: &BTreeMap<String, Vec<u8>>, context: &str) {
    // A file under its final name with the right bytes is safe, and so are the bytes of a big object's partial file.
    let mut expected = BTreeMap::new();
    for (key, body) in objects {
        let path = encode(key).iter().fold(place.directory(), |path, component| path.join(component));
        let half = path.with_file_name(partial_name(key, &etag(body)));
        let there = fs::read(&path).ok();
        assert!(
            there.as_ref().is_none_or(|there| there == body || there == b"older"),
            "{context}: {key} has its name and is not whole"
        );
        if there.as_ref() != Some(body) {
            let big = body.len() > 256 << 10;
            let safe = if big { fs::metadata(half).map_or(0, |half| half.len()) } else { 0 };
            expected.insert(key.clone(), usize::try_from(safe).unwrap());
        }
    }
    place.gateway.settle().unwrap();
    let before = place.asked_for(Operation::GetObject);
    place.pull(&["--delete-removed"]).code(0);
    let mut fetched = BTreeMap::new();
    for asked in place.gateway.asked_for(Operation::GetObject).split_off(before) {
        let again = fetched.insert(asked.key.clone(), asked.from_byte());
        assert_eq!(again, None, "{context}: fetched twice");
    }
    expected.retain(|key, safe| *safe < objects[key].len());
    assert_eq!(fetched, expected, "{context}: what is fetched, and from which byte on");
    let there = files(&place.directory());
    assert!(there.keys().eq(objects.keys()), "{context}: {:?}", there.keys());
    assert!(there == *objects, "{context}: some file has other bytes");
}
