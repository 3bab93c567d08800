//! Bucket → bucket, of the same cluster or of another one.

use std::path::Path;

use futures_util::{TryStreamExt as _, future};

use super::tally::{Done, Tally, deferred};
use super::{BucketTree, SyncReport, Synced};
use crate::error::{At, Error, ErrorKind, Result};
use crate::outcome::Outcome;
use crate::run::{Run, Running};
use crate::s3::op::{CopyObject, CopySource, ListedObject};
use crate::s3::{BucketName, Client, ObjectKey};
use crate::sync::{SyncOptions, UnchangedBy};
use crate::transfer::CircuitBreaker;
use crate::transfer::Relay;
use crate::transfer::ordered;
use crate::tree::Keyed;
use crate::tree::{Pair, merge};

/// How often an object that is replaced all the time is tried.
const ATTEMPTS: u32 = 3;

/// A place on another cluster.
#[derive(Clone, Copy, Debug)]
pub struct RemoteTarget<'a> {
    /// That cluster's gateways.
    pub client: &'a Client,
    /// The bucket.
    pub bucket: &'a BucketName,
    /// What the keys there begin with.
    pub prefix: &'a str,
    /// The directory for what is on its way: some objects at a time, in files without a name.
    pub spool: &'a Path,
}

/// Makes the objects of `bucket` whose keys begin with `prefix` as those of `from` are, and calls `each` for every key:
/// the source's, or the target's for what only that has.
///
/// An object is unchanged if it has the same size and `ETag`. What is stored with it comes along, but not who may read
/// it. Source and target may not overlap: that is an [`ErrorKind::Usage`] error.
pub async fn sync_between_buckets(
    client: &Client,
    from: &BucketTree<'_>,
    (bucket, prefix): (&BucketName, &str),
    options: &SyncOptions,
    run: &Run,
    progress: &Running<'_>,
    each: impl FnMut(Synced) -> Result<()>,
) -> Result<SyncReport> {
    sync(client, from, (client, bucket, prefix), Across::Within, options, run, progress, each).await
}

/// The same with a place on another cluster: each object comes here, is checked against its `ETag`, and is sent so that
/// the copy has the same, wherever that can be.
pub async fn sync_between_clusters(
    client: &Client,
    from: &BucketTree<'_>,
    to: &RemoteTarget<'_>,
    options: &SyncOptions,
    run: &Run,
    progress: &Running<'_>,
    each: impl FnMut(Synced) -> Result<()>,
) -> Result<SyncReport> {
    let across = Across::Relay(Relay::new(to.spool));
    sync(client, from, (to.client, to.bucket, to.prefix), across, options, run, progress, each).await
}

/// How an object gets across.
enum Across<'a> {
    /// The gateway copies, and no byte comes here.
    Within,
    Relay(Relay<'a>),
}

#[expect(clippy::too_many_arguments, reason = "those of two public functions, and what differs between them")]
async fn sync(
    client: &Client,
    from: &BucketTree<'_>,
    (target, bucket, prefix): (&Client, &BucketName, &str),
    across: Across<'_>,
    options: &SyncOptions,
    run: &Run,
    progress: &Running<'_>,
    each: impl FnMut(Synced) -> Result<()>,
) -> Result<SyncReport> {
    let endpoints = target.endpoints();
    let one_cluster = client.endpoints().iter().any(|endpoint| endpoints.contains(endpoint));
    let overlap = prefix.starts_with(from.prefix) || from.prefix.starts_with(prefix);
    // A cluster may be known by two names: then what is deleted would be the source.
    let may_be_one = one_cluster || (options.delete_removed && prefix != from.prefix);
    if may_be_one && from.bucket == bucket && overlap {
        return Err(Error::new(ErrorKind::Usage, "source and target overlap")
            .at(At::Bucket, bucket)
            .todo("choose a place in another bucket, or beside the source"));
    }
    let base = from.base();
    let mut tally = Tally::new(options, each);
    for last in options.rounds() {
        let wanted = from.wanted_in(*last, options);
        let from = &BucketTree { wanted: &wanted, ..*from };
        let (source, alone) = from.source(client).await?;
        let source = source.map_ok(|object| DownloadTree { above_bytes: base.len(), object });
        let there =
            target.list(bucket, prefix).map_ok(|object| DownloadTree { above_bytes: prefix.len(), object });
        let there = there.try_filter(|below| {
            let key = format!("{base}{}", below.key());
            future::ready(from.wants(&key) && (!alone || key == from.prefix))
        });
        let deferred = tally.begin(*last);
        let failures = CircuitBreaker::default();
        let copy =
            Copy { client, from, target, bucket, prefix, across: &across, options, deferred, failures };
        let work = merge(source, there).map_ok(|pair| copy.pair(pair));
        let pairs = ordered(work, client.in_flight(), run.stop.clone());
        tally.count(pairs, |object: ListedObject| (object.key.into(), Ok(())), progress).await?;
    }
    tally.delete_objects(target, bucket, run).await?;
    tally.finish()
}

