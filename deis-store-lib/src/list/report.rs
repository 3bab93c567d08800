//! The report of a list.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::outcome::PartOutcome;
use crate::part::Part;
use crate::report::{Findings, Verdict};
use crate::snapshot::{Condition, Held, PartEntry, Repository, Shrunk, Surveyed, Verification};

/// The snapshots of a repository.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ListReport {
    /// The repository's directory.
    pub repository: String,
    /// Its snapshots, oldest first.
    pub snapshots: Vec<ListedSnapshot>,
    /// Damaged if a part has no good snapshot that is new enough, and that was asked; else good.
    pub verdict: Verdict,
    /// The parts without a good snapshot that is new enough, and snapshots from the future, by name.
    #[serde(flatten)]
    pub findings: Findings,
}

/// A snapshot of a repository.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ListedSnapshot {
    /// The name of its directory.
    pub snapshot: String,
    /// Whether it can be relied on.
    pub state: Condition,
    /// Why it is not good, if it is not.
    pub why: Option<String>,
    /// Its parts; none if its manifest cannot be read.
    pub parts: BTreeMap<Part, ListedPart>,
    /// How it is held, if it is.
    pub held: Option<Held>,
    /// Its last verification, if there was one.
    pub verified: Option<Verification>,
}

/// A part of a snapshot.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ListedPart {
    /// The part as a whole.
    pub outcome: PartOutcome,
    /// Why it is not stored.
    pub why: Option<String>,
    /// The number of its objects that are in the snapshot.
    pub objects: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// What there was before, if much was gone when it was taken.
    pub shrunk: Option<Shrunk>,
}

impl ListReport {
    pub(super) fn new(repository: &Repository, snapshots: Vec<Surveyed>, findings: Findings) -> Self {
        Self {
            repository: repository.path().display().to_string(),
            snapshots: snapshots.into_iter().map(ListedSnapshot::from).collect(),
            verdict: findings.verdict(),
            findings,
        }
    }
}

impl From<Surveyed> for ListedSnapshot {
    fn from(found: Surveyed) -> Self {
        Self {
            snapshot: found.directory(),
            state: found.condition,
            why: found.why,
            parts: found.parts.into_iter().map(|(part, entry)| (part, entry.into())).collect(),
            held: found.held,
            verified: found.verified,
        }
    }
}

impl From<PartEntry> for ListedPart {
    fn from(entry: PartEntry) -> Self {
        let counts = entry.counts;
        let objects = [counts.stored, counts.unchanged, counts.unverifiable];
        Self {
            outcome: entry.outcome,
            why: entry.why,
            objects: objects.into_iter().fold(0, u64::saturating_add),
            bytes: entry.bytes,
            shrunk: entry.shrunk,
        }
    }
}
