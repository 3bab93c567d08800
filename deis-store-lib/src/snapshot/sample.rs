//! A snapshot made by hand with the writers, for tests.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::{ListLine, Manifest, PartEntry, Repository, SealedList, SnapshotReader, SnapshotWriter};
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
        let name = part.file_name().unwrap();
        let mut file = unfinished.file(name).unwrap();
        file.write_all(name.as_bytes()).unwrap();
        let committed = file.commit(0o600, None, false).unwrap();
        let mut entry = PartEntry::new(PartOutcome::Stored);
        (entry.bytes, entry.files) = (committed.size_bytes, vec![name.to_owned()]);
        parts.insert(part, entry);
    }
    parts.insert(Part::Sql, PartEntry::new(PartOutcome::Skipped));
    let start = unfinished.name().time().unwrap();
    let program = "deis-store 0.1.0".to_owned();
    Manifest { complete: true, program, ..Manifest::of_run((start, start), parts) }
}

fn list(unfinished: &SnapshotWriter, number: usize, keys: &[&str]) -> SealedList {
    let objects = unfinished.objects(&Part::registry()).unwrap();
    let mut list = unfinished.list(&Part::registry(), number, 2).unwrap();
    for key in keys {
        let mut file = objects.new_object(key, "").unwrap();
        file.write_all(format!("bytes of {key}").as_bytes()).unwrap();
        let stored = file.commit(0o400, None, false).unwrap();
        let mut line = ListLine::new(*key, stored.size_bytes, "e", "2015-10-21T07:28:00Z".parse().unwrap());
        line.sha256 = stored.sha256;
        list.add(&line.stored_at(&stored.path)).unwrap();
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
