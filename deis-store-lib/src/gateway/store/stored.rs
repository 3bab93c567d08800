//! An object of a snapshot, and which file it is.

use std::fs::File;
use std::sync::Arc;

use jiff::Timestamp;

use super::failures::Failures;
use crate::error::Result;
use crate::part::Part;
use crate::snapshot::{ListLine, SnapshotReader};

/// One bucket of a snapshot.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) snapshot: SnapshotReader,
    pub(super) part: Part,
    pub(super) failures: Arc<Failures>,
}

/// An object of a snapshot: as little of its line as finds the file.
#[derive(Debug)]
pub(in crate::gateway) struct Stored {
    pub(super) source: Arc<Source>,
    pub(super) key: Box<str>,
    pub(super) size_bytes: u64,
    /// The path, where it is not the one that the key alone gives.
    pub(super) other_path: Option<Box<str>>,
}

impl Stored {
    pub(super) fn part(&self) -> &str {
        self.source.part.name()
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    pub(super) fn other_path(&self) -> Option<&str> {
        self.other_path.as_deref()
    }

    /// Its file, and what messages call it.
    pub(super) fn open(&self) -> Result<(File, String)> {
        let Source { snapshot, part, .. } = &*self.source;
        let mut line = ListLine::new(&*self.key, self.size_bytes, "", Timestamp::UNIX_EPOCH);
        line.other_path = self.other_path.as_deref().map(str::to_owned);
        let file = snapshot.open_object(part, &line)?;
        Ok((file, format!("{}/{part}/{}", snapshot.path().display(), self.key)))
    }

    pub(super) fn failures(&self) -> Arc<Failures> {
        self.source.failures.clone()
    }
}
