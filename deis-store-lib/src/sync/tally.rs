//! The end of a sync: counting, and deleting when all else is done.

use std::path::PathBuf;

use futures_util::{Stream, TryStreamExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bucket_side::BucketSide;
use super::delete_tree::{DELETED_AT_ONCE, delete_keys, fate_of};
use super::options::SyncOptions;
use super::plan::{Against, deletion};
use super::report::SyncReport;
use crate::error::Result;
use crate::outcome::{Fate, KeyOutcome, Outcome, TargetOnly};
use crate::run::Running;
use crate::tree::SpillWriter;

/// The outcome of one pair.
pub(super) enum Done<X> {
    /// The source has the key.
    Source {
        key: String,
        outcome: Outcome,
        /// Whether it is proven to be damaged.
        damaged: bool,
        size_bytes: u64,
        /// Whether the target had it before.
        there: bool,
        /// The local file, where its name is not what the key says.
        file: Option<PathBuf>,
    },
    /// Only the target has it.
    TargetOnly(X),
    /// Only the target has it, and it is as if it were not there.
    LeftOut,
}

/// The outcome of an object that is not copied, since it may refer to one before it that was not.
pub(super) fn deferred() -> Outcome {
    Outcome::Failed("not copied: others before it were not, and it may refer to them".to_owned())
}

/// The count of a sync so far.
pub(super) struct Tally<'a, D> {
    options: &'a SyncOptions<'a>,
    report: SyncReport,
    /// How many objects the target had before.
    target_objects: u64,
    /// The keys that are to be deleted: held, since whether they may be is known at the end.
    doomed: SpillWriter<(String, D)>,
    /// The same of the round before: they are deleted after the objects of the last round, which refer to them.
    doomed_before: SpillWriter<(String, D)>,
}

impl<'a, D: Serialize + DeserializeOwned> Tally<'a, D> {
    pub(super) fn new(options: &'a SyncOptions<'_>) -> Self {
        let report = SyncReport { dry_run: options.dry_run, ..SyncReport::default() };
        let (doomed, doomed_before) = (SpillWriter::new(), SpillWriter::new());
        Self { options, report, target_objects: 0, doomed, doomed_before }
    }

    /// Begins a round, and says whether its objects must not be copied, since some that they refer to may be missing.
    pub(super) fn begin(&mut self, last: bool) -> bool {
        if last {
            self.doomed_before = std::mem::replace(&mut self.doomed, SpillWriter::new());
        }
        last && self.report.counts.lost() > 0
    }

    /// Whether something was sent to the target.
    pub(super) fn has_sent(&self) -> bool {
        !self.options.dry_run && self.report.counts.stored + self.report.counts.unverifiable > 0
    }

    /// Counts every pair, in their order. For something that only the target has, `doom` gives its key and what is needed
    /// to delete it; or why it is left alone, since no sync has made it.
    pub(super) async fn count<X>(
        &mut self,
        pairs: impl Stream<Item = Result<Done<X>>>,
        doom: impl Fn(X) -> (String, Result<D, &'static str>),
        task: &Running<'_>,
    ) -> Result<()> {
        let mut pairs = Box::pin(pairs);
        while let Some(done) = pairs.try_next().await? {
            match done {
                Done::Source { key, outcome, damaged, size_bytes, there, file } => {
                    task.advance(1, size_bytes);
                    self.target_objects += u64::from(there);
                    let fate = Fate::Source(outcome);
                    self.source(KeyOutcome { key, fate, damaged, size_bytes, path: file })?;
                }
                Done::LeftOut => {}
                Done::TargetOnly(found) => match doom(found) {
                    (key, Ok(what)) => self.doom(key, what)?,
                    // Keys that were to be deleted may be in it.
                    (key, Err(why)) if key.ends_with('/') && self.options.delete_removed => {
                        self.target_only(key, TargetOnly::NotDeleted(why.to_owned()))?;
                    }
                    (key, Err(why)) => self.left_alone(key, why)?,
                },
            }
        }
        Ok(())
    }

    fn source(&mut self, told: KeyOutcome) -> Result<()> {
        if let Fate::Source(outcome) = &told.fate {
            self.report.counts.add(outcome);
            self.report.doubtful += u64::from(outcome.is_doubtful());
        }
        self.report.damaged += u64::from(told.damaged);
        self.report.bytes = self.report.bytes.saturating_add(told.size_bytes);
        self.options.each.call(told)
    }

    fn doom(&mut self, key: String, what: D) -> Result<()> {
        self.target_objects += 1;
        if self.options.delete_removed {
            self.doomed.push(&(key, what))?;
        }
        Ok(())
    }

    fn left_alone(&mut self, key: String, why: &str) -> Result<()> {
        self.tell(key, TargetOnly::LeftAlone(why.to_owned()))
    }

    /// The keys that are to be deleted now; none if there is a reason not to.
    pub(super) fn doomed(&mut self) -> Result<impl Iterator<Item = Result<(String, D)>> + use<D>> {
        let doomed = std::mem::replace(&mut self.doomed, SpillWriter::new());
        let before = std::mem::replace(&mut self.doomed_before, SpillWriter::new());
        let count = doomed.count() + before.count();
        let mut doomed = doomed.packed()?.unpack().chain(before.packed()?.unpack());
        let against = match deletion(count, self.target_objects, &self.report.counts, self.options) {
            Err(against) if count > 0 => against,
            _ => return Ok(doomed),
        };
        let (why, guarded) = match against {
            Against::Guard(why) => (why, true),
            Against::Incomplete(why) => (why, false),
        };
        for one in &mut doomed {
            self.target_only(one?.0, TargetOnly::NotDeleted(why.clone()))?;
        }
        (self.report.why_not_deleted, self.report.guarded) = (Some(why), guarded);
        Ok(doomed)
    }

    /// Deletes what is to be deleted, of a bucket.
    pub(super) async fn delete_objects(&mut self, target: &BucketSide<'_>, task: &Running<'_>) -> Result<()> {
        let mut doomed = self.doomed()?;
        loop {
            task.run().stop.check()?;
            let some: Vec<(String, D)> = doomed.by_ref().take(DELETED_AT_ONCE).collect::<Result<_>>()?;
            if some.is_empty() {
                return Ok(());
            }
            let not_deleted = if self.options.dry_run {
                Vec::new()
            } else {
                let keys = some.iter().map(|(key, _)| key.as_str());
                delete_keys(target.client, target.bucket(), keys).await?
            };
            for (key, _) in some {
                let fate = fate_of(&key, &not_deleted);
                self.target_only(key, fate)?;
            }
        }
    }

    /// Counts a key that was to be deleted, and tells its fate.
    pub(super) fn target_only(&mut self, key: String, fate: TargetOnly) -> Result<()> {
        match fate {
            TargetOnly::Deleted => self.report.deleted += 1,
            _ => self.report.not_deleted += 1,
        }
        self.tell(key, fate)
    }

    fn tell(&self, key: String, fate: TargetOnly) -> Result<()> {
        self.options.each.call(KeyOutcome {
            key,
            fate: Fate::Target(fate),
            damaged: false,
            size_bytes: 0,
            path: None,
        })
    }

    /// The report, if every key of the source is counted once.
    pub(super) fn finish(self) -> Result<SyncReport> {
        self.report.counts.add_up()?;
        Ok(self.report)
    }
}
