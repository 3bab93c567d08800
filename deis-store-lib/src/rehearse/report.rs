//! The reports of rehearsals.

use serde::Serialize;

use super::database::DatabaseProof;
use crate::report::{Findings, Verdict};
use crate::snapshot::SnapshotReader;

/// The result of a rehearsal.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct RehearseReport {
    /// Whether what came back is what was there.
    pub verdict: Verdict,
    /// The steps that were gone.
    pub steps: Vec<Step>,
    /// The objects that differ, by name.
    #[serde(flatten)]
    pub findings: Findings,
    /// How long it took.
    pub milliseconds: u64,
}

impl RehearseReport {
    pub(super) fn absorb(&mut self, verdict: Verdict, findings: &Findings) {
        self.verdict = self.verdict.max(verdict);
        for finding in findings.list() {
            // An object that is in doubt is so for each verb.
            if !self.findings.list().contains(finding) {
                self.findings.push(finding.clone());
            }
        }
    }
}

/// The result of a rehearsal of a snapshot.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct SnapshotRehearsed {
    /// Whether what came back is what is in the snapshot, as far as it was proved.
    pub verdict: Verdict,
    /// The snapshot.
    pub snapshot: String,
    /// The steps that were gone.
    pub steps: Vec<Step>,
    /// What differs, by name.
    #[serde(flatten)]
    pub findings: Findings,
    /// What was proved, and what was not and why.
    pub proofs: Vec<Proof>,
    /// The databases.
    pub databases: Vec<DatabaseProof>,
    /// How long it took to restore all that was restored, the databases included.
    pub restore_milliseconds: u64,
    /// How long all of it took.
    pub milliseconds: u64,
}

/// Something that a rehearsal proves, or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Proof {
    /// The part, or `database` with its bucket.
    pub what: String,
    /// Whether it was proved.
    pub given: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl SnapshotRehearsed {
    pub(super) fn of(snapshot: &SnapshotReader) -> Self {
        Self {
            verdict: Verdict::Good,
            snapshot: snapshot.path().display().to_string(),
            steps: Vec::new(),
            findings: Findings::default(),
            proofs: Vec::new(),
            databases: Vec::new(),
            restore_milliseconds: 0,
            milliseconds: 0,
        }
    }

    pub(super) fn given(&mut self, what: impl Into<String>) {
        self.proofs.push(Proof { what: what.into(), given: true, why: None });
    }

    pub(super) fn not_given(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.proofs.push(Proof { what: what.into(), given: false, why: Some(why.into()) });
    }
}

/// A step of a rehearsal.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// `made`, `backed up`, `verified`, `restored` or `compared`; of a snapshot `served`, `restored`, `compared` or `database`.
    pub name: &'static str,
    /// Objects or files.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How long it took.
    pub milliseconds: u64,
}
