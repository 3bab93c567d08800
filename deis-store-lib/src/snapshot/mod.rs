//! What a backup is on disk: a repository of snapshots, each with a manifest, object lists and plain files.
//!
//! The format is written out in `docs/format.md`. Manifest and lists are untrusted input: every path is derived anew
//! from its key. This module must not know S3 or a cluster.

mod checked;
mod list_line;
mod manifest;
#[cfg(feature = "backup")]
mod merge;
#[cfg(feature = "backup")]
mod name;
#[cfg(feature = "backup")]
mod object_list;
#[cfg(feature = "backup")]
mod reader;
#[cfg(feature = "backup")]
mod repository;
#[cfg(all(test, feature = "backup"))]
pub(crate) mod sample;
mod time;
#[cfg(feature = "backup")]
mod writer;

pub use list_line::ListLine;
pub use manifest::{FORMAT, FileDigest, Manifest, NotIncluded, PartEntry, PartOutcome, Source};
#[cfg(feature = "backup")]
pub use {
    merge::Lines,
    name::SnapshotName,
    object_list::{ListReader, ListWriter, SealedList},
    reader::Snapshot,
    repository::{Repository, SnapshotEntry, SnapshotState},
    writer::SnapshotWriter,
};

#[cfg(feature = "backup")]
pub(crate) use {
    name::{LISTS, MANIFEST, MANIFEST_DIGEST, VERIFIED},
    time::timestamp,
};
