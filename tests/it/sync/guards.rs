//! Deletions and the reasons to refuse them, runs that change nothing, and disks that cannot be written.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use deis_store_tests::faulty::{Answer, Operation, instead};

use super::{Place, Synced, files, write};
use crate::program::ran;

/// Three objects with their files, and two files that are not in the bucket.
fn with_two_removed() -> Place {
    let place = Place::with(&[("a", b"1"), ("b", b"2"), ("c", b"3")]);
    place.pull(&[]).code(0);
    write(&place.directory().join("gone/1"), b"x");
    write(&place.directory().join("gone2"), b"x");
    place
}

fn left(place: &Place) -> Vec<String> {
    files(&place.directory()).into_keys().collect()
}

#[test]
fn nothing_is_deleted_unless_asked() {
    let place = with_two_removed();
    place.pull(&[]).code(0);
    assert_eq!(left(&place).len(), 5);
    let synced = place.pull(&["--delete-removed"]).code(0);
    assert_eq!((synced.outcome("gone/1"), synced.report["deleted"].as_u64()), ("deleted", Some(2)));
    assert_eq!(left(&place), ["a", "b", "c"]);
}

#[test]
fn more_deletions_than_allowed_are_none() {
    let place = with_two_removed();
    for limit in ["1", "39%", "0"] {
        let synced = place.pull(&["--delete-removed", "--max-delete", limit]).code(5);
        assert_eq!(synced.outcome("gone2"), "not_deleted", "{limit}");
        assert_eq!(left(&place).len(), 5, "{limit}");
    }
    place.pull(&["--delete-removed", "--max-delete", "40%"]).code(0);
    assert_eq!(left(&place).len(), 3);
}

#[test]
fn nothing_is_deleted_when_the_source_lists_empty_or_not_all_was_copied() {
    let place = with_two_removed();
    let empty = Place::with(&[]);
    let directory = place.directory();
    empty.sync(&[super::BUCKET, directory.to_str().unwrap(), "--delete-removed"]).code(5);
    assert_eq!(left(&place).len(), 5);

    place.gateway.store("db_wal", "d", b"4");
    place.gateway.on(Operation::GetObject, "/d", 0..usize::MAX, instead(Answer::error(404, "NoSuchKey")));
    let synced = place.pull(&["--delete-removed"]).code(3);
    assert_eq!((synced.outcome("d"), synced.outcome("gone2")), ("failed", "not_deleted"));
    assert_eq!(left(&place).len(), 5);
}

#[test]
fn a_listing_that_breaks_ends_the_run_and_deletes_nothing() {
    let place = with_two_removed();
    place.gateway.set_page_entries(1);
    place.gateway.on(
        Operation::ListObjects,
        "marker=b",
        0..usize::MAX,
        instead(Answer::error(403, "AccessDenied")),
    );
    place.pull(&["--delete-removed"]).code(1);
    assert_eq!(left(&place).len(), 5);
}

#[test]
fn a_dry_run_names_what_would_be_done_and_does_nothing() {
    let place = with_two_removed();
    place.gateway.store("db_wal", "d", b"4");
    let gets = place.asked_for(Operation::GetObject);
    let synced = place.pull(&["--delete-removed", "--dry-run"]).code(0);
    assert_eq!(
        (synced.outcome("d"), synced.outcome("a"), synced.outcome("gone2")),
        ("stored", "unchanged", "deleted")
    );
    assert_eq!((left(&place).len(), place.asked_for(Operation::GetObject)), (5, gets));

    let fresh = Place::with(&[("a", b"1")]);
    assert_eq!(fresh.pull(&["--dry-run"]).code(0).count("stored"), 1);
    assert!(!fresh.directory().exists());

    let directory = place.directory();
    let synced = place.sync(&[directory.to_str().unwrap(), super::BUCKET, "--dry-run"]).code(0);
    assert_eq!((synced.count("stored"), place.asked_for(Operation::PutObject)), (5, 0));
}

#[test]
fn a_file_of_the_same_size_and_another_time_is_read_once() {
    let place = Place::with(&[("same", b"same"), ("other", b"good"), ("size", b"size")]);
    write(&place.directory().join("same"), b"same");
    write(&place.directory().join("other"), b"evil");
    write(&place.directory().join("size"), b"longer");
    let synced = place.pull(&["--skip-existing"]).code(0);
    assert_eq!((synced.count("unchanged"), place.asked_for(Operation::GetObject)), (3, 0));
    let synced = place.pull(&[]).code(0);
    assert_eq!(
        (synced.outcome("same"), synced.outcome("other"), synced.outcome("size")),
        ("unchanged", "stored", "stored")
    );
    assert_eq!(place.file("other").unwrap(), b"good");
    let time = |key: &str| fs::metadata(place.directory().join(key)).unwrap().modified().unwrap();
    assert_eq!(time("same"), time("other"), "both have the object's time");

    // If bytes change but size and time do not, only `--checksum` sees it.
    let before = time("same");
    fs::write(place.directory().join("same"), b"evil").unwrap();
    fs::File::open(place.directory().join("same")).unwrap().set_modified(before).unwrap();
    assert_eq!(place.pull(&[]).code(0).outcome("same"), "unchanged");
    assert_eq!(place.pull(&["--checksum"]).code(0).outcome("same"), "stored");
}

