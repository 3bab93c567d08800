//! A later backup that is killed, while it lists, links, fetches, writes its journal, seals or renames: a snapshot with its name
//! is whole, the next run ends equal, and what is in the journal is not fetched again.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard};

use deis_store_tests::faulty::{FaultyGateway, Operation};

use super::{Call, Objects, PARTS, at, each_kill, fill, filled, is_whole, killed, objects, snapshots};
use crate::program::{command, ran};

/// For each system call, the last of its numbers.
const CALLS: [(&str, usize); 12] = [
    ("linkat", 16),
    ("renameat,renameat2", 16),
    ("mkdirat", 10),
    ("openat", 60),
    ("write", 24),
    ("fsync,syncfs", 12),
    ("fchmod", 8),
    ("utimensat", 8),
    ("unlinkat", 8),
    ("ftruncate", 2),
    ("sendto,sendmsg,writev", 16),
    ("recvfrom,read", 50),
];

fn all_calls() -> Vec<Call> {
    CALLS.into_iter().flat_map(|(call, last)| (1..=last).map(move |number| (call, number))).collect()
}

/// What the bucket has later: some objects are the same, some are others, one has gone and one is new.
pub(super) fn later() -> Objects {
    let mut later = objects();
    let others = ["part_00000001.tar.lz4", "images/1/layer", "000000000000000A.lz4"];
    for (_, body) in later.iter_mut().filter(|((_, key), _)| others.iter().any(|end| key.ends_with(end))) {
        body.push(1);
    }
    later.remove(&("registry", "registry/images/2/json".to_owned()));
    later.insert(("registry", "registry/images/3/layer".to_owned()), vec![3; 300_000]);
    later
}

/// A repository with a snapshot, and gateways that have other objects by now: one for each of two threads.
pub(super) struct Site {
    template: tempfile::TempDir,
    gateways: Vec<Mutex<FaultyGateway>>,
}

impl Site {
    pub(super) fn new() -> Self {
        let template = tempfile::tempdir().unwrap();
        let gateways = [filled(), filled()];
        let words = [&["backup", template.path().to_str().unwrap()][..], &PARTS].concat();
        ran(at(&gateways[0], command()).args(&words)).code(0);
        for gateway in &gateways {
            fill(gateway, &later());
            gateway.delete("registry", "registry/images/2/json");
        }
        Self { template, gateways: gateways.map(Mutex::new).into() }
    }

    /// The repository with the first snapshot.
    pub(super) fn template(&self) -> &Path {
        self.template.path()
    }

    /// A gateway that no other thread has.
    pub(super) fn gateway(&self) -> MutexGuard<'_, FaultyGateway> {
        self.gateways.iter().find_map(|gateway| gateway.try_lock().ok()).expect("a gateway for each thread")
    }

    /// Kills a later backup at a call, and looks at all that comes of it. Whether it was killed.
    fn try_kill(&self, calls: &str, number: usize) -> bool {
        let gateway = self.gateway();
        let context = format!("killed at {calls} {number}");
        let scratch = tempfile::tempdir().unwrap();
        let repository = scratch.path().join("r");
        let copied = Command::new("cp").arg("-a").args([self.template.path(), &repository]).status().unwrap();
        assert!(copied.success());
        let first = snapshots(&repository).remove(0);
        let words = [&["backup", repository.to_str().unwrap()][..], &PARTS].concat();
        let was_killed = killed(&gateway, &words, calls, number);
        gateway.settle().unwrap();
        for snapshot in snapshots(&repository) {
            let objects = if snapshot == first { objects() } else { later() };
            is_whole(&snapshot, &objects, &context);
        }
        drop(gateway);
        self.next_ends_equal(&repository, &context);
        was_killed
    }

    /// Makes the next backup: it has all objects, and does not fetch again what is in a journal.
    pub(super) fn next_ends_equal(&self, repository: &Path, context: &str) {
        let gateway = self.gateway();
        let words = [&["backup", repository.to_str().unwrap()][..], &PARTS].concat();
        let (safe, before) = (journaled(repository), gateway.asked_for(Operation::GetObject).len());
        ran(at(&gateway, command()).args(&words)).code(0);
        let again: Vec<_> = gateway.asked_for(Operation::GetObject).drain(before..).collect();
        let again: Vec<_> =
            again.iter().map(|asked| asked.key.clone()).filter(|key| safe.contains(key)).collect();
        assert!(again.is_empty(), "{context}: fetched again: {again:?}");
        let newest = snapshots(repository).into_iter().max().unwrap();
        let first = repository.join(snapshots(self.template()).remove(0).file_name().unwrap());
        assert_ne!(newest, first, "{context}");
        is_whole(&newest, &later(), context);
        assert!(!newest.join("registry/registry/images/2/json").exists(), "{context}");
        is_whole(&first, &objects(), context);
        let left = std::fs::read_dir(repository).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name.to_string_lossy().ends_with("unfinished")).collect();
        assert!(left.is_empty(), "{context}: {left:?}");
    }
}

/// The keys in the journals of what an interrupted run has left.
fn journaled(repository: &Path) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for entry in std::fs::read_dir(repository).unwrap().map(|entry| entry.unwrap().path()) {
        // A sealed one only lacks its name: it is not gone on with.
        if entry.extension().is_none_or(|end| end != "unfinished")
            || entry.join("manifest.json.sha256").exists()
        {
            continue;
        }
        let Ok(lists) = std::fs::read_dir(entry.join("lists")) else { continue };
        for journal in lists.map(|list| list.unwrap().path()) {
            if journal.extension().is_none_or(|end| end != "journal") {
                continue;
            }
            let text = std::fs::read_to_string(&journal).unwrap();
            for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                keys.insert(line["line"]["key"].as_str().unwrap().to_owned());
            }
        }
    }
    keys
}

#[test]
fn whenever_a_later_backup_is_killed_the_snapshots_are_whole_and_the_next_one_fetches_nothing_twice() {
    let site = Site::new();
    let some: Vec<Call> = all_calls().into_iter().skip(3).step_by(16).collect();
    let kills = each_kill(&some, |calls, number| site.try_kill(calls, number));
    assert!(kills >= 8, "only {kills} of {} runs were killed", some.len());
}

#[test]
#[ignore = "some minutes: with --all"]
fn a_later_backup_is_killed_at_two_hundred_places_and_the_next_one_ends_equal() {
    let (site, all) = (Site::new(), all_calls());
    let kills = each_kill(&all, |calls, number| site.try_kill(calls, number));
    eprintln!("{kills} of {} runs were killed", all.len());
    assert!(kills >= 150, "only {kills} of {} runs were killed", all.len());
}
