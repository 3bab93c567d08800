//! A snapshot as a store: read-only, or with writes that are kept above it.

use std::path::Path;
use std::sync::Arc;

use super::failures::Failures;
use super::index::Store;
use super::kept::{Kept, Opened};
use super::snapshot::{HeldBackParts, Sources};
use crate::disk::Root;
use crate::error::Result;
use crate::snapshot::SnapshotReader;

impl Store {
    /// The buckets of a snapshot, read-only. It reads all object lists: in async code, use it in a blocking task.
    pub fn of_snapshot(snapshot: &SnapshotReader) -> Result<Self> {
        Self::of_snapshot_without(snapshot, &HeldBackParts::new())
    }

    /// The same without references that need what is lost.
    pub(crate) fn of_snapshot_without(snapshot: &SnapshotReader, held: &HeldBackParts) -> Result<Self> {
        let failures = Arc::new(Failures::default());
        let buckets = Sources::new(snapshot, &failures).buckets(held)?;
        Ok(Self::of_buckets(buckets, failures))
    }

    /// The buckets of a snapshot, and above it all that was written and kept in this directory; what is written from now on is
    /// kept there, too. The directory is made if it is not there. It belongs to this snapshot, and to one store at a time.
    ///
    /// It reads all object lists and the journal: in async code, use it in a blocking task.
    pub(crate) fn with_writes(
        snapshot: &SnapshotReader,
        held: &HeldBackParts,
        directory: &Path,
        holder: &str,
    ) -> Result<Self> {
        let failures = Arc::new(Failures::default());
        let opened = Kept::open(snapshot, (directory, holder), held, &failures)?;
        let Opened { kept, journal, buckets, uploads } = opened;
        Ok(Self {
            kept: Some(kept),
            journal: Some(journal).into(),
            writable: true,
            uploads: uploads.into(),
            ..Self::of_buckets(buckets, failures)
        })
    }

    /// The directory in which writes are kept.
    pub(crate) fn directory_of_writes(&self) -> Option<&Root> {
        self.kept.as_ref().map(Kept::root)
    }
}
