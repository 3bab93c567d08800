//! The only writer of files: beneath a directory handle, under a temporary name until whole.
//!
//! It must not know S3 or a cluster. Which key is which path is pure and needs no feature.

#[cfg(feature = "backup")]
mod anonymous_file;
#[cfg(feature = "backup")]
mod create;
#[cfg(feature = "backup")]
mod group_commit;
mod key_path;
#[cfg(feature = "backup")]
mod link;
#[cfg(feature = "backup")]
mod lock;
#[cfg(feature = "backup")]
mod metadata;
#[cfg(feature = "backup")]
mod new_file;
#[cfg(feature = "backup")]
mod probe;
#[cfg(feature = "backup")]
mod read_chunks;
#[cfg(feature = "backup")]
mod remove;
#[cfg(feature = "backup")]
mod root;
#[cfg(feature = "backup")]
mod writer;

pub use key_path::{decode, encode, is_resumable, partial_name};
#[cfg(feature = "backup")]
pub use {
    group_commit::GroupCommit,
    lock::Lock,
    metadata::Metadata,
    new_file::{Committed, NewFile},
    probe::probe,
    root::{Entry, Kind, Root},
    writer::{Tap, Writing, Written, write},
};

#[cfg(feature = "backup")]
pub(crate) use anonymous_file::anonymous_file;
#[cfg(feature = "backup")]
pub(crate) use key_path::{PARTIAL, is_partial_name};
#[cfg(feature = "backup")]
pub(crate) use probe::PROBE_NAME;
#[cfg(feature = "backup")]
pub(crate) use read_chunks::read_chunks;
