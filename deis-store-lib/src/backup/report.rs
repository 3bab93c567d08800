//! The report of a backup.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::outcome::{Counts, PartOutcome};
use crate::part::Part;
use crate::report::{Findings, Verdict};
use crate::snapshot::NotIncluded;

/// The result of a backup.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct BackupReport {
    /// The snapshot's directory.
    pub snapshot: String,
    /// Whether all that was asked for is in it and as it was.
    pub verdict: Verdict,
    /// The result of each part.
    pub parts: BTreeMap<Part, PartReport>,
    /// The objects that are missing, damaged or worth a look, by name.
    #[serde(flatten)]
    pub findings: Findings,
    /// The data that a reader might expect and will not find in it.
    pub not_included: Vec<NotIncluded>,
    /// How long it took.
    pub milliseconds: u64,
}

/// The result of a part.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct PartReport {
    /// The part as a whole.
    pub outcome: PartOutcome,
    /// Why it is not stored.
    pub why: Option<String>,
    /// The number of its objects by outcome.
    pub counts: Counts,
    /// Bytes on disk.
    pub bytes: u64,
    /// How long it took.
    pub milliseconds: u64,
}
