//! A bucket's side of a sync: what of it is listed and wanted, and in which round.

use futures_util::{Stream, StreamExt as _, TryStreamExt as _, future, stream};

use super::options::SyncOptions;
use crate::error::Result;
use crate::run::Running;
use crate::s3::op::ListedObject;
use crate::s3::{BucketName, Client};
use crate::transfer::{Selection, tell_totals};
use crate::tree::TreeEntry;

/// A bucket's side of a sync.
#[derive(Clone, Debug)]
pub(super) struct BucketSide<'a> {
    pub(super) client: &'a Client,
    pub(super) selection: Selection,
}

impl<'a> BucketSide<'a> {
    /// The objects that the options' patterns do not leave out.
    pub(super) fn new(
        client: &'a Client,
        bucket: &BucketName,
        prefix: &str,
        options: &SyncOptions<'_>,
    ) -> Self {
        Self { client, selection: options.globs.select(bucket, prefix) }
    }

    /// Everything below a prefix.
    pub(super) fn all(client: &'a Client, bucket: &BucketName, prefix: &str) -> Self {
        Self { client, selection: Selection::new(bucket, prefix) }
    }

    pub(super) fn bucket(&self) -> &BucketName {
        self.selection.bucket()
    }

    pub(super) fn prefix(&self) -> &str {
        self.selection.prefix()
    }

    /// The objects of a round: those that are copied last, or all others.
    pub(super) fn in_round(&self, last: bool, options: &SyncOptions<'_>) -> Self {
        if options.last.is_empty() {
            return self.clone();
        }
        let (globs, whole) = (options.last.clone(), self.selection.clone());
        let in_round = move |key: &str| globs.leave_out(whole.below(key)) == last;
        Self { client: self.client, selection: self.selection.clone().filter(in_round) }
    }

    /// The listing of its objects.
    pub(super) fn listing(&self) -> impl Stream<Item = Result<ListedObject>> + Send + use<> {
        let (listing, selection) = (self.client.list(self.bucket(), self.prefix()), self.selection.clone());
        listing.try_filter(move |object| future::ready(selection.wants(&object.key)))
    }

    /// The same as a source, and whether that is one object alone: as with s3cmd, a prefix that is an object's whole key
    /// means that object.
    pub(super) async fn source(
        &self,
        task: &Running<'_>,
    ) -> Result<(impl Stream<Item = Result<ListedObject>> + Send + use<>, bool)> {
        let mut listing = self.client.list(self.bucket(), self.prefix()).boxed();
        let first = listing.try_next().await?;
        let prefix = self.prefix();
        let whole_key = !prefix.is_empty() && !prefix.ends_with('/');
        let alone = whole_key && first.as_ref().is_some_and(|first| first.key == prefix);
        if first.is_some()
            && self.selection.is_whole_bucket()
            && let Ok(totals) = self.client.bucket_totals(self.bucket()).await
        {
            tell_totals(&totals, task);
        }
        let rest = if alone { stream::empty().boxed() } else { listing };
        let objects = stream::iter(first.map(Ok)).chain(rest);
        let selection = self.selection.clone();
        Ok((objects.try_filter(move |object| future::ready(selection.wants(&object.key))), alone))
    }

    /// Whether a file is for a round. An unreadable directory is always reported, in the first round: we cannot know
    /// which of its files the patterns exclude.
    pub(super) fn wants_file(&self, file: &TreeEntry, last: bool) -> bool {
        if file.is_closed() {
            return !last && file.key.starts_with(self.prefix());
        }
        self.selection.wants(&file.key)
    }
}
