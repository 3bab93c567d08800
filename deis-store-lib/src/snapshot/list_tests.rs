//! Object lists, written and read.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::list_reader::ListReader;
use super::{FileDigest, ListLine, ListWriter, SealedList};
use crate::disk::Root;
use crate::error::{ErrorKind, Result};
use crate::hash::Sha256;
use crate::outcome::Outcome;

fn line(key: &str) -> ListLine {
    let mut line = ListLine::new(key, 3, "e", "2015-10-21T07:28:00Z".parse().unwrap());
    line.sha256 = Some(Sha256::of(key.as_bytes()));
    line
}

fn written(lines: &[ListLine]) -> (Vec<u8>, SealedList) {
    let directory = tempfile::tempdir().unwrap();
    let root = Root::open(directory.path()).unwrap();
    let mut list = ListWriter::new("l".to_owned(), root.new_file(&["l"]).unwrap());
    for line in lines {
        list.add(line).unwrap();
    }
    let sealed = list.finish().unwrap();
    (std::fs::read(directory.path().join("l")).unwrap(), sealed)
}

fn digest(bytes: &[u8]) -> FileDigest {
    FileDigest { path: "lists/l".to_owned(), size_bytes: bytes.len() as u64, sha256: Sha256::of(bytes) }
}

fn read(bytes: &[u8]) -> Result<Vec<ListLine>> {
    ListReader::new(bytes, digest(bytes)).collect()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(text).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn what_is_written_is_read_and_counted() {
    let refused = ListLine { outcome: Outcome::Refused("no".to_owned()), sha256: None, ..line("c") };
    let lines = [line("a"), line("b/\u{20ac}\n"), refused];
    let (bytes, sealed) = written(&lines);
    assert_eq!(read(&bytes).unwrap(), lines);
    assert_eq!(
        (sealed.counts.listed, sealed.counts.stored, sealed.counts.refused, sealed.bytes),
        (3, 2, 1, 6)
    );
    assert!(read(&written(&[]).0).unwrap().is_empty());
}

#[test]
fn keys_out_of_order_or_without_digest_are_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let file = Root::open(directory.path()).unwrap().new_file(&["l"]).unwrap();
    let mut list = ListWriter::new("l".to_owned(), file);
    list.add(&line("b")).unwrap();
    let without_digest = ListLine { sha256: None, ..line("c") };
    for wrong in [line("b"), line("a"), without_digest] {
        assert_eq!(list.add(&wrong).unwrap_err().kind(), ErrorKind::Internal);
    }
}

#[test]
fn members_of_gzip_are_read_one_after_the_other() {
    let bytes = [written(&[line("a")]).0, written(&[line("b")]).0].concat();
    assert_eq!(read(&bytes).unwrap(), [line("a"), line("b")]);
}

#[test]
fn damage_is_never_read_as_an_end() {
    let (good, _) = written(&[line("a"), line("b")]);
    let text = |lines: &str| gzip(lines.as_bytes());
    let a = serde_json::to_string(&line("a")).unwrap();
    let cases = [
        good[..good.len() - 1].to_vec(),
        good[..5].to_vec(),
        [&good[..], b"more"].concat(),
        text(&a),
        text(&format!("{a}\n{a}\n")),
        text("{}\n"),
        text("\n"),
        text(&" ".repeat(2 << 20)),
    ];
    for (case, bytes) in cases.iter().enumerate() {
        assert_eq!(read(bytes).unwrap_err().kind(), ErrorKind::Damaged, "case {case}");
    }
}

#[test]
fn a_list_that_is_not_the_manifests_is_damaged_at_its_end() {
    let (bytes, _) = written(&[line("a")]);
    let (other, _) = written(&[line("b")]);
    let mut reader = ListReader::new(&other[..], digest(&bytes));
    assert!(reader.next().unwrap().is_ok());
    assert_eq!(reader.next().unwrap().unwrap_err().kind(), ErrorKind::Damaged);
    assert!(reader.next().is_none());
}

proptest! {
    #[test]
    fn no_input_panics(bytes: Vec<u8>) {
        let _ = read(&bytes);
        let _ = read(&gzip(&bytes));
    }
}
