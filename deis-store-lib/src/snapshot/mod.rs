//! What a backup is on disk: a repository of snapshots, each with a manifest, object lists and plain files.
//!
//! The format is written out in `docs/format.md`. Manifest and lists are untrusted input: every path is derived anew
//! from its key. This module must not know S3 or a cluster.

#[cfg(feature = "backup")]
mod finished;
mod line;
#[cfg(feature = "backup")]
mod list;
mod manifest;
#[cfg(feature = "backup")]
mod merge;
#[cfg(feature = "backup")]
mod name;
mod part;
#[cfg(feature = "backup")]
mod repository;
#[cfg(all(test, feature = "backup"))]
pub(crate) mod sample;
#[cfg(feature = "backup")]
mod unfinished;

pub use crate::mirror::{Checked, Counts, Outcome};
pub use line::ListLine;
pub use manifest::{FORMAT, FileDigest, Manifest, NotIncluded, PartEntry, PartOutcome, Source};
pub use part::Part;
#[cfg(feature = "backup")]
pub use {
    finished::Snapshot,
    list::{ListReader, ListWriter, SealedList},
    merge::Lines,
    name::SnapshotName,
    repository::{Repository, SnapshotEntry, SnapshotState},
    unfinished::Unfinished,
};

#[cfg(feature = "backup")]
pub(crate) use name::{LISTS, MANIFEST, MANIFEST_DIGEST, VERIFIED};
