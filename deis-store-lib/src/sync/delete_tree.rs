//! The objects below a prefix are deleted, as `s3cmd del -r` does: many with one request.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};

use crate::error::Result;
use crate::outcome::{Each, Fate, KeyOutcome, TargetOnly};
use crate::run::Run;
use crate::s3::op::{ListObjects, ListedObject, NotDeleted};
use crate::s3::{BucketName, Client, ObjectKey};
use crate::transfer::Selection;

/// How many objects are deleted with one request.
pub(super) const DELETED_AT_ONCE: usize = 1000;

/// Deletes objects.
#[derive(Clone, Debug)]
pub struct DeleteTree {
    /// The cluster's gateways.
    pub client: Client,
    /// The objects.
    pub selection: Selection,
}

/// How objects are deleted.
#[derive(Debug, Default)]
pub struct DeleteTreeOptions<'a> {
    /// Change nothing.
    pub dry_run: bool,
    /// Called for every object that is selected, in the order of the listing, with its size.
    pub each: Each<'a, KeyOutcome>,
}

impl DeleteTree {
    /// Deletes the objects. An error befalls all.
    pub async fn run(&self, options: &DeleteTreeOptions<'_>, run: &Run) -> Result<()> {
        let (client, bucket) = (&self.client, self.selection.bucket());
        let listing = client.list(bucket, self.selection.prefix());
        let listing = listing.try_filter(|object| std::future::ready(self.selection.wants(&object.key)));
        let mut batches = pin!(listing.try_chunks(DELETED_AT_ONCE).map_err(|error| error.1));
        while let Some(batch) = batches.next().await.transpose()? {
            run.stop.check()?;
            self.delete(batch, options).await?;
        }
        Ok(())
    }

    async fn delete(&self, batch: Vec<ListedObject>, options: &DeleteTreeOptions<'_>) -> Result<()> {
        let keys = batch.iter().map(|object| object.key.as_str());
        let not_deleted = if options.dry_run {
            Vec::new()
        } else {
            delete_keys(&self.client, self.selection.bucket(), keys).await?
        };
        for object in batch {
            let fate = Fate::Target(fate_of(&object.key, &not_deleted));
            let size_bytes = object.size_bytes;
            options.each.call(KeyOutcome {
                key: object.key.into(),
                fate,
                damaged: false,
                size_bytes,
                path: None,
            })?;
        }
        Ok(())
    }
}

/// Deletes objects, whose keys are sorted, with one request, and says which of them were not deleted: also those that are
/// listed as before, though the gateway says that they are gone. It says so of keys that do not exist, too.
pub(super) async fn delete_keys(
    client: &Client,
    bucket: &BucketName,
    keys: impl Iterator<Item = &str>,
) -> Result<Vec<NotDeleted>> {
    let keys: Vec<ObjectKey> = keys.map(ObjectKey::new).collect::<Result<_>>()?;
    let mut not_deleted = client.delete_all(bucket, &keys).await?;
    for attempt in 0.. {
        let mut left = still_listed(client, bucket, &keys).await?;
        left.retain(|key| not_deleted.iter().all(|one| one.key != *key));
        if left.is_empty() {
            break;
        }
        if attempt == MOST_LOOKS {
            let still = |key| NotDeleted { key, code: "it is listed as before".to_owned() };
            not_deleted.extend(left.into_iter().map(still));
            break;
        }
        // An index that lags behind has caught up after this.
        client.sleep(BETWEEN_LOOKS).await?;
    }
    Ok(not_deleted)
}

/// Those of these keys that are listed.
async fn still_listed(client: &Client, bucket: &BucketName, keys: &[ObjectKey]) -> Result<Vec<ObjectKey>> {
    let (Some(first), Some(last)) = (keys.iter().min(), keys.iter().max()) else { return Ok(Vec::new()) };
    let wanted: BTreeSet<&ObjectKey> = keys.iter().collect();
    let mut still = Vec::new();
    // A marker is left out itself: this one is before the first key.
    let mut marker = first.char_indices().next_back().map_or("", |(at, _)| &first[..at]).to_owned();
    loop {
        let page = ListObjects { bucket, prefix: "", marker: &marker, delimiter: None, max_keys: 1000 };
        let page = client.page(&page).await?;
        let is_beyond = page.objects.last().is_some_and(|object| object.key >= *last);
        still.extend(page.objects.into_iter().map(|object| object.key).filter(|key| wanted.contains(key)));
        match page.next {
            Some(next) if !is_beyond => marker = next,
            _ => return Ok(still),
        }
    }
}

/// How often more it is looked whether keys are still listed, and how long after each other.
const MOST_LOOKS: u32 = 3;
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// The fate of a key that was to be deleted.
pub(super) fn fate_of(key: &str, not_deleted: &[NotDeleted]) -> TargetOnly {
    let why = not_deleted.iter().find(|one| one.key == key);
    why.map_or(TargetOnly::Deleted, |why| TargetOnly::NotDeleted(why.code.clone()))
}
