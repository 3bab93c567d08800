//! The report of a comparison. Names are bounded, numbers are not. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::change::Change;
use super::names::Names;
use super::wal::WalDiff;
use crate::outcome::PartOutcome;
use crate::part::Part;
use crate::snapshot::{PartEntry, SnapshotReader};

/// The result of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DiffReport {
    /// The first snapshot.
    pub before: SnapshotSide,
    /// The second snapshot.
    pub after: SnapshotSide,
    /// Whether every part that one of them has is in the other one, too, and no part differs; false if they have none.
    pub same: bool,
    /// What differs, part by part.
    pub parts: BTreeMap<Part, PartDiff>,
    /// How long it took.
    pub milliseconds: u64,
}

impl DiffReport {
    pub(super) fn new(
        [before, after]: [SnapshotSide; 2],
        parts: BTreeMap<Part, PartDiff>,
        milliseconds: u64,
    ) -> Self {
        let mut somewhere =
            parts.values().filter(|part| part.before.is_there() || part.after.is_there()).peekable();
        let same = somewhere.peek().is_some() && somewhere.all(|part| part.same == Some(true));
        Self { before, after, same, parts, milliseconds }
    }
}

/// One of the two snapshots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SnapshotSide {
    /// Its directory.
    pub snapshot: String,
    /// Whether everything that its run was asked for is in it.
    pub complete: bool,
}

impl SnapshotSide {
    pub(super) fn of(snapshot: &SnapshotReader) -> Self {
        Self { snapshot: snapshot.path().display().to_string(), complete: snapshot.manifest().complete }
    }
}

/// A part in both snapshots, and what differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PartDiff {
    /// The part in the first snapshot.
    pub before: PartSide,
    /// The part in the second snapshot.
    pub after: PartSide,
    /// Whether nothing of it differs. Nothing if only one of them has it or neither, so that there was nothing to compare.
    pub same: Option<bool>,
    /// Of a bucket that both have: the objects that differ.
    #[serde(flatten)]
    pub objects: Option<ObjectsDiff>,
    /// Of the configuration that both have: the keys that differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<SettingsDiff>,
    /// Of a bucket with a database's log: how far it reaches in each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wal: Option<WalDiff>,
}

impl PartDiff {
    /// Nothing is compared yet.
    pub(super) fn new(before: PartSide, after: PartSide) -> Self {
        Self { before, after, same: None, objects: None, settings: None, wal: None }
    }

    pub(super) fn compared(&mut self, same: bool) {
        self.same = Some(same);
    }
}

/// A part in one of the two snapshots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PartSide {
    /// Whether the snapshot has it.
    pub outcome: PartOutcome,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The bucket that it was taken from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// Objects, or keys of the configuration, or 1 for a file.
    pub objects: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Objects or keys that were listed, and are not in it.
    pub lost: u64,
}

impl PartSide {
    pub(super) fn of(entry: &PartEntry, objects: u64, bytes: u64) -> Self {
        let (why, bucket, lost) = (entry.why.clone(), entry.bucket.clone(), entry.counts.lost());
        Self { outcome: entry.outcome, why, bucket, objects, bytes, lost }
    }

    fn is_there(&self) -> bool {
        self.outcome == PartOutcome::Stored
    }
}

/// The objects of a bucket that differ, by the sort of the difference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ObjectsDiff {
    /// Only the second snapshot has them.
    pub added: DifferentKeys,
    /// Only the first snapshot has them.
    pub removed: DifferentKeys,
    /// They have another size, `ETag` or SHA-256.
    pub changed: DifferentKeys,
    /// Their bytes are the same, and their time, type, headers or metadata is another.
    pub metadata: DifferentKeys,
    /// The second snapshot has them. The first one listed them, and has no file of them.
    pub not_in_before: DifferentKeys,
    /// The first snapshot has them. The second one listed them, and has no file of them.
    pub not_in_after: DifferentKeys,
    /// Sentinels and tags that only the second snapshot has.
    pub references_added: Names,
    /// Sentinels and tags that only the first snapshot has.
    pub references_removed: Names,
    /// Sentinels and tags that say something else.
    pub references_changed: Names,
}

impl ObjectsDiff {
    /// The keys of a sort.
    pub(super) fn of(&mut self, change: Change) -> &mut DifferentKeys {
        match change {
            Change::Added => &mut self.added,
            Change::Removed => &mut self.removed,
            Change::Changed => &mut self.changed,
            Change::Metadata => &mut self.metadata,
            Change::NotInBefore => &mut self.not_in_before,
            Change::NotInAfter => &mut self.not_in_after,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        let Self { added, removed, changed, metadata, not_in_before, not_in_after, .. } = self;
        [added, removed, changed, metadata, not_in_before, not_in_after]
            .iter()
            .all(|keys| keys.names.count == 0)
    }
}

/// Keys of one sort of difference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DifferentKeys {
    /// How many, and the first of them.
    #[serde(flatten)]
    pub names: Names,
    /// Their bytes in the first snapshot.
    pub bytes_before: u64,
    /// Their bytes in the second snapshot.
    pub bytes_after: u64,
}

impl DifferentKeys {
    pub(super) fn add(&mut self, key: &str, bytes_before: u64, bytes_after: u64) {
        self.names.add(key);
        self.bytes_before = self.bytes_before.saturating_add(bytes_before);
        self.bytes_after = self.bytes_after.saturating_add(bytes_after);
    }
}

/// The keys of the configuration that differ. Values are told nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SettingsDiff {
    /// Only the second snapshot has them.
    pub added: Names,
    /// Only the first snapshot has them.
    pub removed: Names,
    /// They have another value.
    pub changed: Names,
    /// The second snapshot has them. The first one could not take them: its manifest names them in `not_included`.
    pub not_in_before: Names,
    /// The first snapshot has them. The second one could not take them.
    pub not_in_after: Names,
}

impl SettingsDiff {
    pub(super) fn is_empty(&self) -> bool {
        let Self { added, removed, changed, not_in_before, not_in_after } = self;
        [added, removed, changed, not_in_before, not_in_after].iter().all(|names| names.count == 0)
    }
}
