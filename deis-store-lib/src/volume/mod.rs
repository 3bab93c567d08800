//! The store volume, or any other directory: saved as a `.tar.gz`, loaded from one, and what is in one.
//!
//! A directory is on this machine, where this program itself reads and writes it, or on a host, where GNU tar does. In both
//! cases every byte goes through one reader of archives, which knows each entry and its digest. No byte of an archive that
//! is loaded reaches a disk or a host's tar before that reader has passed it, and a host's tar is given a fresh archive.

mod archive_file;
mod directory;
#[cfg(feature = "test-util")]
mod fuzz;
mod here;
mod host;
mod index;
mod listing;
mod loading;
mod members;
mod options;
mod ratio;
mod report;
mod saved;
mod saving;
mod verb;

pub use directory::Directory;
#[cfg(feature = "test-util")]
pub use fuzz::fuzz;
pub use index::IndexedKind;
pub use listing::{list, list_file};
pub use loading::{load, load_file};
pub use options::{Compress, ListOptions, LoadOptions, SaveOptions};
pub use report::{ListReport, ListedEntry, LoadReport, SaveReport};
pub use verb::{save, save_file};

pub(crate) use host::{STORE, empty, is_empty, not_ceph, require_volume};
pub(crate) use index::IndexLine;
pub(crate) use saving::{Taker, save_to};
