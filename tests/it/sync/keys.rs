//! Keys that other tools lose, overwrite or write elsewhere, and obstacles on the disk.

use std::fs;
use std::os::unix::fs::symlink;

use deis_store_tests::faulty::Operation;

use super::{BUCKET, Place, bodies, files, write};
use crate::program::{command, ran};

/// Every key of the measured table, and a few more.
pub(super) fn keys() -> Vec<String> {
    let plain = [
        "../up.txt",
        "data/../../escape.txt",
        "a//b.txt",
        "a/b.txt",
        "c/x.txt",
        "c//x.txt",
        "/abs.txt",
        "both",
        "both/child",
        "dirmark/",
        "dirmarkdata/",
        "new\nline",
        "UTF-8/é/€.txt",
        "ok.txt",
        "100%",
        "100%25",
        ".",
        "..",
        "Case",
        "case",
    ];
    plain
        .iter()
        .map(|key| (*key).to_owned())
        .chain(["x".repeat(300), format!("d/{}/y", "€".repeat(100))])
        .collect()
}

#[test]
fn every_key_has_a_file_of_its_own_below_the_directory_and_a_second_run_takes_no_get() {
    let place = Place::with(&[]);
    for key in keys() {
        let body = if key == "dirmark/" { "" } else { key.as_str() };
        place.gateway.store("db_wal", &key, body.as_bytes());
    }
    place.gateway.set_page_entries(7);
    let synced = place.pull(&[]).code(0);
    assert_eq!(synced.count("stored"), keys().len() as u64);
    for key in keys() {
        assert_eq!(synced.outcome(&key), "stored");
    }
    // For some keys a file meets a directory of the same name. Which of the two takes a suffix depends on their order,
    // so this list leaves them out.
    for key in ["data/../../escape.txt", "a//b.txt", "c/x.txt", "c//x.txt", "dirmarkdata/", "100%"] {
        assert_eq!(place.file(key).as_deref(), Some(key.as_bytes()), "{key:?}");
    }
    let mut expected: Vec<_> = keys().into_iter().map(String::into_bytes).collect();
    expected.retain(|body| body != b"dirmark/");
    expected.push(Vec::new());
    expected.sort();
    assert_eq!(bodies(&place.directory()), expected, "each body is there once");
    assert_eq!(
        fs::read_dir(place.scratch.path()).unwrap().count(),
        1,
        "nothing is written beside the directory"
    );

    let gets = place.asked_for(Operation::GetObject);
    let again = place.pull(&["--delete-removed"]).code(0);
    assert_eq!((again.count("unchanged"), again.report["deleted"].as_u64()), (keys().len() as u64, Some(0)));
    assert_eq!(place.asked_for(Operation::GetObject), gets, "a second run takes no GET");
    assert_eq!(place.asked_for(Operation::HeadObject), 0);
}

#[test]
fn no_symlink_is_followed_in_either_direction() {
    let place = Place::with(&[("link/x", b"new"), ("name", b"new"), ("ok.txt", b"ok")]);
    let outside = place.scratch.path().join("outside");
    write(&outside.join("x"), b"old");
    fs::create_dir(place.directory()).unwrap();
    symlink(&outside, place.directory().join("link")).unwrap();
    symlink(outside.join("x"), place.directory().join("name")).unwrap();
    let synced = place.pull(&["--delete-removed"]).code(3);
    for key in ["link/x", "name"] {
        assert_eq!(synced.outcome(key), "refused", "{synced:#?}");
    }
    assert_eq!((synced.outcome("ok.txt"), synced.outcome("link")), ("stored", "left_alone"));
    assert_eq!(fs::read(outside.join("x")).unwrap(), b"old");

    let contents = format!("{}/", place.directory().to_str().unwrap());
    let synced = place.sync(&[&contents, &format!("{BUCKET}/up/")]).code(3);
    assert_eq!((synced.outcome("up/link"), synced.outcome("up/name")), ("refused", "refused"));
    assert_eq!(
        (synced.outcome("up/ok.txt"), place.gateway.stored("db_wal", "up/ok.txt")),
        ("stored", Some(b"ok".to_vec()))
    );
    assert_eq!(place.asked_for(Operation::PutObject), 1);
}

