//! What a backup reports.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::outcome::{Counts, PartOutcome};
use crate::part::Part;
use crate::report::{Findings, Verdict};
use crate::snapshot::NotIncluded;

/// What a backup has done.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct BackupReport {
    /// The snapshot's directory.
    pub snapshot: String,
    /// Whether all that was asked for is in it and as it was.
    pub verdict: Verdict,
    /// What became of each part.
    pub parts: BTreeMap<Part, PartReport>,
    /// What is missing, damaged or worth a look, by name.
    #[serde(flatten)]
    pub findings: Findings,
    /// What a reader might expect and will not find in it.
    pub not_included: Vec<NotIncluded>,
    /// How long it took.
    pub milliseconds: u64,
}

/// What became of a part.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct PartReport {
    /// The part as a whole.
    pub outcome: PartOutcome,
    /// Why it is not stored.
    pub why: Option<String>,
    /// What became of its objects.
    pub counts: Counts,
    /// Bytes on disk.
    pub bytes: u64,
    /// How long it took.
    pub milliseconds: u64,
}
