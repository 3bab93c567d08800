//! The next run continues a big object from the bytes that an earlier run has left. It trusts them only after the whole
//! object is checked.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use deis_store_tests::faulty::{Asked, Fault, Operation, etag};
use deis_store_tests::process::send_signal;

use super::{BUCKET, Place, files, partial_name, write};
use crate::program::command;

const SIZE: usize = 3 << 20;
const HALF: usize = 1 << 20;

fn big(seed: u8) -> Vec<u8> {
    (0..SIZE).map(|index| u8::try_from(index % 251).unwrap() ^ seed).collect()
}

/// A big object, of which the gateway sends only `HALF` bytes at the first request.
fn stalling(body: &[u8]) -> Place {
    let place = Place::with(&[("d/big", body), ("small", b"small")]);
    place.gateway.on(Operation::GetObject, "/d/big", 0..1, Fault::Stalled(HALF));
    place
}

fn half(place: &Place, body: &[u8]) -> PathBuf {
    place.directory().join("d").join(partial_name("d/big", &etag(body)))
}

/// A run that has written all bytes that the gateway has sent.
fn begun(place: &Place, body: &[u8]) -> Child {
    let mut command = place.prepared(command());
    command.args(["s3", "sync", BUCKET]).arg(place.directory()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    while fs::metadata(half(place, body)).map_or(0, |half| half.len()) < HALF as u64 {
        assert!(Instant::now() < end, "the half comes");
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

/// A place in which a killed run left the half of the object.
fn left(body: &[u8]) -> Place {
    let place = stalling(body);
    let mut child = begun(&place, body);
    send_signal("KILL", child.id());
    child.wait().unwrap();
    assert_eq!(fs::metadata(half(&place, body)).unwrap().len(), HALF as u64);
    place
}

/// Runs the next sync. Returns the first byte of each of its requests for the big object.
fn next(place: &Place, options: &[&str]) -> Vec<usize> {
    let before = place.asked_for(Operation::GetObject);
    place.pull(options).code(0);
    let asked = place.gateway.asked_for(Operation::GetObject).split_off(before);
    asked.iter().filter(|asked| asked.target.contains("big")).map(Asked::from_byte).collect()
}

fn there(place: &Place) -> Vec<String> {
    files(&place.directory()).into_keys().collect()
}

#[test]
fn the_next_run_goes_on_where_a_killed_one_stopped() {
    let place = left(&big(0));
    assert_eq!(next(&place, &[]), [HALF]);
    assert!(place.file("d/big").unwrap() == big(0));
    assert_eq!(there(&place), ["d/big", "small"]);
    assert_eq!(next(&place, &[]), [0_usize; 0]);
}

#[test]
fn a_run_that_is_asked_to_stop_leaves_what_it_has() {
    let place = stalling(&big(0));
    let mut child = begun(&place, &big(0));
    send_signal("TERM", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(next(&place, &[]), [HALF]);
    assert!(place.file("d/big").unwrap() == big(0));
}

#[test]
fn what_is_there_whole_is_not_fetched_at_all() {
    let place = left(&big(0));
    fs::write(half(&place, &big(0)), big(0)).unwrap();
    assert_eq!(next(&place, &[]), [0_usize; 0]);
    assert!(place.file("d/big").unwrap() == big(0));
}

#[test]
fn what_was_left_and_is_damaged_or_too_long_is_fetched_anew() {
    let mut damaged = big(0)[..HALF].to_vec();
    damaged[77] ^= 1;
    let too_long = [big(0), vec![0]].concat();
    for (bytes, requests) in [(damaged, vec![HALF, 0]), (too_long, vec![0])] {
        let place = left(&big(0));
        fs::write(half(&place, &big(0)), bytes).unwrap();
        assert_eq!(next(&place, &[]), requests);
        assert!(place.file("d/big").unwrap() == big(0));
        assert_eq!(there(&place), ["d/big", "small"]);
    }
}

#[test]
fn the_half_of_an_object_that_was_replaced_is_not_used_and_goes() {
    let place = left(&big(0));
    place.gateway.store("db_wal", "d/big", &big(1));
    assert_eq!(next(&place, &[]), [0]);
    assert!(place.file("d/big").unwrap() == big(1));
    assert_eq!(there(&place), ["d/big", "small"]);
}

#[test]
fn an_object_that_is_replaced_while_it_is_gone_on_with_is_fetched_as_it_is_then() {
    let place = left(&big(0));
    place.gateway.on(Operation::GetObject, "/d/big", 0..1, Fault::Replaced { at: 5, by: big(1).into() });
    let requests = next(&place, &[]);
    assert_eq!((requests[0], *requests.last().unwrap()), (HALF, 0), "{requests:?}");
    assert!(place.file("d/big").unwrap() == big(1));
    assert_eq!(there(&place), ["d/big", "small"]);
}

#[test]
fn the_half_of_an_object_that_is_gone_stays_until_deletion_is_asked_for() {
    let place = left(&big(0));
    place.gateway.delete("db_wal", "d/big");
    assert_eq!(next(&place, &[]), [0_usize; 0]);
    assert!(half(&place, &big(0)).exists());
    assert_eq!(next(&place, &["--dry-run", "--delete-removed"]), [0_usize; 0]);
    assert!(half(&place, &big(0)).exists());
    place.pull(&["--delete-removed"]).code(0);
    assert_eq!(there(&place), ["small"]);
}

#[test]
fn what_looks_like_a_half_and_is_none_is_its_users() {
    let place = Place::with(&[("small", b"small")]);
    for name in ["%part.1", "%part.d/x", "%part.00000000000000000000000000000000.-/x"] {
        write(&place.directory().join(name), b"mine");
    }
    let source = format!("{}/", place.directory().display());
    assert_eq!(place.sync(&[&source, BUCKET]).code(0).count("stored"), 3);
    for name in ["%part.1", "%part.d/x", "%part.00000000000000000000000000000000.-/x"] {
        place.gateway.delete("db_wal", name);
    }
    let synced = place.pull(&["--delete-removed", "--max-delete", "2"]).code(5);
    assert_eq!((synced.outcome("%part.1"), there(&place).len()), ("not_deleted", 4));
}

#[test]
fn what_could_not_be_synced_is_not_gone_on_with() {
    let place = Place::with(&[("d/big", &big(0))]);
    let mut strace = place.injected("fsync", "error=EIO");
    assert_eq!(crate::program::ran(&mut strace).says(&["sync"]).code, Some(1));
    assert!(there(&place).is_empty(), "neither name nor half");
    assert_eq!(next(&place, &[]), [0]);
}

#[test]
fn an_obstacle_in_one_place_is_named_and_all_else_is_copied() {
    let place = Place::with(&[("a/1", b"1"), ("b", b"2"), ("c", b"3")]);
    let half = partial_name("b", &etag(b"2"));
    fs::create_dir_all(place.directory().join(half)).unwrap();
    let synced = place.pull(&[]).code(3);
    assert_eq!((synced.outcome("b"), synced.count("stored")), ("failed", 2));
}

#[test]
fn while_a_run_writes_to_a_directory_no_other_one_does() {
    let place = stalling(&big(0));
    let mut child = begun(&place, &big(0));
    let synced = place.pull(&[]).code(7);
    assert!(synced.ran.stderr.contains("another run writes to this directory"), "{synced:#?}");
    place.pull(&["--dry-run"]).code(0);
    send_signal("KILL", child.id());
    child.wait().unwrap();
    assert_eq!(next(&place, &[]), [HALF]);
    assert!(place.file("d/big").unwrap() == big(0));
}
