//! The options of a rehearsal.

use std::path::PathBuf;

use super::made::{Sample, SampleBucket};
use crate::error::{At, Error, ErrorKind, Result};
use crate::part::BucketPart;

/// The options of a rehearsal.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RehearseOptions {
    /// A directory that is there and is the caller's to remove; some 100 MiB are written to it.
    pub scratch: PathBuf,
    /// The seed of the made cluster.
    pub seed: u64,
    /// Buckets that the made cluster has besides those of Deis.
    pub buckets: Vec<BucketPart>,
    /// The key of an object of which a byte is changed on the way, to see that it is found.
    pub damage: Option<String>,
}

impl RehearseOptions {
    /// A rehearsal in a directory.
    #[must_use]
    pub fn new(scratch: impl Into<PathBuf>) -> Self {
        Self { scratch: scratch.into(), seed: 1, buckets: Vec::new(), damage: None }
    }
}

/// The options of a rehearsal of a snapshot.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SnapshotRehearsal {
    /// A directory that is there and is the caller's to remove. It takes as much as the snapshot's buckets, and the database twice.
    pub scratch: PathBuf,
    /// The directory of PostgreSQL's programs. Without it the usual places are looked at.
    pub postgres: Option<PathBuf>,
    /// The program `wal-e`. Without it the one is taken that a shell finds.
    pub wal_e: Option<PathBuf>,
}

impl SnapshotRehearsal {
    /// A rehearsal in a directory.
    #[must_use]
    pub fn new(scratch: impl Into<PathBuf>) -> Self {
        Self { scratch: scratch.into(), postgres: None, wal_e: None }
    }
}

/// The buckets of the made cluster.
pub(super) fn buckets(options: &RehearseOptions) -> Vec<SampleBucket> {
    let sample = Sample::new(options.seed);
    let added = options.buckets.iter().map(|bucket| sample.added(bucket));
    sample.buckets().into_iter().chain(added).collect()
}

/// A damage that hits nothing would prove nothing.
pub(super) fn check(options: &RehearseOptions) -> Result<()> {
    let Some(key) = &options.damage else { return Ok(()) };
    let buckets = buckets(options);
    let mut objects = buckets.iter().flat_map(|bucket| &bucket.objects).filter(|object| object.key == *key);
    let error = |what: &str| {
        let example = buckets[0].objects.first().map_or("", |object| object.key.as_str());
        Error::new(ErrorKind::Usage, what)
            .at(At::Key, key)
            .todo(format!("name another one, such as {example}"))
    };
    match objects.next() {
        None => Err(error("the made cluster has no such object")),
        Some(object) if object.bytes().is_empty() => Err(error("an empty object has no byte to change")),
        Some(_) => Ok(()),
    }
}
