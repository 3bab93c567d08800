//! A snapshot made by hand with the writers, for tests.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::{
    ListLine, ListWriter, Manifest, PartEntry, Repository, SealedList, SnapshotReader, SnapshotWriter,
};
use crate::disk::Root;
use crate::outcome::{Outcome, PartOutcome};
use crate::part::Part;
use crate::run::Run;

/// The keys of the registry: hostile ones, and two whose objects have equal sizes.
pub(crate) const KEYS: [&str; 5] = ["/registry/one", "/registry/two", "a", "a/b", "d/"];

/// A snapshot with all parts: two lists of the registry, an empty `db_wal`, a volume, a configuration and no dump.
pub(crate) fn build(repository: &Path) -> SnapshotReader {
    let unfinished = begin(repository);
    let manifest = fill(&unfinished);
    unfinished.commit(manifest).unwrap()
}

pub(crate) fn begin(repository: &Path) -> SnapshotWriter {
    let repository = Repository::create(repository, &Run::silent()).unwrap();
    repository.begin(&Run::silent(), &json!({"parts": ["registry"]})).unwrap()
}

pub(crate) fn fill(unfinished: &SnapshotWriter) -> Manifest {
    let mut parts = BTreeMap::new();
    let lists = [list(unfinished, 1, &KEYS[..2]), list(unfinished, 2, &KEYS[2..])];
    parts.insert(Part::registry(), bucket(&lists));
    unfinished.objects(&Part::db_wal()).unwrap();
    let empty = unfinished.list(&Part::db_wal(), 1, 1).unwrap().finish().unwrap();
    parts.insert(Part::db_wal(), bucket(&[empty]));
    for part in [Part::Volume, Part::Config] {
        let entry = file(unfinished, &part, &content(&part));
        parts.insert(part, entry);
    }
    parts.insert(Part::Sql, PartEntry::new(PartOutcome::Skipped));
    manifest(unfinished, parts)
}

/// The manifest of a complete snapshot.
pub(crate) fn manifest(unfinished: &SnapshotWriter, parts: BTreeMap<Part, PartEntry>) -> Manifest {
    let start = unfinished.name().time().unwrap();
    let program = "deis-store 0.1.0".to_owned();
    Manifest { complete: true, program, ..Manifest::of_run((start, start), parts) }
}

/// The file of a part: an archive without an entry, or a configuration without a key.
pub(crate) fn content(part: &Part) -> Vec<u8> {
    match part {
        Part::Volume => gzip(&[0; 1024]),
        _ => b"{\"format\": 1, \"keys\": {}}\n".to_vec(),
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The file of a part with these bytes.
pub(crate) fn file(unfinished: &SnapshotWriter, part: &Part, bytes: &[u8]) -> PartEntry {
    let name = part.file_name().unwrap();
    let mut file = unfinished.file(name).unwrap();
    file.write_all(bytes).unwrap();
    let committed = file.commit(0o600, None, false).unwrap();
    let mut entry = PartEntry::new(PartOutcome::Stored);
    (entry.bytes, entry.files) = (committed.size_bytes, vec![name.to_owned()]);
    entry
}

/// A bucket with these objects.
pub(crate) fn objects(unfinished: &SnapshotWriter, part: &Part, objects: &[(&str, &[u8])]) -> PartEntry {
    let root = unfinished.objects(part).unwrap();
    let mut list = unfinished.list(part, 1, 1).unwrap();
    for (key, bytes) in objects {
        store(&root, &mut list, key, bytes);
    }
    bucket(&[list.finish().unwrap()])
}

fn store(root: &Root, list: &mut ListWriter, key: &str, bytes: &[u8]) {
    let mut file = root.new_object(key, "").unwrap();
    file.write_all(bytes).unwrap();
    let stored = file.commit(0o400, None, false).unwrap();
    let mut line = ListLine::new(key, stored.size_bytes, "e", "2015-10-21T07:28:00Z".parse().unwrap());
    line.sha256 = stored.sha256;
    list.add(&line.stored_at(&stored.path)).unwrap();
}

fn list(unfinished: &SnapshotWriter, number: usize, keys: &[&str]) -> SealedList {
    let objects = unfinished.objects(&Part::registry()).unwrap();
    let mut list = unfinished.list(&Part::registry(), number, 2).unwrap();
    for key in keys {
        store(&objects, &mut list, key, format!("bytes of {key}").as_bytes());
    }
    if number == 2 {
        let mut gone = ListLine::new("gone", 7, "e", "2015-10-21T07:28:00Z".parse().unwrap());
        gone.outcome = Outcome::Vanished;
        list.add(&gone).unwrap();
    }
    list.finish().unwrap()
}

fn bucket(lists: &[SealedList]) -> PartEntry {
    let mut entry = PartEntry::new(PartOutcome::Stored);
    for list in lists {
        entry.lists.push(list.name.clone());
        entry.bytes += list.bytes;
        entry.counts.listed += list.counts.listed;
        entry.counts.stored += list.counts.stored;
        entry.counts.vanished += list.counts.vanished;
    }
    entry
}
