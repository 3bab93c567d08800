//! Bucket ⇄ directory: every listed key is stored faithfully, or named with what became of it.
//!
//! Knows the S3 client and the writer of files, and nothing of snapshots: whoever mirrors says what to do with each
//! outcome.

#[cfg(feature = "backup")]
mod below;
mod globs;
#[cfg(feature = "backup")]
mod in_order;
mod outcome;
#[cfg(feature = "backup")]
mod pull;
#[cfg(feature = "backup")]
mod push;

pub use crate::s3::Checked;
#[cfg(feature = "backup")]
pub use below::{Below, Existing, Taken, below, take};
pub use globs::Globs;
pub use outcome::Outcome;
#[cfg(feature = "backup")]
pub use pull::{Pulled, Selection, Stored, fetch, pull};
#[cfg(feature = "backup")]
pub use push::{Pushed, ToPush, push, upload};

#[cfg(feature = "backup")]
pub(crate) use pull::blocking;
