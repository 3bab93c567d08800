//! The one JSON object of a run over many keys. It is printed during the run, and is whole in all cases.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::Stdio;

use deis_store_tests::faulty::{Answer, Operation, instead};

use super::{BUCKET, Place, Synced, write};
use crate::program::{ran, with_peak_memory};

#[test]
fn memory_does_not_grow_with_the_keys_that_are_reported() {
    let place = Place::with(&[]);
    let directory = place.directory();
    let directory = directory.to_str().unwrap();
    let source = format!("{}/", place.scratch.path().join("source").to_str().unwrap());
    let runs: [(&[&str], &str); 4] = [
        (&["sync", BUCKET, directory, "--dry-run"], "keys"),
        (&["get", "-r", BUCKET, directory, "--dry-run"], "downloaded"),
        (&["put", "-r", &source, "s3://other/", "--dry-run"], "uploaded"),
        (&["del", "-r", "-f", BUCKET, "--dry-run"], "deleted"),
    ];
    // Both numbers are larger than the number of keys that may wait for an earlier one.
    let (few, many) = (5_000, 20_000);
    let peaks = |from: usize, to: usize| {
        for number in from..to {
            let key = format!("{}/{number:06}-{}", number % 100, "x".repeat(200));
            place.gateway.store("db_wal", &key, b"");
            write(&Path::new(&source).join(key), b"");
        }
        runs.map(|(words, list)| {
            let (ran, peak_kb) = with_peak_memory(&mut place.words(words));
            let report = &ran.code(0).json()["report"];
            assert_eq!(report[list].as_array().unwrap().len(), to, "{words:?}");
            peak_kb
        })
    };
    let (with_few, with_many) = (peaks(0, few), peaks(few, many));
    for (run, (few, many)) in runs.iter().zip(with_few.into_iter().zip(with_many)) {
        assert!(many < few + 4096, "{run:?}: {few} kB, {many} kB");
    }
}

#[test]
fn an_error_in_the_middle_stands_in_the_same_object_as_the_keys_before_it() {
    let place = Place::with(&[("a", b"1"), ("b", b"2"), ("c", b"3")]);
    place.gateway.set_page_entries(1);
    let denied = instead(Answer::error(403, "AccessDenied"));
    place.gateway.on(Operation::ListObjects, "marker=b", 0..usize::MAX, denied);
    let synced = place.pull(&["--dry-run"]).code(1);
    assert_eq!((synced.outcome("a"), synced.outcome("b")), ("stored", "stored"));
    let json = synced.ran.json();
    assert_eq!((&json["exit"], &json["error"]["kind"]), (&1.into(), &"denied".into()));
}

#[test]
fn a_reader_that_goes_away_has_seen_enough_and_a_full_disk_has_not_kept_it() {
    let place = Place::with(&[]);
    for number in 0..2_000 {
        place.gateway.store("db_wal", &format!("{number}"), b"");
    }
    let directory = place.directory();
    let words = ["sync", BUCKET, directory.to_str().unwrap(), "--dry-run"];
    let mut child = place.words(&words).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));

    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut child = place.words(&words).stdout(full).stderr(Stdio::null()).spawn().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    Synced::of(ran(&mut place.words(&words))).code(0);
}
