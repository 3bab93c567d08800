//! The choice of the parts to back up.

use std::collections::BTreeSet;

use crate::cluster::Cluster;
use crate::error::{At, Error, ErrorKind, Result};
use crate::part::{BucketPart, Part, PartChoice, refuse_twins};

/// The parts to back up.
#[derive(Clone, Debug, Default)]
pub struct BackupOptions {
    added: BTreeSet<Part>,
    choice: PartChoice,
    max_loss: MaxLoss,
    despite_space: bool,
}

/// A tenth.
#[derive(Clone, Copy, Debug)]
struct MaxLoss {
    percent: u8,
}

impl Default for MaxLoss {
    fn default() -> Self {
        Self { percent: 10 }
    }
}

impl BackupOptions {
    /// The parts of a Deis platform and these buckets, or what is chosen of them. It is an [`ErrorKind::Usage`] error if
    /// two buckets are the same, or the choice names what is neither.
    pub fn new(buckets: impl IntoIterator<Item = BucketPart>, choice: PartChoice) -> Result<Self> {
        let buckets: Vec<BucketPart> = buckets.into_iter().collect();
        refuse_twins(&buckets)?;
        let added = buckets.into_iter().map(Part::Bucket).collect();
        let options = Self { added, choice, ..Self::default() };
        options.choice.check(&options.known())?;
        Ok(options)
    }

    /// A part that has lost more than so many of a hundred of its objects or bytes since the newest good snapshot is an alarm:
    /// the snapshot is kept as an incomplete one, and the report's verdict is that of damage. 10 at first; 100 allows any loss.
    pub fn max_loss_percent(self, percent: u8) -> Result<Self> {
        if percent > 100 {
            return Err(Error::new(ErrorKind::Usage, "a loss is between 0 and 100 percent"));
        }
        Ok(Self { max_loss: MaxLoss { percent }, ..self })
    }

    /// Begins although the gateway says that more is in the buckets than there is room for.
    #[must_use]
    pub fn despite_space(self) -> Self {
        Self { despite_space: true, ..self }
    }

    pub(super) fn max_loss(&self) -> u8 {
        self.max_loss.percent
    }

    pub(super) fn is_despite_space(&self) -> bool {
        self.despite_space
    }

    /// Whether the parts were named one by one: one that is not to be had is then an error, and else named in the report.
    pub(super) fn is_by_name(&self) -> bool {
        self.choice.is_by_name()
    }

    /// All that can be chosen.
    fn known(&self) -> BTreeSet<Part> {
        self.added.iter().cloned().chain(Part::of_deis()).collect()
    }

    /// The parts to take. Where etcd was not asked and buckets were added, nothing says that there is a Deis platform, and
    /// these buckets alone are meant unless others are named.
    pub(super) fn parts(&self, cluster: &Cluster) -> Result<BTreeSet<Part>> {
        let known = self.known();
        let is_deis = cluster.discovery.is_some() || self.added.is_empty();
        let parts = self.choice.of(&known, if is_deis { &known } else { &self.added });
        let mut buckets = BTreeSet::new();
        for (part, bucket) in parts.iter().filter_map(|part| Some((part, cluster.bucket(part)?))) {
            if !buckets.insert(bucket) {
                return Err(Error::new(ErrorKind::Usage, "this bucket would be backed up twice")
                    .at(At::Bucket, bucket)
                    .at(At::Part, part)
                    .todo("a platform's own bucket is a part already: leave one of the two out"));
            }
        }
        Ok(parts)
    }
}
