//! Directory → bucket, on top of the uploads of `push`.

use super::down::has_bytes_of;
use super::plan::{Step, step};
use super::tally::{Done, Tally, deferred};
use super::{BucketTree, SyncReport, Synced};
use crate::blocking::blocking;
use crate::disk::Root;
use crate::error::{At, Context as _, Error, ErrorKind, Result};
use crate::outcome::Outcome;
use crate::run::{Run, Running};
use crate::s3::op::ListedObject;
use crate::s3::{Client, ObjectKey};
use crate::sync::SyncOptions;
use crate::transfer::CircuitBreaker;
use crate::transfer::ordered;
use crate::transfer::{ToPush, upload};
use crate::tree::{Pair, merge};
use crate::tree::{TreeEntry, local};
use futures_util::{TryStreamExt as _, future};

/// Makes the objects of `tree` as the files below `root` are, and calls `each` for every key. No file is changed.
///
/// What befalls a single file is its outcome. An error is what befalls all: the listing or the gateways fail, or the
/// run is stopped. Symlinks are not followed: they are refused, by name.
pub async fn sync_to_bucket(
    client: &Client,
    root: &Root,
    tree: &BucketTree<'_>,
    options: &SyncOptions,
    run: &Run,
    progress: &Running<'_>,
    each: impl FnMut(Synced) -> Result<()>,
) -> Result<SyncReport> {
    let mut tally = Tally::new(options, each);
    for last in options.rounds() {
        let wanted = tree.wanted_in(*last, options);
        let tree = &BucketTree { wanted: &wanted, ..*tree };
        let (files, _) = local(root, tree.base());
        let files = files.try_filter(|local| future::ready(tree.wants_file(local, *last)));
        let listing = client.list(tree.bucket, tree.prefix);
        let listing = listing.try_filter(|object| future::ready(tree.wants(&object.key)));
        let deferred = tally.begin(*last);
        let push = Push { client, root, tree, options, deferred, failures: CircuitBreaker::default() };
        let work = merge(files, listing).map_ok(|pair| push.pair(pair));
        let pairs = ordered(work, client.in_flight(), run.stop.clone());
        tally.count(pairs, |object: ListedObject| (object.key.into(), Ok(())), progress).await?;
    }
    tally.delete_objects(client, tree.bucket, run).await?;
    tally.finish()
}

struct Push<'a> {
    client: &'a Client,
    root: &'a Root,
    tree: &'a BucketTree<'a>,
    options: &'a SyncOptions,
    deferred: bool,
    failures: CircuitBreaker,
}

impl Push<'_> {
    async fn pair(&self, pair: Pair<TreeEntry, ListedObject>) -> Result<Done<ListedObject>> {
        let (TreeEntry { key, path, found }, listed) = match pair {
            Pair::Right(object) => return Ok(Done::TargetOnly(object)),
            Pair::Left(local) => (local, None),
            Pair::Both(local, object) => (local, Some(object)),
        };
        let there = listed.is_some();
        let facts = match found {
            Ok(facts) => facts,
            Err(why) => {
                let outcome = Outcome::Refused(format!("it is {why}"));
                return Ok(Done::Source { key, outcome, size_bytes: 0, there });
            }
        };
        if let Some(listed) = listed {
            let times = (facts.modified, listed.modified.time().at(At::Key, &listed.key)?);
            let root = self.root.clone();
            let unchanged =
                match step((facts.size_bytes, listed.size_bytes), times, self.options.unchanged_by) {
                    Step::Copy => false,
                    Step::Keep => true,
                    Step::Compare => {
                        let path = path.components();
                        blocking(move || has_bytes_of(&root, &path, &listed)).await?
                    }
                };
            if unchanged {
                return Ok(Done::Source { key, outcome: Outcome::Unchanged, size_bytes: 0, there });
            }
        }
        let outcome = if self.deferred {
            deferred()
        } else {
            match self.upload(&key, path.components(), facts.size_bytes).await {
                Ok(()) => {
                    self.failures.end();
                    Outcome::Stored
                }
                Err(error) => self.outcome(error)?,
            }
        };
        let size_bytes = if outcome == Outcome::Stored { facts.size_bytes } else { 0 };
        Ok(Done::Source { key, outcome, size_bytes, there })
    }

    async fn upload(&self, key: &str, path: Vec<String>, size_bytes: u64) -> Result<()> {
        if self.options.dry_run {
            return ObjectKey::new(key).map(drop);
        }
        let root = self.root.clone();
        let content_type = self.options.content_types.of(key).map(str::to_owned);
        let file = ToPush::new(key, size_bytes, move || root.open_file(&path));
        let file = ToPush { content_type, ..file };
        upload(self.client, self.tree.bucket, file, false).await.map(drop)
    }

    /// What an error means for this file alone; or the error, if it concerns all.
    fn outcome(&self, error: Error) -> Result<Outcome> {
        match error.kind() {
            ErrorKind::NotFound if error.place().path().is_some() => Ok(Outcome::Vanished),
            ErrorKind::Occupied => Ok(Outcome::Refused(error.what())),
            // Who may not write one object there, or no more, may write none.
            ErrorKind::Denied => Err(error),
            ErrorKind::Disk | ErrorKind::Damaged | ErrorKind::SourceChanged | ErrorKind::NotFound => {
                Ok(Outcome::Failed(error.what()))
            }
            _ => self.failures.outcome(error),
        }
    }
}
