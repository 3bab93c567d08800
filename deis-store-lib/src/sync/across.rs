//! Bucket → bucket, of the same cluster or of another one.

use std::path::PathBuf;

use futures_util::{Stream, TryStreamExt as _, future};

use super::bucket_side::BucketSide;
use super::look_back::lacks_any;
use super::one_cluster::may_be_one_bucket;
use super::options::{SyncOptions, UnchangedBy};
use super::report::SyncReport;
use super::tally::{Done, Tally, deferred};
use crate::error::{At, Error, ErrorKind, Result};
use crate::outcome::Outcome;
use crate::run::Running;
use crate::s3::client::Revision;
use crate::s3::op::{CopyObject, CopySource, ListedObject};
use crate::s3::{ObjectKey, etag};
use crate::transfer::{Attempt, Attempts, Carried, Relay, Uploader, ordered};
use crate::tree::{Keyed, Pair, merge};

/// How an object gets across.
pub(super) enum Across {
    /// The gateway copies, and no byte comes here.
    Within,
    /// By way of this machine.
    Relayed(Relay),
}

impl Across {
    /// Within a cluster.
    pub(super) fn within() -> Self {
        Self::Within
    }

    /// By way of files in this directory.
    pub(super) fn relayed(spool: PathBuf) -> Self {
        Self::Relayed(Relay::new(spool))
    }
}

/// Makes the objects of `target` as those of `source` are. An object is unchanged if it has the same size and `ETag`. Of two
/// clusters, one of the same size and another `ETag` is read, and is not sent again if the target has its bytes.
pub(super) async fn sync(
    source: &BucketSide<'_>,
    target: &BucketSide<'_>,
    across: &Across,
    options: &SyncOptions<'_>,
    task: &Running<'_>,
) -> Result<SyncReport> {
    refuse_overlap(source, target, options).await?;
    let mut tally = Tally::new(options);
    for last in options.rounds() {
        let mut deferred = tally.begin(*last);
        if *last && !deferred && tally.has_sent() {
            let before = source.in_round(false, options);
            let (objects, there) = both(&before, target, task).await?;
            deferred = lacks_any(objects, there, task).await?;
        }
        let source = &source.in_round(*last, options);
        let (objects, there) = both(source, target, task).await?;
        let attempts = Attempts::new(source.client, source.bucket());
        let copy = Copy { source, target, across, options, deferred, attempts };
        let work = merge(objects, there).map_ok(|pair| copy.pair(pair));
        let pairs = ordered(work, source.client.in_flight(), task.run().stop.clone());
        tally.count(pairs, |object: ListedObject| (object.key.into(), Ok(())), task).await?;
    }
    tally.delete_objects(target, task).await?;
    tally.finish()
}

/// What the source has and wants, and what of it the target has.
async fn both(
    source: &BucketSide<'_>,
    target: &BucketSide<'_>,
    task: &Running<'_>,
) -> Result<(impl Stream<Item = Result<Below>> + Send, impl Stream<Item = Result<Below>> + Send)> {
    let (objects, alone) = source.source(task).await?;
    let above_bytes = source.selection.base().len();
    let objects = objects.map_ok(move |object| Below { above_bytes, object });
    let (base, prefix) = (source.selection.base().to_owned(), source.prefix().to_owned());
    let (selection, above_bytes) = (source.selection.clone(), target.prefix().len());
    let there = target.listing().map_ok(move |object| Below { above_bytes, object });
    let there = there.try_filter(move |below| {
        let key = format!("{base}{}", below.key());
        future::ready(selection.wants(&key) && (!alone || key == prefix))
    });
    Ok((objects, there))
}

/// An error if what is written or deleted could be the source.
async fn refuse_overlap(
    source: &BucketSide<'_>,
    target: &BucketSide<'_>,
    options: &SyncOptions<'_>,
) -> Result<()> {
    let (from, to) = (source.prefix(), target.prefix());
    if source.bucket() != target.bucket() || !(to.starts_with(from) || from.starts_with(to)) {
        return Ok(());
    }
    // A cluster may be known by two names: then what is deleted would be the source.
    let deletes_elsewhere = options.delete_removed && to != from;
    if deletes_elsewhere || may_be_one_bucket(source.client, target.client, source.bucket()).await? {
        return Err(Error::new(ErrorKind::Usage, "source and target overlap")
            .at(At::Bucket, source.bucket())
            .todo("choose a place in another bucket, or beside the source"));
    }
    Ok(())
}

