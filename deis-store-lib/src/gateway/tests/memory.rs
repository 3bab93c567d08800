//! The memory that a snapshot's objects take while it is served.

use std::fmt::Write as _;

use super::*;
use crate::outcome::PartOutcome;
use crate::part::Part;
use crate::snapshot::{ListLine, Manifest, PartEntry, sample};

const OBJECTS: u64 = 1_000_000;

/// What `docs/serve.md` says, and a tenth more.
const MOST_BYTES_AN_OBJECT: u64 = 620;

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[test]
#[ignore = "tests/run --all runs it: it measures the whole process, which other tests share"]
fn a_million_objects_take_the_memory_that_the_document_says() {
    let directory = tempfile::tempdir().unwrap();
    let unfinished = sample::begin(directory.path());
    unfinished.objects(&Part::registry()).unwrap();
    let mut list = unfinished.list(&Part::registry(), 1, 1).unwrap();
    let mut key = String::new();
    for number in 0..OBJECTS {
        key.clear();
        write!(key, "registry/images/{:064x}/layer", number * 7).unwrap();
        let etag = format!("{number:032x}");
        let mut line = ListLine::new(&*key, number, etag, "2015-10-21T07:28:00Z".parse().unwrap());
        line.sha256 = Some(crate::hash::Sha256([7; 32]));
        line.content_type = Some("application/octet-stream".to_owned());
        list.add(&line).unwrap();
    }
    let sealed = list.finish().unwrap();
    let mut entry = PartEntry::new(PartOutcome::Stored);
    (entry.lists, entry.counts, entry.bytes) = (vec![sealed.name], sealed.counts, sealed.bytes);
    let start = unfinished.name().time().unwrap();
    let (program, parts) = ("deis-store 0.1.0".to_owned(), [(Part::registry(), entry)].into());
    let manifest = Manifest { complete: true, program, ..Manifest::of_run((start, start), parts) };
    let snapshot = unfinished.commit(manifest).unwrap();

    let (before, begun) = (resident_bytes(), std::time::Instant::now());
    let store = Store::of_snapshot(&snapshot).unwrap();
    assert_eq!(store.buckets()["registry"].objects.len() as u64, OBJECTS);
    let bytes = (resident_bytes() - before) / OBJECTS;
    eprintln!("{bytes} bytes an object, read in {:?}", begun.elapsed());
    assert!(bytes <= MOST_BYTES_AN_OBJECT, "{bytes} bytes an object");
}
