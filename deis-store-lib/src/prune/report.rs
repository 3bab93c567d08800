//! The report of a prune.

use serde::Serialize;

use crate::snapshot::{Condition, Reason, Repository, Surveyed};

/// The result of a prune.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PruneReport {
    /// The repository's directory.
    pub repository: String,
    /// Whether it was only said what would be removed.
    pub dry_run: bool,
    /// Its snapshots, oldest first.
    pub snapshots: Vec<PrunedSnapshot>,
    /// Those of them that were found to lack files now: none was removed for their sake.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub found_damaged: Vec<String>,
}

/// The fate of a snapshot, and the reasons.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PrunedSnapshot {
    /// The name of its directory.
    pub snapshot: String,
    /// Whether it could be relied on.
    pub state: Condition,
    /// Its fate.
    pub fate: Fate,
    /// Why, all reasons.
    pub why: Vec<Reason>,
}

/// The fate of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fate {
    /// It is as it was.
    Stays,
    /// It is removed.
    Removed,
    /// It would be removed, had that not been only asked.
    WouldBeRemoved,
    /// It would be removed, and somebody reads it. It is as it was.
    InUse,
}

impl PruneReport {
    pub(super) fn new(repository: &Repository, dry_run: bool) -> Self {
        Self {
            repository: repository.path().display().to_string(),
            dry_run,
            snapshots: Vec::new(),
            found_damaged: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, snapshot: &Surveyed, fate: Fate, why: Vec<Reason>) {
        let (name, state) = (snapshot.directory(), snapshot.condition);
        self.snapshots.push(PrunedSnapshot { snapshot: name, state, fate, why });
    }

    /// Forgets what was said of those that are still there.
    pub(super) fn keep_removed(&mut self) {
        self.snapshots.retain(|snapshot| snapshot.fate == Fate::Removed);
    }

    pub(super) fn sort(&mut self) {
        self.snapshots.sort_by(|one, other| one.snapshot.cmp(&other.snapshot));
    }
}
