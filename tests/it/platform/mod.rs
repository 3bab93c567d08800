//! A whole restore: from a bare cluster to a platform that runs, on real parts and a stand-in for fleet.

mod scale;
mod traps;
mod whole;

use std::path::Path;

use deis_store_tests::agent::Options;
use deis_store_tests::bare::Bare;
use serde_json::Value;
use tempfile::TempDir;

use crate::clusters::a;
use crate::program::{Ran, on};

/// A bare cluster, with a snapshot of cluster A.
pub(super) struct Case {
    pub(super) bare: Bare,
    pub(super) snapshot: String,
    /// With the repository as the directory `backup`.
    pub(super) scratch: TempDir,
    _directory: TempDir,
}

impl Case {
    pub(super) fn new(options: Options) -> Self {
        let (scratch, directory) = (tempfile::tempdir().unwrap(), directory());
        let (bare, snapshot) = std::thread::scope(|threads| {
            let snapshot = threads.spawn(|| snapshot(&scratch.path().join("backup")));
            let bare = Bare::start(directory.path(), options).unwrap();
            (bare, snapshot.join().unwrap())
        });
        Self { bare, snapshot, scratch, _directory: directory }
    }

    /// Restores with these options.
    pub(super) fn restore(&self, options: &[&str]) -> Ran {
        let words = [&["restore", self.snapshot.as_str()], options].concat();
        on(self.bare.environment(), &words)
    }

    /// The same, confirmed, as JSON.
    pub(super) fn restored(&self, options: &[&str], code: i32) -> Value {
        self.restore(&[&["--yes", "--json"], options].concat()).code(code).json()
    }

    pub(super) fn value(&self, key: &str) -> Option<String> {
        self.bare.etcd().value(key).unwrap()
    }
}

fn directory() -> TempDir {
    tempfile::Builder::new().prefix("bare").tempdir().unwrap()
}

fn snapshot(repository: &Path) -> String {
    let report = on(&a(), &["backup", repository.to_str().unwrap(), "--json"]).code(0).json();
    report["report"]["snapshot"].as_str().unwrap().to_owned()
}
