//! The report of an adoption.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::outcome::{Counts, PartOutcome};
use crate::part::Part;
use crate::report::{Findings, Verdict};
use crate::snapshot::NotIncluded;

/// The result of an adoption.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct AdoptReport {
    /// The snapshot's directory.
    pub snapshot: String,
    /// Whether all that the directory has is in it, and as it should be.
    pub verdict: Verdict,
    /// Whether it was compared with a gateway's objects.
    pub compared: bool,
    /// The result of each part.
    pub parts: BTreeMap<Part, AdoptedPart>,
    /// What is missing, damaged or worth a look, by name; and what of the directory was not adopted.
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
pub struct AdoptedPart {
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
