//! The only writer of files: beneath a directory handle, under a temporary name until whole.
//!
//! It must not know S3 or a cluster.

mod anonymous_file;
mod append_file;
mod create;
mod descend;
mod descent;
mod entries;
mod foreign_file;
mod group_commit;
mod hard_link;
mod link;
mod lock;
mod lookup;
mod metadata;
mod new_file;
mod partial_name;
mod probe;
mod read_chunks;
mod remove;
mod room;
mod root;
mod sealed_line;
mod tap;
mod writer;

pub(crate) use append_file::AppendFile;
pub(crate) use entries::Entry;
pub(crate) use foreign_file::ForeignFile;
pub(crate) use link::{Finder, KnownFile, Linker};
pub(crate) use lock::Lock;
pub(crate) use metadata::{Identity, Kind, Metadata};
pub(crate) use new_file::{Committed, NewFile};
pub(crate) use partial_name::partial_name;
pub(crate) use probe::probe;
pub(crate) use room::Room;
pub(crate) use root::Root;
pub(crate) use sealed_line::{SEAL_BYTES, sealed, unsealed};
pub(crate) use tap::Tap;
pub(crate) use writer::{Writing, Written};

pub(crate) use anonymous_file::anonymous_file;
pub(crate) use descent::{Descent, below};
pub(crate) use group_commit::GroupCommit;
pub(crate) use partial_name::{PARTIAL, is_partial_name, is_resumable};
pub(crate) use probe::PROBE_NAME;
pub(crate) use read_chunks::{CHUNK_BYTES, read_chunks, sha256_of};
pub(crate) use writer::write;
