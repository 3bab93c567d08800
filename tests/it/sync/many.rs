//! A sync needs the same memory for any number of keys on either side.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use deis_store_tests::faulty::{LAST_MODIFIED, Operation};

use super::{BUCKET, Place};
use crate::program::path;

/// The memory that ten times as many keys may take, beyond one page, one run of names and the transfers under way.
const MORE_KIB: u64 = 6 << 10;

fn key(number: usize) -> String {
    format!("wal_005/{number:024X}.lzo")
}

/// A bucket with this many objects, and a directory that has them. The directory has as many further files that are not
/// in the bucket.
fn place(objects: usize) -> Place {
    let place = Place::with(&[]);
    let directory = place.directory().join("wal_005");
    std::fs::create_dir_all(&directory).unwrap();
    let modified = httpdate::parse_http_date(LAST_MODIFIED).unwrap();
    for number in 0..objects {
        place.gateway.store("db_wal", &key(number), b"");
        file(&place.directory().join(key(number)), modified);
        file(&place.directory().join(key(number + objects)), SystemTime::now());
    }
    place
}

fn file(path: &Path, modified: SystemTime) {
    File::create(path).unwrap().set_modified(modified).unwrap();
}

/// The most memory of a run in KiB, without the pages of the program's file.
fn peak_kib(place: &Place, options: &[&str]) -> u64 {
    let report = place.scratch.path().join("report");
    let mut command = place.prepared(Command::new(path()));
    command
        .args(["--json", "s3", "sync", BUCKET])
        .arg(place.directory())
        .args(options)
        .stdout(File::create(&report).unwrap());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let mut peak = 0;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if let Ok(status) = std::fs::read_to_string(format!("/proc/{}/status", child.id())) {
            peak = peak.max(kib(&status, "RssAnon:"));
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    assert_eq!(status.code(), Some(0));
    peak
}

fn kib(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn memory_does_not_grow_with_the_keys_of_bucket_and_directory() {
    let (few, many) = (place(6_000), place(60_000));
    for options in [&["--dry-run"][..], &["--delete-removed"]] {
        let (small, large) = (peak_kib(&few, options), peak_kib(&many, options));
        assert!(large < small + MORE_KIB, "{options:?}: {small} KiB for 6,000 keys, {large} for 60,000");
    }
    assert_eq!(many.asked_for(Operation::GetObject), 0, "all of it was there");
    assert_eq!(std::fs::read_dir(many.directory().join("wal_005")).unwrap().count(), 60_000);
}
