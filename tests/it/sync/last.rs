//! `--last`: an object that refers to others is copied after them, or not at all.

use deis_store_tests::faulty::{Answer, Fault, Operation, instead};

use super::{BUCKET, Place, write};

const SENTINEL: &str = "base/a_backup_stop_sentinel.json";
const LAST: [&str; 2] = ["--last", "*_sentinel.json"];

/// A directory with a sentinel that sorts before its base backup.
fn with_files() -> Place {
    let place = Place::with(&[]);
    for key in [SENTINEL, "base/b/1", "base/b/2", "base/b/3"] {
        write(&place.directory().join(key), key.as_bytes());
    }
    place
}

fn up(place: &Place, options: &[&str]) -> super::Synced {
    let tree = format!("{}/", place.directory().to_str().unwrap());
    place.sync(&[&[&tree, BUCKET], options].concat())
}

#[test]
fn a_sentinel_is_sent_when_all_else_is_there() {
    let place = with_files();
    let synced = up(&place, &LAST).code(0);
    assert_eq!(synced.count("stored"), 4);
    let puts = place.gateway.asked_for(Operation::PutObject);
    assert!(puts.len() == 4 && puts[3].target.contains("sentinel"), "{puts:#?}");
    assert_eq!(up(&place, &LAST).code(0).count("unchanged"), 4);

    // The limit counts the deletions of both rounds, and all deletions happen at the end.
    place.gateway.store("db_wal", "base/0_sentinel.json", b"x");
    place.gateway.store("db_wal", "base/z", b"x");
    let delete = |most| up(&place, &[&LAST[..], &["--delete-removed", "-n", "--max-delete", most]].concat());
    let synced = delete("1").code(5);
    assert_eq!(synced.outcome("base/z"), "not_deleted");
    let synced = delete("2").code(0);
    assert_eq!((synced.outcome("base/z"), synced.outcome("base/0_sentinel.json")), ("deleted", "deleted"));
}

#[test]
fn a_sentinel_is_not_sent_when_something_else_was_not() {
    let place = with_files();
    std::os::unix::fs::symlink("1", place.directory().join("base/b/4")).unwrap();
    let synced = up(&place, &LAST).code(3);
    assert_eq!((synced.outcome(SENTINEL), synced.outcome("base/b/3")), ("failed", "stored"), "{synced:#?}");
    assert!(synced.keys[SENTINEL]["why"].as_str().unwrap().contains("others before it"));
    assert_eq!(place.gateway.stored("db_wal", SENTINEL), None);
    // A sentinel that is already there unchanged stays "unchanged".
    place.gateway.store("db_wal", SENTINEL, SENTINEL.as_bytes());
    assert_eq!(up(&place, &LAST).code(3).outcome(SENTINEL), "unchanged");
}

#[test]
fn a_sentinel_is_not_sent_when_what_was_sent_is_not_listed() {
    let place = with_files();
    // The gateway says that it has stored the object, and has not.
    let lie = || instead(Answer::new(200, "").header("ETag", "\"cd3d704e68c5b7f2882173a5b277aa44\""));
    place.gateway.on(Operation::PutObject, "base/b/1", 0..1, lie());
    let synced = up(&place, &LAST).code(3);
    assert_eq!((synced.outcome(SENTINEL), synced.outcome("base/b/1")), ("failed", "stored"), "{synced:#?}");
    assert!(synced.ran.stderr.contains("base/b/1: it is not listed"), "{synced:#?}");
    assert_eq!(place.gateway.stored("db_wal", SENTINEL), None);
    up(&place, &LAST).code(0);

    let (from, to) = (with_files(), Place::with(&[]));
    up(&from, &LAST).code(0);
    to.gateway.on(Operation::PutObject, "base/b/1", 0..1, lie());
    let cfg = crate::s3cmd::S3cmd::at(to.gateway.url().trim_start_matches("http://"), "AK", "SK");
    let across = || from.sync(&[&[BUCKET, BUCKET, "--to-s3cfg", &cfg.path("s3cfg")], &LAST[..]].concat());
    let synced = across().code(3);
    assert_eq!(synced.outcome(SENTINEL), "failed", "{synced:#?}");
    assert_eq!(to.gateway.stored("db_wal", SENTINEL), None);
    across().code(0);
    assert!(to.gateway.stored("db_wal", SENTINEL).is_some());
}

#[test]
fn down_and_across_it_is_the_same() {
    let place = Place::with(&[(SENTINEL, b"s"), ("base/b/1", b"1"), ("base/b/2", b"2")]);
    place.gateway.on(Operation::GetObject, "b/2", 0..3, Fault::Flipped(0));
    let synced = place.pull(&LAST).code(3);
    assert_eq!((synced.outcome(SENTINEL), synced.outcome("base/b/1")), ("failed", "stored"), "{synced:#?}");
    assert_eq!(place.file(SENTINEL), None);
    place.pull(&LAST).code(0);
    assert_eq!(place.file(SENTINEL).as_deref(), Some(&b"s"[..]));
    let gets = place.gateway.asked_for(Operation::GetObject);
    assert!(gets.last().unwrap().target.contains("sentinel"), "{gets:#?}");
}

#[test]
fn a_sentinel_is_not_copied_when_something_vanished_before_it() {
    let place = Place::with(&[(SENTINEL, b"s"), ("base/b/1", b"1")]);
    let vanishing = place.gateway.vanishing("db_wal", "base/b/1");
    place.gateway.on(Operation::GetObject, "b/1", 0..1, vanishing);
    let synced = place.pull(&LAST).code(3);
    assert_eq!((synced.outcome(SENTINEL), synced.outcome("base/b/1")), ("failed", "vanished"), "{synced:#?}");
    assert_eq!(place.file(SENTINEL), None);
    place.pull(&LAST).code(0);
    assert!(place.file(SENTINEL).is_some());
}

#[test]
fn what_is_copied_last_is_deleted_first() {
    let place = Place::with(&[("kept", b"k")]);
    for key in [SENTINEL, "base/0", "base/b/1"] {
        write(&place.directory().join(key), b"x");
    }
    let synced = place.pull(&[&LAST[..], &["--delete-removed"]].concat()).code(0);
    let told = synced.report["keys"].as_array().unwrap();
    let deleted: Vec<_> =
        told.iter().filter(|key| key["outcome"] == "deleted").map(|key| &key["key"]).collect();
    assert_eq!(deleted, [SENTINEL, "base/0", "base/b/1"]);
}
