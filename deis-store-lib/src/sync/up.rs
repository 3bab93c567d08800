//! Directory → bucket, on top of the uploads of single files.

use std::path::PathBuf;

use futures_util::{Stream, TryStreamExt as _, future};

use super::bucket_side::BucketSide;
use super::compare::path_has_bytes_of;
use super::globs::DirectoryPatterns;
use super::look_back::lacks_any;
use super::options::SyncOptions;
use super::plan::{Step, step};
use super::report::SyncReport;
use super::tally::{Done, Tally, deferred};
use crate::blocking::blocking;
use crate::disk::Root;
use crate::error::{Error, ErrorKind, Result};
use crate::outcome::Outcome;
use crate::run::Running;
use crate::s3::ObjectKey;
use crate::s3::op::ListedObject;
use crate::transfer::{CircuitBreaker, UploadFile, Uploader, ordered};
use crate::tree::{Pair, TreeEntry, TreePath, merge, walk, walk_ahead};

/// Makes the objects of `target` as the files below `root` are. No file is changed.
pub(super) async fn sync(
    root: &Root,
    target: &BucketSide<'_>,
    options: &SyncOptions<'_>,
    task: &Running<'_>,
) -> Result<SyncReport> {
    let patterns = DirectoryPatterns::new(options.globs.clone(), root.path());
    let base = target.selection.base();
    let mut tally = Tally::new(options);
    for last in options.rounds() {
        let mut deferred = tally.begin(*last);
        if *last && !deferred && tally.has_sent() {
            let before = target.in_round(false, options);
            let sent =
                files(root, &before, &patterns, false).try_filter(|file| future::ready(file.found.is_ok()));
            deferred = lacks_any(sent, before.listing(), task).await?;
        }
        let target = target.in_round(*last, options);
        let files = files(root, &target, &patterns, *last);
        let uploader = Uploader { client: target.client, bucket: target.bucket(), look_first: false };
        let up = Up { uploader, root, base, options, deferred, breaker: CircuitBreaker::default() };
        let mut closed = String::new();
        let work = merge(files, target.listing()).map_ok(|pair| {
            if let Pair::Left(local) | Pair::Both(local, _) = &pair
                && local.is_closed()
            {
                closed.clone_from(&local.key);
            }
            // What is in a directory that cannot be read is told of, also if the directory is left out.
            let is_closed = |key: &str| !closed.is_empty() && key.starts_with(&closed);
            let left_out = matches!(&pair, Pair::Right(object) if !is_closed(&object.key)
                && patterns.protect(&object.key[base.len()..]));
            let up = &up;
            async move { if left_out { Ok(Done::LeftOut) } else { up.pair(pair).await } }
        });
        let pairs = ordered(work, target.client.in_flight(), task.run().stop.clone());
        tally.count(pairs, |object: ListedObject| (object.key.into(), Ok(())), task).await?;
    }
    tally.delete_objects(target, task).await?;
    tally.finish()
}

/// The files of a round.
fn files(
    root: &Root,
    target: &BucketSide<'_>,
    patterns: &DirectoryPatterns,
    last: bool,
) -> impl Stream<Item = Result<TreeEntry>> + Send {
    let base = target.selection.base().len();
    let (files, _) = walk_ahead(walk(root, target.selection.base()).skip(patterns.skip(base)));
    files.try_filter(move |file| {
        future::ready(target.wants_file(file, last) && !patterns.leave_out_symlink(file, base))
    })
}

struct Up<'a> {
    uploader: Uploader<'a>,
    root: &'a Root,
    base: &'a str,
    options: &'a SyncOptions<'a>,
    deferred: bool,
    breaker: CircuitBreaker,
}

impl Up<'_> {
    async fn pair(&self, pair: Pair<TreeEntry, ListedObject>) -> Result<Done<ListedObject>> {
        let (TreeEntry { key, path, found }, listed) = match pair {
            Pair::Right(object) => return Ok(Done::TargetOnly(object)),
            Pair::Left(local) => (local, None),
            Pair::Both(local, object) => (local, Some(object)),
        };
        let there = listed.is_some();
        let file = self.other_name(&key, &path);
        let facts = match found {
            Ok(facts) => facts,
            Err(why) => {
                let outcome = Outcome::Refused(format!("it is {why}"));
                return Ok(Done::Source { key, outcome, damaged: false, size_bytes: 0, there, file });
            }
        };
        if let Some(listed) = listed {
            let times = (facts.modified, listed.modified.known());
            let root = self.root.clone();
            let unchanged =
                match step((facts.size_bytes, listed.size_bytes), times, self.options.unchanged_by) {
                    Step::Copy => false,
                    Step::Keep => true,
                    Step::Compare => {
                        let path = path.components();
                        blocking(move || path_has_bytes_of(&root, &path, &listed)).await?
                    }
                };
            if unchanged {
                return Ok(Done::Source {
                    key,
                    outcome: Outcome::Unchanged,
                    damaged: false,
                    size_bytes: 0,
                    there,
                    file,
                });
            }
        }
        let outcome = if self.deferred {
            deferred()
        } else {
            match self.upload(&key, path.components(), facts.size_bytes).await {
                Ok(()) => {
                    self.breaker.succeeded();
                    Outcome::Stored
                }
                Err(error) => self.outcome(error)?,
            }
        };
        let size_bytes = if outcome == Outcome::Stored { facts.size_bytes } else { 0 };
        Ok(Done::Source { key, outcome, damaged: false, size_bytes, there, file })
    }

    /// The file's path, if its key is another one: `50%25` is the file of the key `50%`.
    fn other_name(&self, key: &str, path: &TreePath) -> Option<PathBuf> {
        let path = path.components().join("/");
        (key.get(self.base.len()..) != Some(&path)).then(|| path.into())
    }

    async fn upload(&self, key: &str, path: Vec<String>, size_bytes: u64) -> Result<()> {
        if self.options.dry_run {
            return ObjectKey::new(key).map(drop);
        }
        let root = self.root.clone();
        let content_type = self.options.content_types.of(key).map(str::to_owned);
        let file = UploadFile::new(key, size_bytes, move || root.open_file(&path));
        self.uploader.upload(UploadFile { content_type, ..file }).await.map(drop)
    }

    /// The outcome of this file alone; or the error, if it befalls all.
    fn outcome(&self, error: Error) -> Result<Outcome> {
        if error.kind() == ErrorKind::NotFound && error.place().path().is_some() {
            return Ok(Outcome::Vanished);
        }
        self.breaker.outcome(error)
    }
}
