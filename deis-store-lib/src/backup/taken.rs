//! The context in which the parts of a backup are taken, and the result of each.

use crate::cluster::Cluster;
use crate::run::{Run, Running};
use crate::snapshot::{NotIncluded, PartEntry, SnapshotWriter};

/// From where, to where.
#[derive(Clone, Copy)]
pub(super) struct Taking<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) writer: &'a SnapshotWriter,
    pub(super) run: &'a Run,
    /// The verb, of which each part is a task.
    pub(super) verb: &'a Running<'a>,
}

/// The result of one part.
pub(super) struct Taken {
    pub(super) entry: PartEntry,
    /// Whether bytes were not what their `ETag` says.
    pub(super) damaged: bool,
    /// Whether something that others need is missing, or could not be brought back although it is there.
    pub(super) incomplete: bool,
    /// What of it is not in the snapshot, where no list says so.
    pub(super) not_included: Vec<NotIncluded>,
    /// Whether the `ETag` of an object tells of its bytes and does not confirm them.
    pub(super) doubtful: bool,
}

impl From<PartEntry> for Taken {
    fn from(entry: PartEntry) -> Self {
        Self { entry, damaged: false, incomplete: false, doubtful: false, not_included: Vec::new() }
    }
}