#[test]
fn a_slash_at_the_end_means_what_it_means_to_s3cmd() {
    let place = Place::with(&[("p/a/1", b"1"), ("p/ab", b"2"), ("p/b", b"3")]);
    let directory = place.directory();
    let directory = directory.to_str().unwrap();
    for (source, expected) in [
        ("s3://db_wal/p/a", vec!["a/1", "ab"]),
        ("s3://db_wal/p/a/", vec!["1"]),
        ("s3://db_wal/p", vec!["p/a/1", "p/ab", "p/b"]),
        // A whole key means that object alone.
        ("s3://db_wal/p/b", vec!["b"]),
    ] {
        place.sync(&[source, directory]).code(0);
        let found: Vec<String> = files(&place.directory()).into_keys().collect();
        assert_eq!(found, expected, "{source}");
        fs::remove_dir_all(directory).unwrap();
    }
    write(&place.directory().join("f"), b"f");
    place.sync(&[directory, "s3://db_wal"]).code(0);
    place.sync(&[&format!("{directory}/."), "s3://db_wal/q/"]).code(0);
    for key in ["directory/f", "q/f"] {
        assert_eq!(place.gateway.stored("db_wal", key), Some(b"f".to_vec()), "{key}");
    }
    let place_that_is_none = place.sync(&[directory, "s3://db_wal/q"]);
    assert_eq!(place_that_is_none.ran.code, Some(2), "{place_that_is_none:#?}");
}

#[test]
fn what_is_excluded_is_as_if_it_were_not_there_on_either_side() {
    let place = Place::with(&[("a.log", b"1"), ("b.log", b"2"), ("c.txt", b"3")]);
    write(&place.directory().join("mine.log"), b"mine");
    write(&place.directory().join("old.txt"), b"old");
    let synced = place.pull(&["--exclude", "*.log", "--include", "b.*", "--delete-removed"]).code(0);
    assert_eq!(
        (synced.outcome("b.log"), synced.outcome("c.txt"), synced.outcome("old.txt")),
        ("stored", "stored", "deleted")
    );
    let left: Vec<String> = files(&place.directory()).into_keys().collect();
    assert_eq!(left, ["b.log", "c.txt", "mine.log"]);
}

#[test]
fn a_file_whose_name_stands_for_another_key_is_named_with_it_when_it_is_sent() {
    let place = Place::with(&[]);
    fs::create_dir(place.directory()).unwrap();
    for name in ["50%25", "70%", "plain"] {
        fs::write(place.directory().join(name), name).unwrap();
    }
    let directory = format!("{}/", place.directory().display());
    let synced = place.sync(&[&directory, "s3://db_wal/p/", "--dry-run"]).code(0);
    let file = |key: &str| synced.keys[key]["file"].as_str().map(str::to_owned);
    assert_eq!(["p/50%", "p/70%", "p/plain"].map(file), [Some("50%25".to_owned()), None, None]);
    let mut words = place.prepared(command());
    let synced = ran(words.args(["s3", "sync", &directory, "s3://db_wal/p/"])).code(0);
    for line in ["copied: p/50% (the file 50%25)", "copied: p/70%", "copied: p/plain"] {
        assert!(synced.stdout.lines().any(|said| said == line), "{line}: {synced:#?}");
    }
    let mut words = place.prepared(command());
    let put = ran(words.args(["s3", "put", "-r", &directory, "s3://db_wal/put/"])).code(0);
    assert!(put.stdout.contains("/50%25' -> 's3://db_wal/put/50%'"), "{put:#?}");
}
