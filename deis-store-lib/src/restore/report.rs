//! The report of a restore.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::part::Part;
use crate::platform::DoneStep;
use crate::report::{Findings, Verdict};
use crate::snapshot::SnapshotReader;

/// The result of a restore.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct RestoreReport {
    /// The snapshot's directory.
    pub snapshot: String,
    /// Whether everything planned is now on the cluster, and was seen there.
    pub verdict: Verdict,
    /// The result of each part.
    pub parts: BTreeMap<Part, RestoredPart>,
    /// The objects that are missing, damaged or worth a look, by name.
    #[serde(flatten)]
    pub findings: Findings,
    /// The steps that have brought the platform up, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<DoneStep>,
    /// Why the platform was not brought up at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
    /// Why the platform was not brought up further.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// What is left to do by hand: commands, each for one application.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
    /// How long it took.
    pub milliseconds: u64,
}

impl RestoreReport {
    /// Nothing is done yet.
    pub(super) fn new(snapshot: &SnapshotReader) -> Self {
        Self {
            snapshot: snapshot.path().display().to_string(),
            verdict: Verdict::Good,
            parts: BTreeMap::new(),
            findings: Findings::default(),
            steps: Vec::new(),
            left_out: None,
            stopped: None,
            left: Vec::new(),
            milliseconds: 0,
        }
    }
}

/// The result of a part.
#[derive(Debug, Default, Serialize)]
#[non_exhaustive]
pub struct RestoredPart {
    /// Objects, or keys of the configuration, or 1 for the volume.
    pub restored: u64,
    /// Those that were there already, with the same bytes.
    pub unchanged: u64,
    /// Those that could not be restored.
    pub failed: u64,
    /// Those that the snapshot does not hold, since its backup could not take them.
    pub lost: u64,
    /// Sentinels and tags that need what is lost.
    pub held_back: u64,
    /// Bytes sent.
    pub bytes: u64,
    /// The base backup that WAL-E will take for `LATEST`; where several keep theirs in the bucket, each one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest: Option<String>,
    /// How long it took.
    pub milliseconds: u64,
}