#[test]
fn a_directory_that_cannot_be_read_is_named_and_the_rest_is_copied() {
    let place = Place::with(&[("a", b"1"), ("shut/b", b"2"), ("z", b"3")]);
    let directory = place.directory();
    write(&directory.join("shut/only here"), b"4");
    fs::set_permissions(directory.join("shut"), Permissions::from_mode(0o000)).unwrap();
    // Root may read all files unless these capabilities are dropped.
    let mut setpriv = Command::new("setpriv");
    setpriv.arg("--bounding-set=-dac_override,-dac_read_search");
    let sync = |from: &str, to: &str, patterns: &[&str]| {
        let mut command = place.within(&setpriv);
        command.args(["--json", "s3", "sync", from, to, "--delete-removed"]).args(patterns);
        Synced::of(ran(&mut command)).code(3)
    };
    let path = directory.to_str().unwrap();
    let synced = sync(super::BUCKET, path, &[]);
    assert_eq!(
        (synced.outcome("a"), synced.outcome("shut/b"), synced.outcome("z")),
        ("stored", "failed", "stored")
    );
    write(&directory.join("new"), b"5");
    let synced = sync(&format!("{path}/"), super::BUCKET, &[]);
    assert_eq!((synced.outcome("shut/"), synced.outcome("new")), ("refused", "stored"));
    assert_eq!(synced.outcome("shut/b"), "not_deleted", "it may be there");
    // Patterns exclude files, and we cannot know which files are in the unreadable directory.
    for patterns in [&["--exclude", "*", "--include", "b"][..], &["--exclude", "*/"], &["--last", "*/"]] {
        let synced = sync(&format!("{path}/"), super::BUCKET, patterns);
        assert_eq!(
            (synced.outcome("shut/"), synced.outcome("shut/b")),
            ("refused", "not_deleted"),
            "{patterns:?}"
        );
    }
    assert!(place.gateway.stored("db_wal", "shut/b").is_some());
    let elsewhere = Place::with(&[("a", b"1")]);
    let synced = {
        let mut command = elsewhere.within(&setpriv);
        command.args(["--json", "s3", "sync", super::BUCKET, path, "--delete-removed"]);
        Synced::of(ran(&mut command)).code(3)
    };
    assert_eq!(synced.outcome("shut/"), "not_deleted", "what was to be deleted may be in it");
    fs::set_permissions(directory.join("shut"), Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_the_rest_is_uploaded() {
    let place = Place::with(&[]);
    let directory = place.directory();
    for name in ["a", "dark", "z"] {
        write(&directory.join(name), name.as_bytes());
    }
    fs::set_permissions(directory.join("dark"), Permissions::from_mode(0o000)).unwrap();
    let mut setpriv = Command::new("setpriv");
    setpriv.arg("--bounding-set=-dac_override,-dac_read_search");
    let mut command = place.within(&setpriv);
    command.args(["s3", "put", "-r"]).arg(&directory).arg("s3://db_wal/");
    ran(&mut command).code(3).says(&["dark", "Permission denied"]);
    let stored = |name: &str| place.gateway.stored("db_wal", &format!("directory/{name}"));
    assert!(stored("a").is_some() && stored("z").is_some() && stored("dark").is_none());
}

/// A file system in memory, mounted over the directory. It is unmounted when dropped.
struct Tmpfs(std::path::PathBuf);

impl Tmpfs {
    fn over(place: &Place, options: &str) -> Self {
        fs::create_dir_all(place.directory()).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(place.directory())
            .status();
        assert!(mounted.unwrap().success(), "the tests are run by root");
        Self(place.directory())
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_ends_the_run_with_its_name_and_the_next_one_goes_on_when_there_is_room() {
    let big = vec![7; 600_000];
    let place = Place::with(&[("big", &big), ("big2", &big), ("small", b"1")]);
    let _tmpfs = Tmpfs::over(&place, "size=1m");
    let synced = place.pull(&["--delete-removed"]).code(1);
    assert!(synced.ran.stdout.contains("free some space"), "{synced:#?}");
    let named = |name: &String| !name.starts_with("%part.");
    let left = files(&place.directory());
    assert!(left.iter().filter(|(name, _)| named(name)).all(|(_, file)| *file == big || *file == b"1"));

    let larger = Command::new("mount").args(["-o", "remount,size=2m"]).arg(place.directory()).status();
    assert!(larger.unwrap().success());
    place.pull(&["--delete-removed"]).code(0);
    assert!(
        super::bodies(&place.directory()) == [big.clone(), big, b"1".to_vec()],
        "all of it, and nothing else"
    );
}

#[test]
fn a_read_only_disk_ends_the_run_with_its_name() {
    let place = Place::with(&[("a", b"1")]);
    let _tmpfs = Tmpfs::over(&place, "size=1m,ro");
    let synced = place.pull(&[]).code(1);
    assert!(synced.ran.stdout.contains("read-only"), "{synced:#?}");
}

#[test]
fn a_run_whose_output_nobody_reads_ends_when_it_is_asked_twice() {
    let body = vec![0; 10];
    let names: Vec<String> = (0..3000).map(|number| format!("{number}{}", "x".repeat(200))).collect();
    let objects: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), body.as_slice())).collect();
    let place = Place::with(&objects);
    let mut command = place.prepared(crate::program::command());
    command.args(["--json", "s3", "sync", super::BUCKET]).arg(place.directory()).arg("--dry-run");
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    // The pipe is full, and stays so.
    std::thread::sleep(std::time::Duration::from_secs(2));
    for _ in 0..2 {
        deis_store_tests::process::send_signal("TERM", child.id());
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let status = deis_store_tests::process::wait(&mut child, std::time::Duration::from_secs(5)).unwrap();
    assert_eq!(status.code(), Some(130));
}
