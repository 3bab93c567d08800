//! Buckets and objects: an index in memory over contents that are elsewhere or small.
//!
//! It must not know HTTP; who may do what was decided before.

mod bucket;
mod content;
mod direct;
mod index;
mod limits;
mod object;
mod page;
mod receive;
mod snapshot;
mod spool;

pub(super) use bucket::{Bucket, Part, Upload};
pub(super) use content::Content;
pub use index::Store;
pub use limits::Limits;
pub(super) use object::Object;
pub(super) use page::Page;
