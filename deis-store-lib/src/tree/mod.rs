//! A directory as keys, sorted as a bucket's listing is.
//!
//! It knows the writer of files, and nothing of requests.

mod merge;
mod merge_sorted;
mod partial_files;
mod sorted_names;
mod spill;
mod walk;

pub(crate) use merge::{Keyed, Pair, merge};
pub(crate) use merge_sorted::MergeSorted;
pub(crate) use partial_files::PartialFiles;
pub(crate) use spill::SpillWriter;
pub(crate) use walk::{TreeEntry, TreePath, walk, walk_ahead};
