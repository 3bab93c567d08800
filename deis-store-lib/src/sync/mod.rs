//! Keeps a directory as a bucket is, or a bucket as a directory or another bucket is: what s3cmd calls `sync`.
//!
//! It keeps no state of its own: a file is unchanged if it has the object's size and time, and read if only the size
//! agrees. Nothing is deleted unless that is asked for, all else has gone well and no guard speaks against it.

mod across;
mod content_type;
mod down;
mod download_tree;
mod globs;
mod options;
mod plan;
mod tally;
mod up;

pub use across::{RemoteTarget, sync_between_buckets, sync_between_clusters};
pub use content_type::ContentTypes;
pub use down::sync_to_directory;
pub use download_tree::{DownloadTree, Existing, Taken, below, take};
pub use globs::Globs;
pub use options::{MaxDelete, SyncOptions, UnchangedBy};
pub use up::sync_to_bucket;

use futures_util::{Stream, StreamExt as _, TryStreamExt as _, future, stream};
use serde::Serialize;

use crate::error::Result;
use crate::outcome::{Counts, Outcome};
use crate::s3::op::ListedObject;
use crate::s3::{BucketName, Client};
use crate::tree::TreeEntry;
use download_tree::directories;

/// Objects of a bucket that stand for a tree.
#[derive(Clone, Copy)]
pub struct BucketTree<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
    /// Only keys that begin so. A file's path is the key without what this has up to its last `/`.
    pub prefix: &'a str,
    /// Of those, only keys for which this holds, given without what is no part of the path. All others are as if they
    /// were not there, on either side.
    pub wanted: &'a (dyn Fn(&str) -> bool + Sync),
}

impl BucketTree<'_> {
    /// What is no part of a file's path.
    fn base(&self) -> &str {
        directories(self.prefix)
    }

    /// What is listed and wanted, and whether that is one object alone: as with s3cmd, a prefix that is an object's whole
    /// key means that object.
    async fn source(&self, client: &Client) -> Result<(impl Stream<Item = Result<ListedObject>>, bool)> {
        let mut listing = client.list(self.bucket, self.prefix).boxed();
        let first = listing.try_next().await?;
        let whole_key = !self.prefix.is_empty() && !self.prefix.ends_with('/');
        let alone = whole_key && first.as_ref().is_some_and(|first| first.key == self.prefix);
        let rest = if alone { stream::empty().boxed() } else { listing };
        let objects = stream::iter(first.map(Ok)).chain(rest);
        Ok((objects.try_filter(|object| future::ready(self.wants(&object.key))), alone))
    }

    /// What is wanted in a round: what is copied last, or all else.
    fn wanted_in(self, last: bool, options: &SyncOptions) -> impl Fn(&str) -> bool + Sync {
        move |path: &str| (self.wanted)(path) && options.last.leave_out(path) == last
    }

    /// Whether a file is for a round. No pattern leaves out what hides files of which nobody knows whether it leaves them
    /// out: that is for the first round.
    fn wants_file(&self, local: &TreeEntry, last: bool) -> bool {
        if local.is_closed() { !last && local.key.starts_with(self.prefix) } else { self.wants(&local.key) }
    }

    fn wants(&self, key: &str) -> bool {
        key.starts_with(self.prefix) && key.get(self.base().len()..).is_some_and(self.wanted)
    }
}

/// A key, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Synced {
    /// The key.
    pub key: String,
    /// What became of it.
    #[serde(flatten)]
    pub did: Fate,
    /// How many bytes were copied.
    #[serde(rename = "size")]
    pub size_bytes: u64,
}

/// What became of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Fate {
    /// The source has it, and this became of it. In a dry run: this would become of it if all went well.
    Source(Outcome),
    /// Only the target has it.
    Target(TargetOnly),
}

/// What became of what only the target has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "why", rename_all = "snake_case")]
pub enum TargetOnly {
    /// It was deleted; in a dry run: it would be.
    Deleted,
    /// It was to be deleted, and was not.
    NotDeleted(String),
    /// It is left alone: it is nothing that a sync makes.
    LeftAlone(String),
}

/// What a sync did. Every key is told of one by one, so that memory does not grow with them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SyncReport {
    /// What became of the keys of the source.
    pub counts: Counts,
    /// How many bytes were copied.
    pub bytes: u64,
    /// How many keys were deleted in the target.
    pub deleted: u64,
    /// How many keys were to be deleted and were not.
    pub not_deleted: u64,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not_deleted: Option<String>,
    /// Whether a guard has kept them.
    pub guarded: bool,
    /// Whether nothing was to be changed.
    pub dry_run: bool,
}

impl SyncReport {
    /// Whether every key of the source is in the target or has vanished, and nothing is there that was to be deleted.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.counts.refused + self.counts.failed + self.not_deleted == 0
    }
}
