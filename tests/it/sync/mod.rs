//! `s3 sync`: every listed key is stored unchanged, or the report names its outcome, and the exit code tells.

mod across;
mod guards;
mod json;
mod keys;
mod killed;
mod killed_words;
mod last;
mod library;
mod many;
mod names_of_ours;
mod real;
mod restarted;
mod resumed;
mod rows;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use deis_store::key_path::encode;
use deis_store_tests::faulty::{FaultyGateway, Operation};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::program::{Ran, command, path, ran};

/// The bucket of the scripted gateway.
const BUCKET: &str = "s3://db_wal";

/// A scripted gateway and a directory. The directory lies in another one, so that a test sees files written beside it.
struct Place {
    gateway: FaultyGateway,
    scratch: tempfile::TempDir,
}

impl Place {
    /// A place whose bucket has these objects.
    fn with(objects: &[(&str, &[u8])]) -> Self {
        let gateway = FaultyGateway::start().unwrap();
        gateway.make_bucket("db_wal");
        for (key, body) in objects {
            gateway.store("db_wal", key, body);
        }
        Self { gateway, scratch: tempfile::tempdir().unwrap() }
    }

    fn directory(&self) -> PathBuf {
        self.scratch.path().join("directory")
    }

    fn file(&self, key: &str) -> Option<Vec<u8>> {
        fs::read(encode(key).iter().fold(self.directory(), |path, component| path.join(component))).ok()
    }

    /// `s3 sync BUCKET DIRECTORY` with options.
    fn pull(&self, options: &[&str]) -> Synced {
        let directory = self.directory();
        self.sync(&[&[BUCKET, directory.to_str().unwrap()], options].concat())
    }

    fn sync(&self, arguments: &[&str]) -> Synced {
        Synced::of(ran(self.words(&["sync"]).args(arguments)))
    }

    /// `s3 WORDS` with `--json`.
    fn words(&self, words: &[&str]) -> Command {
        let mut command = self.prepared(command());
        command.args(["--json", "s3"]).args(words);
        command
    }

    /// `s3 sync BUCKET DIRECTORY` under strace, which injects a fault into some system calls.
    fn injected(&self, calls: &str, what: &str) -> Command {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qqq", "-o", "/dev/null", "-e", &format!("trace={calls}")]);
        let mut strace = self.within(strace.args(["-e", &format!("inject={calls}:{what}")]));
        strace.args(["s3", "sync", BUCKET]).arg(self.directory());
        strace
    }

    /// A command that runs the program through another one; the caller adds the words.
    fn within(&self, other: &Command) -> Command {
        let mut command = Command::new(other.get_program());
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent");
        command.args(other.get_args()).arg(path());
        self.prepared(command)
    }

    /// A command that runs the program with keys and gateway; the caller adds the words.
    fn prepared(&self, mut command: Command) -> Command {
        command.env("AWS_ACCESS_KEY_ID", "AK").env("AWS_SECRET_ACCESS_KEY", "SK");
        command.args(["--gateway", &self.gateway.url()]);
        command
    }

    fn asked_for(&self, operation: Operation) -> usize {
        self.gateway.asked_for(operation).len()
    }
}

/// A run that has passed the checks that hold for every run.
#[derive(Debug)]
struct Synced {
    ran: Ran,
    report: Value,
    keys: BTreeMap<String, Value>,
}

impl Synced {
    #[track_caller]
    fn of(ran: Ran) -> Self {
        let report = ran.json()["report"].clone();
        let mut keys = BTreeMap::new();
        for key in report["keys"].as_array().into_iter().flatten() {
            let there = keys.insert(key["key"].as_str().unwrap().to_owned(), key.clone());
            assert!(there.is_none(), "a key is named once: {ran:#?}");
        }
        // After an error the report has only the keys so far.
        if !report["counts"].is_null() {
            let count = |name: &str| report["counts"][name].as_u64().unwrap();
            let ends = ["stored", "unchanged", "vanished", "unverifiable", "refused", "failed"];
            assert_eq!(count("listed"), ends.iter().map(|name| count(name)).sum::<u64>(), "{ran:#?}");
            for name in ends {
                let named = keys.values().filter(|key| key["outcome"] == name).count();
                assert_eq!(count(name), named as u64, "{name} are named: {ran:#?}");
            }
            let lost = count("refused") + count("failed") > 0;
            assert!(!lost || ran.code == Some(3), "what is lost is in the exit code: {ran:#?}");
        }
        Self { ran, report, keys }
    }

    #[track_caller]
    fn code(self, code: i32) -> Self {
        assert_eq!(self.ran.code, Some(code), "{self:#?}");
        self
    }

    /// The outcome of a key.
    #[track_caller]
    fn outcome(&self, key: &str) -> &str {
        self.keys
            .get(key)
            .and_then(|key| key["outcome"].as_str())
            .unwrap_or_else(|| panic!("{key}: {self:#?}"))
    }

    fn count(&self, name: &str) -> u64 {
        self.report["counts"][name].as_u64().unwrap()
    }
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// The name, beside its target, of what has come of a big object so far: see `docs/format.md`.
fn partial_name(key: &str, etag: &str) -> String {
    let digest: String = Sha256::digest(key)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("%part.{digest}.{etag}")
}

/// Every regular file below a directory, by path.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut left = vec![directory.to_owned()];
    while let Some(here) = left.pop() {
        for entry in fs::read_dir(here).unwrap().map(|entry| entry.unwrap()) {
            if entry.file_type().unwrap().is_dir() {
                left.push(entry.path());
            } else {
                let name = entry.path().strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
                all.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }
    all
}

/// The contents of all files below a directory, sorted.
fn bodies(directory: &Path) -> Vec<Vec<u8>> {
    let mut bodies: Vec<_> = files(directory).into_values().collect();
    bodies.sort();
    bodies
}
