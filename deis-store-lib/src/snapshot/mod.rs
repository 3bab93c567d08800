//! A backup on disk: a repository of snapshots, each with a manifest, object lists and plain files.
//!
//! The format is written out in `docs/format.md`. Manifest and lists are untrusted input: every path is derived anew
//! from its key. This module must not know S3 or a cluster.

#[cfg(feature = "backup")]
mod aside;
mod checked;
#[cfg(feature = "backup")]
mod deletion;
mod edition;
#[cfg(feature = "backup")]
mod free_name;
#[cfg(feature = "backup")]
mod held;
#[cfg(feature = "backup")]
mod journal;
#[cfg(feature = "backup")]
mod json;
mod list_line;
#[cfg(feature = "backup")]
mod list_reader;
#[cfg(all(test, feature = "backup"))]
mod list_tests;
#[cfg(feature = "backup")]
mod list_writer;
#[cfg(feature = "backup")]
mod listed;
mod manifest;
#[cfg(feature = "backup")]
mod merged_list_reader;
#[cfg(feature = "backup")]
mod name;
#[cfg(feature = "backup")]
mod open;
mod part_entry;
#[cfg(feature = "backup")]
mod part_objects;
mod parts;
#[cfg(feature = "backup")]
mod presence;
#[cfg(feature = "backup")]
mod previous;
#[cfg(feature = "backup")]
mod reader;
#[cfg(feature = "backup")]
mod rehearsed;
#[cfg(feature = "backup")]
mod repository;
#[cfg(feature = "backup")]
mod retention;
#[cfg(all(test, feature = "backup"))]
mod retention_tests;
#[cfg(all(test, feature = "backup"))]
pub(crate) mod sample;
#[cfg(feature = "backup")]
mod survey;
#[cfg(feature = "backup")]
mod sweep;
#[cfg(all(test, feature = "backup"))]
mod tests;
mod time;
#[cfg(feature = "backup")]
mod unfinished;
#[cfg(feature = "backup")]
mod verified;
#[cfg(feature = "backup")]
mod verified_lines;
#[cfg(feature = "backup")]
mod writer;

pub use list_line::ListLine;
pub use manifest::{Adopted, FileDigest, Manifest, NotIncluded, Source};
pub use part_entry::{PartEntry, Shrunk};
#[cfg(feature = "backup")]
pub use {
    held::Held,
    name::SnapshotName,
    name::index_of_archive,
    reader::SnapshotReader,
    rehearsed::Rehearsed,
    repository::{Repository, SnapshotEntry, SnapshotState},
    retention::{Keep, Reason},
    survey::Condition,
    verified_lines::Verification,
};

#[cfg(feature = "gateway")]
pub(crate) use repository::repository_of_snapshot;
#[cfg(feature = "backup")]
pub(crate) use {
    deletion::Deleted,
    journal::{JournalLines, JournalWriter},
    listed::Listed,
    merged_list_reader::MergedListReader,
    name::{HELD, LISTS, MANIFEST, MANIFEST_DIGEST, REHEARSED, VERIFIED, VOLUME_INDEX, is_path},
    part_objects::PartObjects,
    previous::Previous,
    repository::refuse_ours,
    retention::{Judgement, is_ahead, judge, rested_on},
    survey::Surveyed,
    time::timestamp,
    verified::DamageFound,
    writer::SnapshotWriter,
};
#[cfg(all(test, feature = "backup"))]
pub(crate) use {
    list_writer::{ListWriter, SealedList},
    verified::Damaged,
};
