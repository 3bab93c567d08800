//! The report of a sync.

use serde::Serialize;

use crate::outcome::Counts;

/// The report of a sync. Every key is told of one by one, so that memory does not grow with them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SyncReport {
    /// The outcomes of the keys of the source.
    pub counts: Counts,
    /// How many of the unverifiable ones may be damaged: their `ETag`s tell of their bytes, and do not confirm them.
    pub doubtful: u64,
    /// How many of the failed ones are proven to be damaged.
    pub damaged: u64,
    /// How many bytes were copied.
    pub bytes: u64,
    /// How many keys were deleted in the target.
    pub deleted: u64,
    /// How many keys were to be deleted and were not.
    pub not_deleted: u64,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not_deleted: Option<String>,
    /// Whether a guard has kept them.
    pub guarded: bool,
    /// Whether nothing was to be changed.
    pub dry_run: bool,
}

impl SyncReport {
    /// Whether every key of the source is in the target, with bytes that nothing speaks against, or has vanished, as few do; and nothing
    /// is there that was to be deleted.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let failures = [self.counts.refused, self.counts.failed, self.not_deleted, self.doubtful];
        failures.iter().all(|count| *count == 0) && self.counts.too_many_vanished().is_none()
    }
}
