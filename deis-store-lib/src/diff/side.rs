//! A part in one of the two snapshots: what its manifest says of it.

use super::report::PartSide;
use crate::error::{At, Error, ErrorKind, Result};
use crate::outcome::PartOutcome;
use crate::part::Part;
use crate::snapshot::{FileDigest, PartEntry, SnapshotReader};

/// A part in one of the two snapshots.
#[derive(Clone, Debug)]
pub(super) struct Side {
    pub(super) snapshot: SnapshotReader,
    /// As this snapshot has it: of an added bucket, the contents may differ.
    pub(super) part: Part,
    pub(super) entry: PartEntry,
}

impl Side {
    pub(super) fn new(snapshot: &SnapshotReader, part: &Part) -> Self {
        let own = snapshot.manifest().parts.get_key_value(part).map_or(part, |(own, _)| own);
        Self { snapshot: snapshot.clone(), part: own.clone(), entry: snapshot.entry(part) }
    }

    /// Whether the snapshot has the part.
    pub(super) fn has(&self) -> bool {
        self.entry.outcome == PartOutcome::Stored
    }

    /// The manifest's digest of the part's file, if the snapshot has the part.
    pub(super) fn file(&self) -> Result<Option<&FileDigest>> {
        if !self.has() {
            return Ok(None);
        }
        let name = self.part.file_name().unwrap_or_default();
        let digest = self.snapshot.manifest().file(name);
        digest
            .map(Some)
            .ok_or_else(|| self.damaged("the manifest has no digest of this file").at(At::File, name))
    }

    /// The part in numbers, where it is one file.
    pub(super) fn file_side(&self) -> PartSide {
        PartSide::of(&self.entry, u64::from(self.has()), self.entry.bytes)
    }

    /// Damage to this snapshot.
    pub(super) fn damaged(&self, what: impl Into<String>) -> Error {
        Error::new(ErrorKind::Damaged, what)
            .at(At::Snapshot, self.snapshot.path().display())
            .todo("compare another snapshot, and look for the cause in the disk's health")
    }

    /// The same error, which says in which snapshot it is; of a file that is not there, that this is damage.
    pub(super) fn own(&self, error: Error) -> Error {
        let is_absent = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Occupied);
        if !is_absent {
            let error = error.at(At::Snapshot, self.snapshot.path().display());
            return if error.kind() == ErrorKind::Damaged {
                error.todo("compare another snapshot, and look for the cause in the disk's health")
            } else {
                error
            };
        }
        let named = [At::List, At::File].map(|at| (at, error.place().get(at).map(str::to_owned)));
        let damaged = self.damaged("a file of the snapshot is not there").because(error);
        named.into_iter().fold(damaged, |damaged, (at, name)| match name {
            Some(name) => damaged.at(at, name),
            None => damaged,
        })
    }
}