/// An object by its key below the tree it belongs to.
struct DownloadTree {
    above_bytes: usize,
    object: ListedObject,
}

impl Keyed for DownloadTree {
    fn key(&self) -> &str {
        self.object.key.get(self.above_bytes..).unwrap_or_default()
    }
}

struct Copy<'a> {
    client: &'a Client,
    from: &'a BucketTree<'a>,
    target: &'a Client,
    bucket: &'a BucketName,
    prefix: &'a str,
    across: &'a Across<'a>,
    options: &'a SyncOptions,
    deferred: bool,
    failures: CircuitBreaker,
}

impl Copy<'_> {
    async fn pair(&self, pair: Pair<DownloadTree, DownloadTree>) -> Result<Done<ListedObject>> {
        let (source, target) = match pair {
            Pair::Right(target) => return Ok(Done::TargetOnly(target.object)),
            Pair::Left(source) => (source, None),
            Pair::Both(source, target) => (source, Some(target.object)),
        };
        let there = target.is_some();
        let unchanged = target.is_some_and(|target| {
            self.options.unchanged_by == UnchangedBy::Presence
                || (target.size_bytes, &target.etag) == (source.object.size_bytes, &source.object.etag)
        });
        let to = format!("{}{}", self.prefix, source.key());
        let mut listed = source.object;
        let outcome = if unchanged {
            Outcome::Unchanged
        } else if self.deferred {
            deferred()
        } else {
            match self.copy(&mut listed, &to).await {
                Ok(outcome) => {
                    self.failures.end();
                    outcome
                }
                Err(error) => match error.kind() {
                    ErrorKind::Changed | ErrorKind::NotFound | ErrorKind::Damaged => {
                        Outcome::Failed(error.what())
                    }
                    // Of the disk for what is on its way, which all need.
                    ErrorKind::Disk => return Err(error),
                    _ => self.failures.outcome(error)?,
                },
            }
        };
        let is_copied = matches!(outcome, Outcome::Stored | Outcome::Unverifiable(_));
        let size_bytes = if is_copied { listed.size_bytes } else { 0 };
        Ok(Done::Source { key: listed.key.into(), outcome, size_bytes, there })
    }

    /// Copies an object as it was listed; or as it is by now, if it was replaced. Damage may be of the way alone.
    async fn copy(&self, listed: &mut ListedObject, to: &str) -> Result<Outcome> {
        let (key, to) = (ObjectKey::new(&listed.key)?, ObjectKey::new(to)?);
        if self.options.dry_run {
            return Ok(Outcome::Stored);
        }
        let mut attempts = 1;
        loop {
            let error = match self.once(&key, listed, &to).await {
                Ok(outcome) => return Ok(outcome),
                Err(error) => error,
            };
            let again = matches!(error.kind(), ErrorKind::Changed | ErrorKind::NotFound | ErrorKind::Damaged);
            if attempts == ATTEMPTS || !again {
                return Err(error);
            }
            match self.client.head(self.from.bucket, &key).await {
                Ok(now) => (listed.etag, listed.size_bytes) = (now.etag, now.total_bytes),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Outcome::Vanished),
                Err(error) => return Err(error),
            }
            attempts += 1;
        }
    }

    async fn once(&self, key: &ObjectKey, listed: &ListedObject, to: &ObjectKey) -> Result<Outcome> {
        let etag = &listed.etag;
        match self.across {
            Across::Within => {
                let source = CopySource { bucket: self.from.bucket, key, version_id: None };
                let copy = CopyObject::new(source, self.bucket, to).if_match(etag);
                let copied = self.client.copy(&copy).await?;
                if copied == *etag {
                    return Ok(Outcome::Stored);
                }
                let what = format!("the copy has the ETag {copied}, and the object {etag}");
                Err(Error::new(ErrorKind::Damaged, what))
            }
            Across::Relay(through) => {
                let source = (self.client, self.from.bucket, key);
                through.carry(source, listed, (self.target, self.bucket, to)).await
            }
        }
    }
}
