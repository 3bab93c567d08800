//! The report of a rehearsal.

use serde::Serialize;

use crate::report::{Findings, Verdict};

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

/// A step of a rehearsal.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// `made`, `backed up`, `verified`, `restored` or `compared`.
    pub name: &'static str,
    /// Objects or files.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How long it took.
    pub milliseconds: u64,
}
