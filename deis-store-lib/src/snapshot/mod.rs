//! What a backup is on disk: a repository of snapshots, each with a manifest, object lists and plain files.
//!
//! The format is written out in `docs/format.md`. Manifest and lists are untrusted input: every path is derived anew
//! from its key. This module must not know S3 or a cluster.

mod line;
mod manifest;
mod part;

pub use line::{Checked, ListLine, Outcome};
pub use manifest::{Counts, FORMAT, FileDigest, Manifest, NotIncluded, PartEntry, PartOutcome, Source};
pub use part::Part;