/// An object by its key below the tree it belongs to.
struct Below {
    above_bytes: usize,
    object: ListedObject,
}

impl Keyed for Below {
    fn key(&self) -> &str {
        self.object.key.get(self.above_bytes..).unwrap_or_default()
    }
}

struct Copy<'a> {
    source: &'a BucketSide<'a>,
    target: &'a BucketSide<'a>,
    across: &'a Across,
    options: &'a SyncOptions<'a>,
    deferred: bool,
    attempts: Attempts<'a>,
}

impl Copy<'_> {
    async fn pair(&self, pair: Pair<Below, Below>) -> Result<Done<ListedObject>> {
        let (source, target) = match pair {
            Pair::Right(target) if self.options.globs.protects("", target.key()) => return Ok(Done::LeftOut),
            Pair::Right(target) => return Ok(Done::TargetOnly(target.object)),
            Pair::Left(source) => (source, None),
            Pair::Both(source, target) => (source, Some(target.object)),
        };
        let there = target.is_some();
        let unchanged = target.as_ref().is_some_and(|target| {
            self.options.unchanged_by == UnchangedBy::Presence
                || Revision::from(target) == Revision::from(&source.object)
        });
        let there_bytes = target.map(|target| target.size_bytes);
        let to = format!("{}{}", self.target.prefix(), source.key());
        let (key, outcome, damaged, size_bytes) = if unchanged {
            (source.object.key.into(), Outcome::Unchanged, false, 0)
        } else if self.deferred {
            (source.object.key.into(), deferred(), false, 0)
        } else {
            let (listed, carried, damaged) = self.copy(source.object, &to, there_bytes).await?;
            (listed.key.into(), carried.outcome, damaged, carried.sent_bytes)
        };
        Ok(Done::Source { key, outcome, damaged, size_bytes, there, file: None })
    }

    /// Copies an object as it was listed; or as it is by now, if it was replaced. Damage may be of the way alone; at last it
    /// is said whether it is proven.
    async fn copy(
        &self,
        listed: ListedObject,
        to: &str,
        there_bytes: Option<u64>,
    ) -> Result<(ListedObject, Carried, bool)> {
        let mut attempt = Attempt::first(listed);
        loop {
            let error = match self.once(&attempt.listed, to, there_bytes).await {
                Ok(carried) => {
                    self.attempts.succeeded();
                    return Ok((attempt.listed, carried, false));
                }
                Err(error) => error,
            };
            if let Some(given_up) = self.attempts.after(&mut attempt, error).await? {
                let carried = Carried { outcome: given_up.outcome, sent_bytes: 0 };
                return Ok((attempt.listed, carried, given_up.damaged));
            }
        }
    }

    /// One attempt, over an object of so many bytes if one is there.
    async fn once(&self, listed: &ListedObject, to: &str, there_bytes: Option<u64>) -> Result<Carried> {
        let to = ObjectKey::new(to)?;
        let stored = Carried { outcome: Outcome::Stored, sent_bytes: listed.size_bytes };
        if self.options.dry_run {
            return Ok(stored);
        }
        let (source, target) = (self.source, self.target);
        match self.across {
            Across::Within => {
                let from = CopySource { bucket: source.bucket(), key: &listed.key, version_id: None };
                let copy = CopyObject::new(from, target.bucket(), &to).if_match(&listed.etag);
                let copied = source.client.copy(&copy).await?;
                if etag::is_same(&copied, &listed.etag) {
                    return Ok(stored);
                }
                let what = format!("the copy has the ETag {copied}, and the object {}", listed.etag);
                Err(Error::new(ErrorKind::Damaged, what))
            }
            Across::Relayed(relay) => {
                let from = (source.client, source.bucket());
                // An object whose `ETag` cannot be kept has another one there: only its bytes tell whether it is the same.
                let look_first = there_bytes == Some(listed.size_bytes);
                let uploader = Uploader { client: target.client, bucket: target.bucket(), look_first };
                relay.carry(from, listed, uploader, &to).await
            }
        }
    }
}
