//! Bucket → directory, on top of the downloads of single objects.

use futures_util::{TryStreamExt as _, future};

use super::bucket_side::BucketSide;
use super::compare::path_has_bytes_of;
use super::globs::DirectoryPatterns;
use super::options::SyncOptions;
use super::plan::{Step, step};
use super::report::SyncReport;
use super::tally::{Done, Tally, deferred};
use crate::blocking::blocking;
use crate::disk::{Lock, Root};
use crate::error::Result;
use crate::outcome::{Outcome, TargetOnly};
use crate::run::Running;
use crate::s3::op::ListedObject;
use crate::transfer::{Downloader, Sink, ordered};
use crate::tree::{Pair, PartialFiles, TreeEntry, merge, walk, walk_ahead};

/// Makes the files below `root` as the objects of `source` are.
pub(super) async fn sync(
    source: &BucketSide<'_>,
    root: &Root,
    options: &SyncOptions<'_>,
    task: &Running<'_>,
) -> Result<SyncReport> {
    let base = source.selection.base();
    let _lock = if options.dry_run { None } else { Some(Lock::directory(root)?) };
    // What is below a name that only begins as the prefix does is not the source's, so none of it is deleted.
    let top = &source.prefix()[base.len()..];
    let patterns = DirectoryPatterns::new(options.globs.clone(), &root.path().join(top));
    let mut tally = Tally::new(options);
    let mut partial_files = PartialFiles::default();
    for last in options.rounds() {
        let source = source.in_round(*last, options);
        let (listing, alone) = source.source(task).await?;
        let files;
        (files, partial_files) = walk_ahead(walk(root, base));
        let files = files.try_filter(|file| {
            future::ready(source.wants_file(file, *last) && (!alone || file.key == source.prefix()))
        });
        let sink = Sink::Mirror { prefix_bytes: base.len() };
        let down = Down {
            downloader: Downloader::new(source.client, source.bucket(), root, sink),
            root,
            options,
            deferred: tally.begin(*last),
            partial_files: partial_files.clone(),
        };
        let work = merge(listing, files).map_ok(|pair| async {
            match &pair {
                Pair::Right(local)
                    if !local.is_closed() && !is_of_source(&local.key, source.prefix(), &patterns) =>
                {
                    Ok(Done::LeftOut)
                }
                _ => down.pair(pair).await,
            }
        });
        let pairs = ordered(work, source.client.in_flight(), task.run().stop.clone());
        let doom = |file: TreeEntry| (file.key, file.found.map(|_| file.path.components()));
        tally.count(pairs, doom, task).await?;
    }
    for doomed in tally.doomed()? {
        let (key, path) = doomed?;
        task.run().stop.check()?;
        if !options.dry_run {
            let root = root.clone();
            blocking(move || root.remove_at(&path)).await?;
        }
        tally.target_only(key, TargetOnly::Deleted)?;
    }
    let report = tally.finish()?;
    if !options.dry_run {
        if options.delete_removed
            && report.not_deleted == 0
            && report.counts.failed + report.counts.refused == 0
        {
            partial_files.remove_all(root).await?;
        }
        // Also where nothing was stored: what a killed run has named may not be safe yet.
        let root = root.clone();
        blocking(move || root.sync_filesystem()).await?;
    }
    Ok(report)
}

/// Whether a file may be deleted if the source does not have it.
fn is_of_source(key: &str, prefix: &str, patterns: &DirectoryPatterns) -> bool {
    let Some(below) = key.strip_prefix(prefix) else { return false };
    let below =
        if prefix.is_empty() || prefix.ends_with('/') { Some(below) } else { below.strip_prefix('/') };
    match below {
        Some(below) => !patterns.protect(below),
        None => key == prefix,
    }
}

struct Down<'a> {
    downloader: Downloader<'a>,
    root: &'a Root,
    options: &'a SyncOptions<'a>,
    deferred: bool,
    partial_files: PartialFiles,
}

impl Down<'_> {
    async fn pair(&self, pair: Pair<ListedObject, TreeEntry>) -> Result<Done<TreeEntry>> {
        let done = self.decided(pair).await?;
        if let Done::Source { key, outcome, .. } = &done
            && outcome.is_on_disk()
            && !self.options.dry_run
        {
            self.partial_files.remove_of(self.root, self.downloader.below(key)).await?;
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
            return Ok(Done::Source {
                key: listed.key.into(),
                outcome,
                damaged: false,
                size_bytes: 0,
                there,
                file: None,
            });
        }
        if self.options.dry_run {
            let (key, size_bytes) = (listed.key.into(), listed.size_bytes);
            return Ok(Done::Source {
                key,
                outcome: Outcome::Stored,
                damaged: false,
                size_bytes,
                there,
                file: None,
            });
        }
        // Few keys come here as a rule; kept within, a download would make the step of every key some kilobytes to move.
        let downloaded = Box::pin(self.downloader.object(listed)).await?;
        let size_bytes = downloaded.stored.as_ref().map_or(0, |stored| stored.size_bytes);
        let (key, outcome, damaged) = (downloaded.listed.key.into(), downloaded.outcome, downloaded.damaged);
        Ok(Done::Source { key, outcome, damaged, size_bytes, there, file: None })
    }

    /// Whether the file is what the object is. One that was read and is gets the object's time, so that it need not be
    /// read again.
    async fn unchanged(&self, listed: &ListedObject, local: TreeEntry) -> Result<bool> {
        let Ok(facts) = local.found else { return Ok(false) };
        let modified = listed.modified.known();
        let sizes = (facts.size_bytes, listed.size_bytes);
        match step(sizes, (facts.modified, modified), self.options.unchanged_by) {
            Step::Copy => Ok(false),
            Step::Keep => Ok(true),
            Step::Compare => {
                let (root, listed) = (self.root.clone(), listed.clone());
                let touch = modified.filter(|_| !self.options.dry_run);
                blocking(move || {
                    let path = local.path.components();
                    let same = path_has_bytes_of(&root, &path, &listed)?;
                    if let (true, Some(modified)) = (same, touch) {
                        // A user that may read the file and not change its time reads it again the next time.
                        let _touched = root.open_file(&path)?.set_modified(modified);
                    }
                    Ok(same)
                })
                .await
            }
        }
    }
}
