//! Objects of WAL-E: as they are packed, unpacked, and packed anew after a change, under their own names and others.

use super::*;
use crate::contents::random_changes::{change, choose, sum_headers, try_cases};

#[test]
#[ignore = "it takes as long as DEIS_STORE_FUZZ_SECONDS says; tests/run --all runs it"]
fn packed_objects_changed_at_random_never_become_others() {
    let objects = objects();
    try_cases("packed objects", |random| {
        let object = choose(random, &objects);
        let mut packed = object.packed.clone();
        for _ in 0..random.usize(1..4) {
            change(&mut packed, random);
        }
        match held(&object.key, &packed) {
            Ok(held) => assert_eq!(held, object.held, "{}", object.key),
            Err(Unreadable::Broken(_)) => {}
            Err(Unreadable::Io(error)) => panic!("{}: {error}", object.key),
        }
    });
}

#[test]
#[ignore = "it takes as long as DEIS_STORE_FUZZ_SECONDS says; tests/run --all runs it"]
fn small_lzop_files_changed_at_random_never_hold_other_bytes() {
    let names = ["text.pipe", "text.1", "text.9", "text.crc32", "text.named", "noise.pipe"];
    let files = names.map(|name| fixture(&format!("lzop/{name}.lzo")));
    try_cases("lzop files", |random| {
        let file = choose(random, &files);
        let content = unpacked(file).unwrap();
        let mut packed = file.clone();
        for _ in 0..random.usize(1..3) {
            change(&mut packed, random);
        }
        match unpacked(&packed) {
            // No length of the whole is in a file: one that ends where its only block began holds nothing.
            Ok(read) => assert!(read == content || read.is_empty(), "{} bytes", read.len()),
            Err(Unreadable::Broken(_)) => {}
            Err(Unreadable::Io(error)) => panic!("{error}"),
        }
    });
}

/// Of what is not packed a change need not show, and it may be anything.
#[test]
#[ignore = "it takes as long as DEIS_STORE_FUZZ_SECONDS says; tests/run --all runs it"]
fn plain_objects_changed_at_random_are_read_or_broken() {
    let objects = objects();
    try_cases("plain objects", |random| {
        let object = choose(random, &objects);
        let mut plain = object.plain.clone();
        for _ in 0..random.usize(1..6) {
            change(&mut plain, random);
        }
        if random.u8(..8) != 0 {
            sum_headers(&mut plain);
        }
        // Each is read as what it is, and now and then as another object.
        let named = if random.u8(..6) == 0 { choose(random, &objects) } else { object };
        let read = outcome(named.plain_key(), &plain);
        if plain.len() > 1 && random.u8(..4) == 0 {
            let (begin, end) = plain.split_at(random.usize(1..plain.len()));
            assert_eq!(outcome(&named.key, &stored(&[begin, end])), read, "packed and plain");
        }
    });
}

#[test]
#[ignore = "it takes as long as DEIS_STORE_FUZZ_SECONDS says; tests/run --all runs it"]
fn keys_changed_at_random_are_read_or_not() {
    let objects = objects();
    try_cases("keys", |random| {
        let (named, object) = (choose(random, &objects), choose(random, &objects));
        let mut key = named.key.clone().into_bytes();
        for _ in 0..random.usize(1..4) {
            change(&mut key, random);
        }
        let key = String::from_utf8_lossy(&key).into_owned();
        let bytes = if random.bool() { &object.packed } else { &object.plain };
        match read(&key, &mut bytes.as_slice()) {
            Ok(_) | Err(Unreadable::Broken(_)) => {}
            Err(Unreadable::Io(error)) => panic!("{key}: {error}"),
        }
    });
}

fn outcome(key: &str, bytes: &[u8]) -> Result<Held, String> {
    held(key, bytes).map_err(|error| match error {
        Unreadable::Broken(why) => why,
        Unreadable::Io(error) => panic!("{key}: {error}"),
    })
}
