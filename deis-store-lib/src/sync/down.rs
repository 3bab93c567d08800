//! Bucket → directory, on top of the transfers of `pull`.

use futures_util::{TryStreamExt as _, future};

use super::plan::{Step, step};
use super::tally::{Done, Tally, deferred};
use super::{BucketTree, SyncReport, Synced, TargetOnly};
use crate::blocking::blocking;
use crate::disk::{Lock, Root, read_chunks};
use crate::error::{At, Context as _, Result, Scope, disk_error};
use crate::outcome::Outcome;
use crate::run::{Run, Running};
use crate::s3::op::ListedObject;
use crate::s3::{Check, Client};
use crate::sync::SyncOptions;
use crate::transfer::download::{Sink, Transfer};
use crate::transfer::ordered;
use crate::tree::PartialFiles;
use crate::tree::{Pair, merge};
use crate::tree::{TreeEntry, local};

/// Makes the files below `root` as the objects of `tree` are, and calls `each` for every key.
///
/// What befalls a single object is its outcome. An error is what befalls all: the listing fails, the disk is full,
/// the run is stopped, or the gateways fail object after object; or another run writes to the directory, which is an
/// [`Locked`](crate::ErrorKind::Locked) error. As with s3cmd, a prefix that is an object's whole key
/// means that object alone.
pub async fn sync_to_directory(
    client: &Client,
    tree: &BucketTree<'_>,
    root: &Root,
    options: &SyncOptions,
    run: &Run,
    progress: &Running<'_>,
    each: impl FnMut(Synced) -> Result<()>,
) -> Result<SyncReport> {
    let base = tree.base();
    let _lock = if options.dry_run { None } else { Some(Lock::directory(root)?) };
    let mut tally = Tally::new(options, each);
    let mut leftovers = PartialFiles::default();
    for last in options.rounds() {
        let wanted = tree.wanted_in(*last, options);
        let tree = &BucketTree { wanted: &wanted, ..*tree };
        let (listing, alone) = tree.source(client).await?;
        let files;
        (files, leftovers) = local(root, base);
        let files = files.try_filter(move |local| {
            future::ready(tree.wants_file(local, *last) && (!alone || local.key == tree.prefix))
        });
        let transfer = Transfer::new(client, tree.bucket, root, Sink::Mirror { prefix_bytes: base.len() });
        let pull =
            Pull { transfer, root, options, deferred: tally.begin(*last), leftovers: leftovers.clone() };
        let work = merge(listing, files).map_ok(|pair| pull.pair(pair));
        let pairs = ordered(work, client.in_flight(), run.stop.clone());
        tally
            .count(
                pairs,
                |local: TreeEntry| (local.key, local.found.map(|_| local.path.components())),
                progress,
            )
            .await?;
    }
    for doomed in tally.doomed()? {
        let (key, path) = doomed?;
        run.stop.check()?;
        if !options.dry_run {
            let root = root.clone();
            blocking(move || root.remove_at(&path)).await?;
        }
        tally.extra_did(key, TargetOnly::Deleted)?;
    }
    let report = tally.finish()?;
    if !options.dry_run {
        if options.delete_removed
            && report.not_deleted == 0
            && report.counts.failed + report.counts.refused == 0
        {
            leftovers.remove_all(root).await?;
        }
        // Also where nothing was stored: what a killed run has named may not be safe yet.
        let root = root.clone();
        blocking(move || root.sync_filesystem()).await?;
    }
    Ok(report)
}

struct Pull<'a> {
    transfer: Transfer<'a>,
    root: &'a Root,
    options: &'a SyncOptions,
    deferred: bool,
    leftovers: PartialFiles,
}

impl Pull<'_> {
    async fn pair(&self, pair: Pair<ListedObject, TreeEntry>) -> Result<Done<TreeEntry>> {
        let done = self.decided(pair).await?;
        if let Done::Source { key, outcome, .. } = &done
            && outcome.is_on_disk()
            && !self.options.dry_run
        {
            self.leftovers.remove_of(self.root, self.transfer.below(key)).await?;
        }
        Ok(done)
    }

    async fn decided(&self, pair: Pair<ListedObject, TreeEntry>) -> Result<Done<TreeEntry>> {
        let (listed, local) = match pair {
            Pair::Right(local) => return Ok(Done::TargetOnly(local)),
            Pair::Left(listed) => (listed, None),
            Pair::Both(listed, local) => (listed, Some(local)),
        };
        let there = local.is_some();
        let outcome = match local {
            Some(TreeEntry { found: Err(why), .. }) => {
                Some(Outcome::Refused(format!("in its place is {why}")))
            }
            Some(local) => self.unchanged(&listed, local).await?.then_some(Outcome::Unchanged),
            None => None,
        };
        if let Some(outcome) = outcome.or(self.deferred.then(deferred)) {
            return Ok(Done::Source { key: listed.key.into(), outcome, size_bytes: 0, there });
        }
        if self.options.dry_run {
            let (key, size_bytes) = (listed.key.into(), listed.size_bytes);
            return Ok(Done::Source { key, outcome: Outcome::Stored, size_bytes, there });
        }
        // Few keys come here as a rule; kept within, a transfer would make the step of every key some kilobytes to move.
        let pulled = Box::pin(self.transfer.object(listed)).await?;
        let size_bytes = pulled.stored.as_ref().map_or(0, |stored| stored.size_bytes);
        let (key, outcome) = (pulled.listed.key.into(), pulled.outcome);
        Ok(Done::Source { key, outcome, size_bytes, there })
    }

    /// Whether the file is what the object is. One that was read and is gets the object's time, so that it need not be
    /// read again.
    async fn unchanged(&self, listed: &ListedObject, local: TreeEntry) -> Result<bool> {
        let Ok(facts) = local.found else { return Ok(false) };
        let modified = listed.modified.time().at(At::Key, &listed.key)?;
        let sizes = (facts.size_bytes, listed.size_bytes);
        match step(sizes, (facts.modified, modified), self.options.unchanged_by) {
            Step::Copy => Ok(false),
            Step::Keep => Ok(true),
            Step::Compare => {
                let (root, listed) = (self.root.clone(), listed.clone());
                let touch = (!self.options.dry_run).then_some(modified);
                blocking(move || {
                    let path = local.path.components();
                    let same = has_bytes_of(&root, &path, &listed)?;
                    if let (true, Some(modified)) = (same, touch) {
                        let touched = root.open_file(&path)?.set_modified(modified);
                        // Who may read the file and not change its time reads it again the next time.
                        let _ = touched;
                    }
                    Ok(same)
                })
                .await
            }
        }
    }
}

/// Whether a file has the bytes that an object's `ETag` says. If the `ETag` says nothing, it has not.
pub(super) fn has_bytes_of(root: &Root, path: &[String], listed: &ListedObject) -> Result<bool> {
    let mut file = match root.open_file(path) {
        Ok(file) => file,
        // It has gone or been replaced since it was looked at, or it cannot be read and perhaps be replaced.
        Err(error) if error.scope() == Scope::Object => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut check = Check::listed(listed);
    read_chunks(&mut file, |piece| check.update(piece))
        .map_err(|error| disk_error("read", path.join("/"), error))
        .at(At::Key, &listed.key)?;
    Ok(check.agrees())
}
