//! To which point what a bucket holds can be brought back: databases by their base backups and their log, images by their
//! tags. Pure: callers show it names and small objects, and what was read of large ones.

#[cfg(test)]
mod fuzz;
mod held_back;
mod judge;
mod judged;
mod ranges;
mod registry;
mod report;
mod wal_e;

pub(crate) use held_back::{HeldBack, Lack};
pub(crate) use judge::{Judge, LARGEST_REFERENCE_BYTES};
pub(crate) use judged::{Judged, Seen};
pub(crate) use report::Harm;
pub use report::{BaseBackup, Database, Gap, Images, Restorability};
