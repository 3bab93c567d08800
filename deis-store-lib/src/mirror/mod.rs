//! Bucket ⇄ directory: every listed key is stored faithfully, or named with what became of it.
//!
//! Knows the S3 client and the writer of files, and nothing of snapshots: whoever mirrors says what to do with each
//! outcome.

#[cfg(feature = "backup")]
mod below;
#[cfg(feature = "backup")]
mod content_type;
mod globs;
#[cfg(feature = "backup")]
mod in_order;
#[cfg(feature = "backup")]
mod leftovers;
#[cfg(feature = "backup")]
mod local;
#[cfg(feature = "backup")]
mod names;
mod outcome;
#[cfg(feature = "backup")]
mod packed;
#[cfg(feature = "backup")]
mod plan;
#[cfg(feature = "backup")]
mod pull;
#[cfg(feature = "backup")]
mod push;
#[cfg(feature = "backup")]
mod resume;
#[cfg(feature = "backup")]
mod sync;

pub use crate::s3::Checked;
#[cfg(feature = "backup")]
pub use below::{Below, Existing, Taken, below, take};
#[cfg(feature = "backup")]
pub use content_type::ContentTypes;
pub use globs::Globs;
#[cfg(feature = "backup")]
pub use local::{Local, LocalPath, Walk, walk};
pub use outcome::{Counts, Outcome};
#[cfg(feature = "backup")]
pub use plan::{Keyed, MaxDelete, Pair, SyncOptions, UnchangedBy, merge};
#[cfg(feature = "backup")]
pub use pull::{Pulled, Selection, Stored, fetch, pull};
#[cfg(feature = "backup")]
pub use push::{Pushed, ToPush, push, upload};
#[cfg(feature = "backup")]
pub use sync::{
    BucketTree, Did, Elsewhere, Extra, SyncReport, Synced, sync_between_buckets, sync_between_clusters,
    sync_to_bucket, sync_to_directory,
};

#[cfg(feature = "backup")]
pub(crate) use pull::blocking;
