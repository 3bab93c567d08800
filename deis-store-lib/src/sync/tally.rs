//! The end of a sync: counting, and what is to be deleted when all else is done.

use futures_util::{Stream, TryStreamExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::plan::{Against, deletion};
use super::{Fate, SyncReport, Synced, TargetOnly};
use crate::error::Result;
use crate::outcome::Outcome;
use crate::run::{Run, Running};
use crate::s3::{BucketName, Client, ObjectKey};
use crate::sync::SyncOptions;
use crate::tree::SpillWriter;

/// How many objects are deleted with one request.
const DELETED_AT_ONCE: usize = 1000;

/// What became of one pair.
pub(super) enum Done<X> {
    /// The source has the key.
    Source {
        key: String,
        outcome: Outcome,
        size_bytes: u64,
        /// Whether the target had it before.
        there: bool,
    },
    /// Only the target has it.
    TargetOnly(X),
}

/// What becomes of what is held back.
pub(super) fn deferred() -> Outcome {
    Outcome::Failed("not copied: others before it were not, and it may refer to them".to_owned())
}

/// What a sync has seen so far.
pub(super) struct Tally<'a, F, D> {
    options: &'a SyncOptions,
    each: F,
    report: SyncReport,
    /// How many objects the target had before.
    target_objects: u64,
    /// What is to be deleted: held, since whether it may be is known at the end.
    doomed: SpillWriter<(String, D)>,
    /// The same of the round before: it is deleted after what is copied last, which refers to it.
    doomed_before: SpillWriter<(String, D)>,
}

impl<'a, F: FnMut(Synced) -> Result<()>, D: Serialize + DeserializeOwned> Tally<'a, F, D> {
    pub(super) fn new(options: &'a SyncOptions, each: F) -> Self {
        let report = SyncReport { dry_run: options.dry_run, ..SyncReport::default() };
        let (doomed, doomed_before) = (SpillWriter::new(), SpillWriter::new());
        Self { options, each, report, target_objects: 0, doomed, doomed_before }
    }

    /// Begins a round, and says whether what is copied in it must stay where it is, since something that it refers to may
    /// not be there.
    pub(super) fn begin(&mut self, last: bool) -> bool {
        if last {
            self.doomed_before = std::mem::replace(&mut self.doomed, SpillWriter::new());
        }
        last && self.report.counts.refused + self.report.counts.failed > 0
    }

    /// Counts what becomes of every pair, in their order. `extra` says of what only the target has which key it has and
    /// what is deleted with it, or why it is left alone, since no sync has made it.
    pub(super) async fn count<X>(
        &mut self,
        pairs: impl Stream<Item = Result<Done<X>>>,
        extra: impl Fn(X) -> (String, Result<D, &'static str>),
        progress: &Running<'_>,
    ) -> Result<()> {
        let mut pairs = Box::pin(pairs);
        while let Some(done) = pairs.try_next().await? {
            match done {
                Done::Source { key, outcome, size_bytes, there } => {
                    progress.advance(1, size_bytes);
                    self.target_objects += u64::from(there);
                    self.source(key, outcome, size_bytes)?;
                }
                Done::TargetOnly(found) => match extra(found) {
                    (key, Ok(what)) => self.extra(key, what)?,
                    // What was to be deleted may be in it.
                    (key, Err(why)) if key.ends_with('/') && self.options.delete_removed => {
                        self.extra_did(key, TargetOnly::NotDeleted(why.to_owned()))?;
                    }
                    (key, Err(why)) => self.left_alone(key, why)?,
                },
            }
        }
        Ok(())
    }

    fn source(&mut self, key: String, outcome: Outcome, size_bytes: u64) -> Result<()> {
        self.report.counts.add(&outcome);
        self.report.bytes += size_bytes;
        (self.each)(Synced { key, did: Fate::Source(outcome), size_bytes })
    }

    fn extra(&mut self, key: String, what: D) -> Result<()> {
        self.target_objects += 1;
        if self.options.delete_removed {
            self.doomed.push(&(key, what))?;
        }
        Ok(())
    }

    fn left_alone(&mut self, key: String, why: &str) -> Result<()> {
        (self.each)(Synced { key, did: Fate::Target(TargetOnly::LeftAlone(why.to_owned())), size_bytes: 0 })
    }

    /// What is to be deleted now; nothing if something speaks against it.
    pub(super) fn doomed(&mut self) -> Result<impl Iterator<Item = Result<(String, D)>> + use<F, D>> {
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
            self.extra_did(one?.0, TargetOnly::NotDeleted(why.clone()))?;
        }
        (self.report.why_not_deleted, self.report.guarded) = (Some(why), guarded);
        Ok(doomed)
    }

    /// Deletes what is to be deleted, of a bucket.
    pub(super) async fn delete_objects(
        &mut self,
        client: &Client,
        bucket: &BucketName,
        run: &Run,
    ) -> Result<()> {
        let mut doomed = self.doomed()?;
        loop {
            run.stop.check()?;
            let some: Vec<(String, D)> = doomed.by_ref().take(DELETED_AT_ONCE).collect::<Result<_>>()?;
            if some.is_empty() {
                return Ok(());
            }
            let keys: Vec<ObjectKey> =
                some.iter().map(|(key, _)| ObjectKey::new(key)).collect::<Result<_>>()?;
            let not_deleted =
                if self.options.dry_run { Vec::new() } else { client.delete_all(bucket, &keys).await? };
            for (key, _) in some {
                let why = not_deleted.iter().find(|one| one.key == key);
                let extra = why.map_or(TargetOnly::Deleted, |why| TargetOnly::NotDeleted(why.code.clone()));
                self.extra_did(key, extra)?;
            }
        }
    }

    /// What became of something that was to be deleted.
    pub(super) fn extra_did(&mut self, key: String, extra: TargetOnly) -> Result<()> {
        match extra {
            TargetOnly::Deleted => self.report.deleted += 1,
            _ => self.report.not_deleted += 1,
        }
        (self.each)(Synced { key, did: Fate::Target(extra), size_bytes: 0 })
    }

    /// The report, if every key of the source is counted once.
    pub(super) fn finish(self) -> Result<SyncReport> {
        self.report.counts.add_up()?;
        Ok(self.report)
    }
}
