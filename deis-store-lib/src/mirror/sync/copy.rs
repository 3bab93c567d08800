//! Bucket → bucket of the same cluster: the gateway copies, and no byte comes here.

use futures_util::{TryStreamExt as _, future};

use super::end::{Done, Tally, held_back};
use super::{BucketTree, SyncReport, Synced};
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::in_order::in_order;
use crate::mirror::plan::Keyed;
use crate::mirror::push::concerns_one;
use crate::mirror::{Outcome, Pair, SyncOptions, UnchangedBy, merge};
use crate::monitor::{Run, Running};
use crate::s3::op::{CopyObject, CopySource, ListedObject};
use crate::s3::{BucketName, Client, ObjectKey};

/// How often an object that is replaced all the time is tried.
const ATTEMPTS: u32 = 3;

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
    if from.bucket == bucket && (prefix.starts_with(from.prefix) || from.prefix.starts_with(prefix)) {
        return Err(Error::new(ErrorKind::Usage, "source and target overlap")
            .at("bucket", bucket)
            .todo("choose a place in another bucket, or beside the source"));
    }
    let base = from.base();
    let mut tally = Tally::new(options, each);
    for last in options.rounds() {
        let wanted = from.wanted_in(*last, options);
        let from = &BucketTree { wanted: &wanted, ..*from };
        let (source, alone) = from.source(client).await?;
        let source = source.map_ok(|object| Below { above_bytes: base.len(), object });
        let target = client.list(bucket, prefix).map_ok(|object| Below { above_bytes: prefix.len(), object });
        let target = target.try_filter(|below| {
            let key = format!("{base}{}", below.key());
            future::ready(from.wants(&key) && (!alone || key == from.prefix))
        });
        let copy = Copy { client, from, bucket, prefix, options, held_back: tally.holds_back(*last) };
        let work = merge(source, target).map_ok(|pair| copy.pair(pair));
        let pairs = in_order(work, client.in_flight());
        tally.count(pairs, |object: ListedObject| (object.key, Ok(())), run, progress).await?;
    }
    tally.delete_objects(client, bucket, run).await?;
    tally.finish()
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
    client: &'a Client,
    from: &'a BucketTree<'a>,
    bucket: &'a BucketName,
    prefix: &'a str,
    options: &'a SyncOptions,
    held_back: bool,
}

impl Copy<'_> {
    async fn pair(&self, pair: Pair<Below, Below>) -> Result<Done<ListedObject>> {
        let (source, target) = match pair {
            Pair::Right(target) => return Ok(Done::Extra(target.object)),
            Pair::Left(source) => (source, None),
            Pair::Both(source, target) => (source, Some(target.object)),
        };
        let there = target.is_some();
        let unchanged = target.is_some_and(|target| {
            self.options.unchanged_by == UnchangedBy::Presence
                || (target.size_bytes, &target.etag) == (source.object.size_bytes, &source.object.etag)
        });
        let to = format!("{}{}", self.prefix, source.key());
        let ListedObject { key, size_bytes, etag, .. } = source.object;
        if unchanged {
            return Ok(Done::Source { key, outcome: Outcome::Unchanged, size_bytes: 0, there });
        }
        if self.held_back {
            return Ok(Done::Source { key, outcome: held_back(), size_bytes: 0, there });
        }
        let outcome = match self.copy(&key, &to, etag).await {
            Ok(outcome) => outcome,
            Err(error) => match error.kind() {
                ErrorKind::Denied | ErrorKind::Usage | ErrorKind::Unsupported => {
                    Outcome::Refused(error.what())
                }
                ErrorKind::Guard => Outcome::Failed(error.what()),
                _ if concerns_one(&error) => Outcome::Failed(error.what()),
                _ => return Err(error),
            },
        };
        let size_bytes = if outcome == Outcome::Stored { size_bytes } else { 0 };
        Ok(Done::Source { key, outcome, size_bytes, there })
    }

    /// Copies an object as it was listed; or as it is by now, if it was replaced.
    async fn copy(&self, key: &str, to: &str, mut etag: String) -> Result<Outcome> {
        let (key, to) = (ObjectKey::new(key)?, ObjectKey::new(to)?);
        if self.options.dry_run {
            return Ok(Outcome::Stored);
        }
        let source = CopySource { bucket: self.from.bucket, key: &key, version_id: None };
        let mut attempts = 1;
        loop {
            let copy = CopyObject::new(source, self.bucket, &to).if_match(&etag);
            let error = match self.client.copy(&copy).await {
                Ok(copied) if copied == etag => return Ok(Outcome::Stored),
                Ok(copied) => {
                    let what = format!("the copy has the ETag {copied}, and the object {etag}");
                    return Err(Error::new(ErrorKind::Damaged, what));
                }
                Err(error) => error,
            };
            if attempts == ATTEMPTS || !matches!(error.kind(), ErrorKind::Guard | ErrorKind::NotFound) {
                return Err(error);
            }
            match self.client.head(self.from.bucket, &key).await {
                Ok(now) => etag = now.etag,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Outcome::Vanished),
                Err(error) => return Err(error),
            }
            attempts += 1;
        }
    }
}
