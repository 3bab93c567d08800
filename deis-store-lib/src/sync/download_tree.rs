//! The objects below a prefix → a directory, under the part of their keys that is below it, as `s3cmd get -r` does.
//!
//! Nothing is compared and nothing deleted; a file that is there is left, replaced or refused as told.

use futures_util::TryStreamExt as _;

use super::{Globs, Outcome};
use crate::disk::{Root, encode};
use crate::error::Result;
use crate::run::{Run, Running};
use crate::s3::op::ListedObject;
use crate::s3::{BucketName, Client};
use crate::transfer::download::{Sink, Transfer};
use crate::transfer::ordered;

/// Objects that are to be downloaded.
#[derive(Clone, Copy, Debug)]
pub struct DownloadTree<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
    /// Only keys that begin so. What follows its last slash is part of the paths.
    pub prefix: &'a str,
    /// What to leave out, by path.
    pub globs: &'a Globs,
    /// What to do where a file is.
    pub existing: Existing,
}

/// What to do where a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Refuse the object.
    Refuse,
    /// Leave the file.
    Skip,
    /// Replace the file.
    Replace,
}

/// A listed object, and what became of it.
#[derive(Debug)]
pub struct Taken {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The components of its path, or of that which it would have.
    pub path: Vec<String>,
    /// What became of it; [`Outcome::Unchanged`] if the file that is there was left.
    pub outcome: Outcome,
}

impl DownloadTree<'_> {
    /// The part of a key that becomes its path; `None` if it is left out.
    #[must_use]
    pub fn path<'k>(&self, key: &'k str) -> Option<&'k str> {
        let path = below(self.prefix, key);
        (!self.globs.leave_out(path)).then_some(path)
    }

    /// What would become of a listed object, if all goes well; `None` if it is left out. Without a root nothing is
    /// there yet.
    #[must_use]
    pub fn plan(&self, listed: &ListedObject, root: Option<&Root>) -> Option<Taken> {
        let path = encode(self.path(&listed.key)?);
        let outcome = root.and_then(|root| self.existing(root, &path)).unwrap_or(Outcome::Stored);
        Some(Taken { key: listed.key.to_string(), size_bytes: listed.size_bytes, path, outcome })
    }

    /// What becomes of an object because a file is there. Where that cannot be told, such as below a file, its own
    /// path is found when it is written.
    fn existing(&self, root: &Root, path: &[String]) -> Option<Outcome> {
        if self.existing == Existing::Replace || !matches!(root.kind(path), Ok(Some(_))) {
            return None;
        }
        Some(match self.existing {
            Existing::Skip => Outcome::Unchanged,
            _ => Outcome::Refused("the file is there already".to_owned()),
        })
    }
}

/// A key without the directories of the prefix that it begins with.
#[must_use]
pub fn below<'a>(prefix: &str, key: &'a str) -> &'a str {
    key.get(directories(prefix).len()..).unwrap_or(key)
}

/// What a prefix has up to its last slash.
pub(super) fn directories(prefix: &str) -> &str {
    prefix.rfind('/').map_or("", |end| &prefix[..=end])
}

/// Downloads objects beneath `root` for its user alone, and calls `each` for every listed one that is not left out, in the
/// order of the listing. An error is what befalls all.
pub async fn take(
    client: &Client,
    wanted: &DownloadTree<'_>,
    root: &Root,
    run: &Run,
    progress: &Running<'_>,
    mut each: impl FnMut(Taken) -> Result<()>,
) -> Result<()> {
    let listing = client.list(wanted.bucket, wanted.prefix);
    let listing = listing.try_filter(|object| std::future::ready(wanted.path(&object.key).is_some()));
    let form = Sink::Mirror { prefix_bytes: directories(wanted.prefix).len() };
    let transfer = Transfer::new(client, wanted.bucket, root, form);
    let transfers = listing.map_ok(|object| one(&transfer, wanted, root, object));
    let mut results = Box::pin(ordered(transfers, client.in_flight(), run.stop.clone()));
    while let Some(taken) = results.try_next().await? {
        progress.advance(1, if taken.outcome.is_on_disk() { taken.size_bytes } else { 0 });
        each(taken)?;
    }
    Ok(())
}

async fn one(
    transfer: &Transfer<'_>,
    wanted: &DownloadTree<'_>,
    root: &Root,
    listed: ListedObject,
) -> Result<Taken> {
    let path = encode(below(wanted.prefix, &listed.key));
    let (listed, path, outcome) = if let Some(outcome) = wanted.existing(root, &path) {
        (listed, path, outcome)
    } else {
        let pulled = transfer.object(listed).await?;
        (pulled.listed, pulled.stored.map_or(path, |stored| stored.path), pulled.outcome)
    };
    Ok(Taken { key: listed.key.into(), size_bytes: listed.size_bytes, path, outcome })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directories_of_the_prefix_are_not_in_the_path() {
        for (prefix, key, path) in [
            ("", "a/b", "a/b"),
            ("a", "a/b", "a/b"),
            ("a/", "a/b", "b"),
            ("a/b", "a/bc/d", "bc/d"),
            ("a/", "a//b", "/b"),
        ] {
            assert_eq!(below(prefix, key), path, "{prefix} {key}");
        }
    }

    #[test]
    fn patterns_are_matched_with_the_path_and_not_with_the_key() {
        let bucket = BucketName::new("abc").unwrap();
        let globs = Globs::new(&["a/b"], &[]);
        let wanted =
            DownloadTree { bucket: &bucket, prefix: "a/", globs: &globs, existing: Existing::Refuse };
        assert_eq!(wanted.path("a/b"), Some("b"));
        assert_eq!(wanted.path("a/a/b"), None);
    }
}
