//! The report of a backup.

use std::collections::BTreeMap;

use serde::Serialize;

use super::space::Space;
use crate::outcome::{Counts, PartOutcome};
use crate::part::Part;
use crate::report::{Findings, Verdict};
use crate::restorable::Restorability;
use crate::snapshot::{NotIncluded, Shrunk};

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
    /// The newest earlier snapshot with which unchanged objects are shared.
    pub previous: Option<String>,
    /// Whether the run went on with what an interrupted one had left.
    pub went_on: bool,
    /// The room that was there before, and how much was needed.
    pub space: Option<Space>,
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
    /// What there was before, if much of it has gone since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shrunk: Option<Shrunk>,
    /// To which point it can be brought back, of a bucket that holds databases or images: by the names of its objects, and by what
    /// small ones say. A verification reads the large ones, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restorable: Option<Restorability>,
    /// Bytes of its objects that this run has fetched: the others were there, or are shared with an earlier snapshot.
    pub fetched_bytes: u64,
    /// How long it took.
    pub milliseconds: u64,
}
