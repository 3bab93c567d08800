//! Buckets and objects: an index in memory over contents that are elsewhere or small.
//!
//! It must not know HTTP; who may do what was decided before.

mod above_snapshot;
mod bucket;
mod change;
mod content;
mod direct;
mod failures;
mod index;
mod kept;
mod kept_file;
mod limits;
mod object;
mod page;
mod receive;
mod snapshot;
mod spool;
mod stored;

pub(super) use bucket::{Bucket, Buckets, Part, Upload};
pub(super) use change::Change;
pub(super) use content::Content;
pub use index::Store;
pub use limits::Limits;
pub(super) use object::Object;
pub(super) use page::Page;
pub(crate) use snapshot::HeldBackParts;
