//! Nothing that the program writes below a directory has a name that a key can have, and a key may be as deep as it likes.

use std::fs;
use std::process::Command;

use deis_store_tests::faulty::{Answer, Operation, instead};

use super::{Place, Synced, files};
use crate::program::ran;

#[test]
fn keys_with_the_names_of_what_we_write_are_keys_like_others() {
    let keys = [
        ".deis-store-probe",
        "%part.probe",
        "%part.0123456789abcdef0123456789abcdef.-",
        ".lock",
        "%+",
        "%-",
        "%~",
        "lost+found",
    ];
    let objects: Vec<(&str, &[u8])> = keys.iter().map(|key| (*key, key.as_bytes())).collect();
    let place = Place::with(&objects);
    assert_eq!(place.pull(&[]).code(0).count("stored"), keys.len() as u64);
    assert_eq!(place.pull(&["--delete-removed"]).code(0).count("unchanged"), keys.len() as u64);
    for key in keys {
        assert_eq!(place.file(key).as_deref(), Some(key.as_bytes()), "{key}");
        place.gateway.delete("db_wal", key);
    }
    let source = format!("{}/", place.directory().to_str().unwrap());
    assert_eq!(place.sync(&[&source, super::BUCKET]).code(0).count("stored"), keys.len() as u64);
    for key in &keys {
        assert!(place.gateway.stored("db_wal", key).is_some(), "{key}");
    }
}

#[test]
fn what_a_killed_probe_has_left_is_no_key_and_a_file_in_its_place_is_named() {
    let place = Place::with(&[("a", b"1")]);
    place.pull(&[]).code(0);
    let probe = place.directory().join("%part.probe");
    fs::create_dir(&probe).unwrap();
    fs::write(probe.join("%case-a"), "").unwrap();
    let source = format!("{}/", place.directory().to_str().unwrap());
    assert_eq!(place.sync(&[&source, super::BUCKET]).code(0).count("listed"), 1);
    place.pull(&["--delete-removed"]).code(0);
    assert!(!probe.exists());
    fs::write(&probe, "mine").unwrap();
    let failed = place.pull(&[]).code(5);
    assert!(failed.ran.stdout.contains("%part.probe"), "{failed:#?}");
}

#[test]
fn keys_of_slashes_come_go_and_are_deleted_with_256_handles() {
    let deep = ["/".repeat(1024), "a/".repeat(511) + "b", "/".repeat(1000)];
    let mut objects: Vec<(&str, &[u8])> = deep.iter().map(|key| (key.as_str(), &b"deep"[..])).collect();
    objects.push(("z", b"z"));
    let place = Place::with(&objects);
    let mut few = Command::new("prlimit");
    few.args(["--nofile=256", "--"]);
    let run = |words: &[&str]| {
        let mut command = place.within(&few);
        ran(command.args(["--json", "s3"]).args(words))
    };
    let directory = place.directory().to_str().unwrap().to_owned();
    let source = format!("{directory}/");
    let sync = |words: &[&str]| Synced::of(run(&[&["sync"], words].concat())).code(0);
    assert_eq!(sync(&[super::BUCKET, &directory]).count("stored"), 4);
    assert_eq!(sync(&[super::BUCKET, &directory, "--delete-removed"]).count("unchanged"), 4);
    assert_eq!(sync(&[&source, super::BUCKET]).count("unchanged"), 4);
    for key in &deep {
        place.gateway.delete("db_wal", key);
    }
    assert_eq!(sync(&[super::BUCKET, &directory, "--delete-removed"]).report["deleted"], 3);
    assert_eq!(files(&place.directory()).len(), 1);

    let other = place.scratch.path().join("other").to_str().unwrap().to_owned();
    for key in &deep {
        place.gateway.store("db_wal", key, b"deep");
    }
    run(&["get", "-r", super::BUCKET, &other]).code(0);
    run(&["put", "-r", &format!("{other}/"), "s3://db_wal/again/"]).code(3).says(&["[…", "…]"]);
    assert!(place.gateway.stored("db_wal", "again/z").is_some());
    // A backup, its verification, its restore, one that fails and is gone on with, and the removal of the first.
    place.gateway.make_bucket("deep");
    for key in &deep {
        place.gateway.store("deep", key, b"deep");
    }
    let repository = place.scratch.path().join("repository").to_str().unwrap().to_owned();
    let backup = || {
        let mut command = place.within(&few);
        ran(command.args(["--json", "backup", &repository, "--bucket", "deep"]))
    };
    let report = backup().code(0).json();
    let snapshot = report["report"]["snapshot"].as_str().unwrap().to_owned();
    ran(place.within(&few).args(["verify", &snapshot])).code(0);
    let to = Place::with(&[]);
    to.gateway.make_bucket("deep");
    ran(to.within(&few).args(["restore", &snapshot, "--yes"])).code(0);
    for key in &deep {
        assert!(to.gateway.stored("deep", key).is_some());
    }
    let snapshots = || fs::read_dir(&repository).unwrap().count();
    let before = snapshots();
    place.gateway.store("deep", "zz", b"x");
    place.gateway.on(Operation::GetObject, "/zz", 0..1, instead(Answer::error(403, "InvalidAccessKeyId")));
    assert_ne!(backup().code, Some(0));
    assert_eq!(snapshots(), before + 1, "what has come is kept for the next run");
    assert_eq!(backup().code(0).json()["report"]["went_on"], true);
    assert_eq!(snapshots(), before + 1);
    ran(place.within(&few).args(["prune", &repository, "--keep-last", "1"])).code(0);
    assert_eq!(snapshots(), before, "the first snapshot is removed");
    // The standard library's way holds a handle for each level.
    assert!(Command::new("rm").arg("-rf").arg(place.scratch.path()).status().unwrap().success());
}
