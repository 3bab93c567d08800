//! The context in which the parts of a backup are taken, and the result of each.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::blocking::blocking;
use crate::cluster::Cluster;
use crate::error::Result;
use crate::part::Part;
use crate::restorable::Restorability;
use crate::run::{Run, Running};
use crate::s3::op::BucketTotals;
use crate::snapshot::{NotIncluded, PartEntry, Previous, Repository, SnapshotWriter};

/// From where, to where.
#[derive(Clone, Copy)]
pub(super) struct Taking<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) repository: &'a Repository,
    pub(super) writer: &'a SnapshotWriter,
    pub(super) run: &'a Run,
    /// The verb, of which each part is a task.
    pub(super) verb: &'a Running<'a>,
    /// What the gateway says of how much is in each bucket.
    pub(super) totals: &'a BTreeMap<Part, BucketTotals>,
    /// A part that has lost more since the newest good snapshot is an alarm.
    pub(super) max_loss_percent: u8,
}

/// The result of one part.
pub(super) struct Taken {
    pub(super) entry: PartEntry,
    /// Whether bytes were not what their `ETag` says, or the bucket itself is damaged.
    pub(super) damaged: bool,
    /// Whether something that others need is missing, or could not be brought back although it is there.
    pub(super) incomplete: bool,
    /// What of it is not in the snapshot, where no list says so.
    pub(super) not_included: Vec<NotIncluded>,
    /// Whether the `ETag` of an object tells of its bytes and does not confirm them.
    pub(super) doubtful: bool,
    /// The bytes of the objects that are listed and could not be copied.
    pub(super) not_copied_bytes: u64,
    /// The bytes of the objects that were not there before.
    pub(super) fetched_bytes: u64,
    /// The newest snapshot with which it shares what has not changed.
    pub(super) previous: Option<String>,
    /// To which point it can be brought back, of a bucket that holds databases or images.
    pub(super) restorability: Option<Restorability>,
}

impl Taking<'_> {
    /// The earlier snapshots that have a part.
    pub(super) async fn previous(&self, part: &Part) -> Result<Arc<Previous>> {
        let (repository, part) = (self.repository.clone(), part.clone());
        let domain = self.cluster.discovery.as_ref().and_then(|found| found.domain.clone());
        blocking(move || Previous::of(&repository, &part, domain.as_deref())).await.map(Arc::new)
    }
}

impl From<PartEntry> for Taken {
    fn from(entry: PartEntry) -> Self {
        let (damaged, incomplete, doubtful) = (false, false, false);
        let (not_included, previous) = (Vec::new(), None);
        Self {
            entry,
            damaged,
            incomplete,
            not_included,
            doubtful,
            not_copied_bytes: 0,
            fetched_bytes: 0,
            previous,
            restorability: None,
        }
    }
}
