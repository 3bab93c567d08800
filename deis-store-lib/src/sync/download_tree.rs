//! The objects below a prefix → a directory, under the part of their keys that is below it, as `s3cmd get -r` does.
//!
//! Nothing is compared and nothing deleted; a file that is there is left, replaced or refused as told.

use std::path::PathBuf;

use futures_util::TryStreamExt as _;

use crate::disk::Root;
use crate::error::{ErrorKind, Result};
use crate::key_path::encode;
use crate::outcome::{Each, Fate, KeyOutcome, Outcome};
use crate::run::{Run, Running, TaskKind, TaskResult};
use crate::s3::Client;
use crate::s3::op::ListedObject;
use crate::transfer::{Downloaded, Downloader, Selection, Sink, ordered};

/// Downloads objects into a directory, for its user alone.
#[derive(Clone, Debug)]
pub struct DownloadTree {
    /// The cluster's gateways.
    pub client: Client,
    /// The objects. The part of a key behind the last slash of the prefix is the path.
    pub selection: Selection,
    /// The directory, which is made where it is missing.
    pub directory: PathBuf,
}

/// How objects are downloaded into a directory.
#[derive(Debug, Default)]
pub struct DownloadTreeOptions<'a> {
    /// The treatment of a file that is there.
    pub existing: Existing,
    /// Change nothing.
    pub dry_run: bool,
    /// Called for every object that is selected, in the order of the listing, with the path that its file has or would
    /// have.
    pub each: Each<'a, KeyOutcome>,
}

/// The treatment of a file that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Refuse the object.
    #[default]
    Refuse,
    /// Leave the file; its object is [`Outcome::Unchanged`].
    Skip,
    /// Replace the file.
    Replace,
}

impl DownloadTree {
    /// Downloads the objects. An error befalls all.
    pub async fn run(&self, options: &DownloadTreeOptions<'_>, run: &Run) -> Result<()> {
        if options.dry_run {
            return self.plan(options).await;
        }
        // A bucket that is not there makes no directory.
        self.client.is_empty(self.selection.bucket()).await?;
        let root = Root::create(&self.directory)?;
        let task = run.begin(None, TaskKind::Transfer, "get");
        self.download(&root, options, &task).await?;
        task.done(TaskResult::Good);
        Ok(())
    }

    /// Tells the outcome of each object if all went well.
    async fn plan(&self, options: &DownloadTreeOptions<'_>) -> Result<()> {
        let root = match Root::open(&self.directory) {
            Ok(root) => Some(root),
            // Then nothing is there yet.
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let mut listing = Box::pin(self.client.list(self.selection.bucket(), self.selection.prefix()));
        while let Some(listed) = listing.try_next().await? {
            if self.selection.wants(&listed.key) {
                let path = encode(self.selection.below(&listed.key));
                let existing = root.as_ref().and_then(|root| options.existing.outcome(root, &path));
                options.each.call(self.told(listed, &path, existing.unwrap_or(Outcome::Stored), false))?;
            }
        }
        Ok(())
    }

    async fn download(
        &self,
        root: &Root,
        options: &DownloadTreeOptions<'_>,
        task: &Running<'_>,
    ) -> Result<()> {
        let (client, selection) = (&self.client, &self.selection);
        let listing = client.list(selection.bucket(), selection.prefix());
        let listing = listing.try_filter(|object| std::future::ready(selection.wants(&object.key)));
        let sink = Sink::Mirror { prefix_bytes: selection.base().len() };
        let downloader = Downloader::new(client, selection.bucket(), root, sink);
        let downloads = listing.map_ok(|listed| self.one(&downloader, root, options.existing, listed));
        let mut results = Box::pin(ordered(downloads, client.in_flight(), task.run().stop.clone()));
        while let Some(told) = results.try_next().await? {
            task.advance(1, told.size_bytes);
            options.each.call(told)?;
        }
        Ok(())
    }

    async fn one(
        &self,
        downloader: &Downloader<'_>,
        root: &Root,
        existing: Existing,
        listed: ListedObject,
    ) -> Result<KeyOutcome> {
        let path = encode(self.selection.below(&listed.key));
        if let Some(outcome) = existing.outcome(root, &path) {
            return Ok(self.told(listed, &path, outcome, false));
        }
        let Downloaded { listed, outcome, damaged, stored } = downloader.object(listed).await?;
        let path = stored.map_or(path, |stored| stored.path);
        Ok(self.told(listed, &path, outcome, damaged))
    }

    fn told(&self, listed: ListedObject, path: &[String], outcome: Outcome, damaged: bool) -> KeyOutcome {
        let copied = matches!(outcome, Outcome::Stored | Outcome::Unverifiable(_));
        KeyOutcome {
            key: listed.key.into(),
            fate: Fate::Source(outcome),
            damaged,
            size_bytes: if copied { listed.size_bytes } else { 0 },
            path: Some(self.directory.join(path.iter().collect::<PathBuf>())),
        }
    }
}

impl Existing {
    /// The outcome of an object in whose place a file is. Where that cannot be told, such as below a file, the object's
    /// path is found when it is written.
    fn outcome(self, root: &Root, path: &[String]) -> Option<Outcome> {
        if self == Self::Replace || !matches!(root.kind(path), Ok(Some(_))) {
            return None;
        }
        Some(match self {
            Self::Skip => Outcome::Unchanged,
            _ => Outcome::Refused("the file is there already".to_owned()),
        })
    }
}
