//! A proxy that changes bytes in what it passes on, of requests or of answers.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};

use super::Site;
use crate::clusters::a;

/// What is changed, and to what.
const MARK: &[u8] = b"FLIPME";
const FLIPPED: &[u8] = b"FLOPME";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Requests,
    Answers,
}

/// Starts one before the gateway, and gives its URL. It ends with the tests.
fn flipper(changed: Direction) -> String {
    let to = a().gateway_address().unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(gateway) = TcpStream::connect(&to) else { continue };
            let (from, onto) = (client.try_clone().unwrap(), gateway.try_clone().unwrap());
            std::thread::spawn(move || pass(from, onto, changed == Direction::Requests));
            std::thread::spawn(move || pass(gateway, client, changed == Direction::Answers));
        }
    });
    url
}

fn pass(mut from: TcpStream, mut to: TcpStream, changes: bool) {
    let mut piece = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        let bytes = &mut piece[..count];
        if changes {
            for at in 0..count.saturating_sub(MARK.len() - 1) {
                if bytes[at..].starts_with(MARK) {
                    bytes[at..at + MARK.len()].copy_from_slice(FLIPPED);
                }
            }
        }
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

fn marked(times: usize) -> Vec<u8> {
    [b"before ".to_vec(), MARK.repeat(times), b" after".to_vec()].concat()
}

#[test]
fn a_byte_that_is_changed_on_the_way_up_is_never_stored() {
    let site = Site::at("flip-up", flipper(Direction::Requests));
    let directory = site.path("up");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(site.path("up/bad"), marked(3)).unwrap();
    std::fs::write(site.path("up/ok"), b"ok").unwrap();
    site.through(&["s3", "put", &site.path("up/bad"), &site.place("one")])
        .code(1)
        .says(&["BadDigest", "changes bytes on the way"]);
    let sync = ["--json", "s3", "sync", &format!("{directory}/"), &site.place("")];
    let synced = site.through(&sync).code(3).json();
    assert_eq!((&synced["report"]["counts"]["failed"], site.keys()), (&1.into(), vec!["ok".to_owned()]));
}

#[test]
fn a_byte_that_is_changed_on_the_way_down_is_damage_and_leaves_no_file() {
    let site = Site::at("flip-down", flipper(Direction::Answers));
    site.store("bad", &marked(3));
    site.store("long", &marked(40_000));
    site.store("ok", b"ok");
    for key in ["bad", "long"] {
        site.through(&["s3", "get", &site.place(key), &site.path("got")]).code(4).says(&["MD5", "ETag"]);
        assert!(!std::path::Path::new(&site.path("got")).exists());
    }
    let sync = ["--json", "s3", "sync", &site.place(""), &site.path("down")];
    let synced = site.through(&sync).code(3).json();
    let counts = &synced["report"]["counts"];
    assert_eq!((&counts["failed"], &counts["stored"]), (&2.into(), &1.into()), "{synced:#}");
    assert_eq!(synced["report"]["damaged"], 2, "{synced:#}");
    assert!(!std::path::Path::new(&site.path("down/bad")).exists());
    let (backup, snapshot) = site.backup();
    assert_eq!(backup.code(4).json()["report"]["verdict"], "damaged");
    site.directly(&["verify", snapshot.unwrap().to_str().unwrap()]).code(3).stdout.contains("bad");
}

#[test]
fn a_key_that_is_changed_on_the_way_stands_for_no_other_object() {
    let site = Site::at("flip-key", flipper(Direction::Requests));
    site.store("FLIPME", b"the one");
    site.store("FLOPME", b"the other");
    for words in [
        &["s3", "get", &site.place("FLIPME"), "-"][..],
        &["s3", "del", &site.place("FLIPME")],
        &["s3", "cp", &site.place("FLIPME"), &site.place("copy")],
    ] {
        assert_eq!(site.through(words).code(1).stdout, "", "{words:?}");
    }
    assert_eq!(site.keys(), ["FLIPME", "FLOPME"]);
    assert_eq!(site.stored("FLOPME").as_deref(), Some(&b"the other"[..]));
    // radosgw 16.2 does not check the MD5 of a list of keys to delete: what it has done instead is named.
    site.through(&["s3", "del", "-r", "-f", &site.place("FLI")]).code(1).says(&["another key", "FLOPME"]);
    assert_eq!(site.stored("FLIPME").as_deref(), Some(&b"the one"[..]));

    // A listing that names another object twice and this one never is none.
    let site = Site::at("flip-list", flipper(Direction::Answers));
    site.store("FLIPME", b"the one");
    site.store("FLOPME", b"the other");
    site.through(&["s3", "del", "-r", "-f", &site.place("")]).code(1);
    let (backup, snapshot) = site.backup();
    assert!(backup.code != Some(0) && snapshot.is_none(), "{backup:#?}");
    assert_eq!(site.keys(), ["FLIPME", "FLOPME"]);
}
