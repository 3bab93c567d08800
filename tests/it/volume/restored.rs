//! The same archives, each in a snapshot that says that it is the one: a restore unpacks them by ssh, as root, and no host is harmed.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::expected::{Outcome, Row, rows};
use super::hostile::twice_in_a_row;
use super::sandbox::{Canary, Sandbox};
use crate::diff::sha256;
use crate::program::Ran;
use crate::reaching::site::{STORE, Site};

const ARCHIVE: &str = "store_file_backup.tar.gz";

/// Whole archives that `volume load` refuses for their length alone, and what a restore of them leaves. A restore does not ask how
/// many times as long as its compressed form an archive is: its manifest has the digest of the archive that was backed up, so it is
/// not any archive from anywhere. A platform that has logged zeros would else have a backup that cannot be restored at night.
const LONG: [(&str, &str); 1] = [("zip-bomb.tar.gz", "logs-evil=67108864")];

/// A host with an empty volume, and a snapshot of it.
struct Case {
    site: Site,
    snapshot: PathBuf,
}

impl Case {
    fn new() -> Self {
        let site = Site::start(STORE);
        let repository = site.scratch.path().join("repository");
        let backup = site.on(&["backup", repository.to_str().unwrap(), "--only", "volume", "--json"]).code(0);
        let snapshot = PathBuf::from(backup.json()["report"]["snapshot"].as_str().unwrap());
        Self { site, snapshot }
    }

    /// Puts an archive in the place of the snapshot's own, and says of it what was said of that.
    fn tamper(&self, archive: &Path) {
        let mut bytes = fs::read(archive).unwrap();
        if archive.extension().is_some_and(|extension| extension == "tar") {
            bytes = Command::new("gzip").arg("-nc").arg(archive).output().unwrap().stdout;
        }
        self.write(ARCHIVE, &bytes);
        let mut manifest: serde_json::Value =
            serde_json::from_slice(&fs::read(self.snapshot.join("manifest.json")).unwrap()).unwrap();
        for file in manifest["files"].as_array_mut().unwrap() {
            if file["path"] == ARCHIVE {
                file["size"] = json!(bytes.len());
                file["sha256"] = json!(sha256(&bytes));
            }
        }
        manifest["parts"]["volume"]["bytes"] = json!(bytes.len());
        let manifest = serde_json::to_vec_pretty(&manifest).unwrap();
        self.write("manifest.json", &manifest);
        let line = format!("{}  manifest.json\n", sha256(&manifest));
        self.write("manifest.json.sha256", line.as_bytes());
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let file = self.snapshot.join(name);
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        fs::write(file, bytes).unwrap();
    }

    fn restore(&self) -> Ran {
        self.site.on(&["restore", self.snapshot.to_str().unwrap(), "--only", "volume", "--yes"])
    }

    /// What is wrong when an archive is restored twice in a row, each time into an empty volume.
    fn faults(&self, row: &Row, sandbox: &Sandbox) -> Vec<String> {
        self.tamper(&row.path());
        twice_in_a_row(row, sandbox, || {
            let (ran, mut faults) = (self.restore(), Vec::new());
            match (ran.code, row.outcome == Outcome::Refused) {
                (Some(0), false) | (Some(4 | 5), true) => {}
                // What no program can make, such as too deep a directory.
                (Some(1), true) if row.load.contains(&1) => {}
                (code, _) => faults.push(format!("it ends with {code:?}: {}{}", ran.stdout, ran.stderr)),
            }
            if row.outcome == Outcome::Refused && !ran.stderr.contains("to do:") {
                faults.push(format!("it does not say what to do: {}", ran.stderr));
            }
            if ran.stderr.contains("panicked") {
                faults.push(ran.stderr);
            }
            faults.extend(row.faults_of_tree(sandbox.target()));
            faults
        })
    }
}

/// What must come of an archive that is restored: the same as if it is loaded, but for the long ones.
fn of_a_restore(row: Row) -> Row {
    match LONG.iter().find(|(archive, _)| *archive == row.archive) {
        Some((_, holds)) => row.where_it_loads(holds),
        None => row,
    }
}

fn no_harm_by(rows: impl Iterator<Item = Row>) {
    let _canary = Canary::new();
    let case = Case::new();
    let sandbox = Sandbox::around(&case.site.volume());
    let faults: Vec<String> = rows.map(of_a_restore).flat_map(|row| case.faults(&row, &sandbox)).collect();
    assert!(faults.is_empty(), "{} faults: {faults:#?}", faults.len());
}

/// What all of them do to a host is shown without ssh in `host.rs`; here is what a restore adds.
#[test]
fn each_ninetieth_archive_in_a_snapshot_does_no_harm_to_a_host_twice_in_a_row() {
    no_harm_by(rows().into_iter().step_by(90));
}

#[test]
#[ignore = "tests/run --all runs it: all 394 archives take minutes"]
fn each_archive_in_a_snapshot_does_no_harm_to_a_host_twice_in_a_row() {
    no_harm_by(rows().into_iter());
}
