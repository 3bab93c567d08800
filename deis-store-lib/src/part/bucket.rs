//! A bucket as a part: its name in a snapshot, and what its objects mean. Pure.
//!
//! The name becomes a directory and the beginning of file names, and comes back from untrusted manifests: it must not be
//! able to lead anywhere else.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use crate::contents::Contents;
use crate::error::{At, Context as _, Error, ErrorKind, Result};
use crate::s3::BucketName;

/// The prefix of the names of added buckets' parts: so no bucket can take the name of another part or file.
const ADDED: &str = "bucket.";

/// A list's name is the part's with a number, and a file's name has at most 255 bytes.
const LONGEST_NAME_BYTES: usize = 200;

/// A bucket as a part. Clones share it.
#[derive(Clone, Debug)]
pub struct BucketPart(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    contents: Contents,
    /// The bucket of an added part; a platform says itself what those of Deis are called.
    bucket: Option<BucketName>,
}

impl BucketPart {
    /// The bucket of the database's write-ahead log and base backups.
    #[must_use]
    pub(crate) fn db_wal() -> Self {
        Self::of_deis("db_wal", Contents::WalE)
    }

    /// The bucket of the applications' images.
    #[must_use]
    pub(crate) fn registry() -> Self {
        Self::of_deis("registry", Contents::Registry)
    }

    /// Any other bucket: the part `bucket.NAME`.
    pub fn new(bucket: BucketName, contents: Contents) -> Result<Self> {
        let name = bucket.as_str();
        if name.contains("..") || name.len() > LONGEST_NAME_BYTES {
            return Err(Error::new(ErrorKind::Usage, "a bucket of this name cannot be backed up")
                .at(At::Bucket, name)
                .todo(format!(
                    "names of up to {LONGEST_NAME_BYTES} bytes without two dots in a row become directories"
                )));
        }
        Ok(Self(Arc::new(Inner { name: format!("{ADDED}{name}"), contents, bucket: Some(bucket) })))
    }

    /// The part of a name, with these contents; `None` if it is no bucket's name.
    pub(crate) fn of_name(name: &str, contents: Option<Contents>) -> Option<Self> {
        match name {
            "db_wal" => Some(Self::db_wal()),
            "registry" => Some(Self::registry()),
            _ => {
                let bucket = BucketName::new(name.strip_prefix(ADDED)?).ok()?;
                Self::new(bucket, contents.unwrap_or_default()).ok()
            }
        }
    }

    fn of_deis(name: &str, contents: Contents) -> Self {
        Self(Arc::new(Inner { name: name.to_owned(), contents, bucket: None }))
    }

    /// The part's name: `db_wal`, `registry` or `bucket.NAME`.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// The meaning of its objects.
    #[must_use]
    pub(crate) fn contents(&self) -> Contents {
        self.0.contents
    }

    /// The bucket, if it was added by name; those of Deis are called what the platform calls them.
    #[must_use]
    pub fn added(&self) -> Option<&BucketName> {
        self.0.bucket.as_ref()
    }
}

/// `NAME[:CONTENTS]`, as it is typed.
impl FromStr for BucketPart {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, contents) = match text.split_once(':') {
            Some((name, word)) => (name, word.parse().at(At::Bucket, name)?),
            None => (text, Contents::Plain),
        };
        Self::new(BucketName::new(name)?, contents)
    }
}

/// Refuses buckets that are the same, or would be on a file system that folds case.
pub(crate) fn refuse_twins<'a>(parts: impl IntoIterator<Item = &'a BucketPart>) -> Result<()> {
    let mut names = std::collections::BTreeSet::new();
    for part in parts {
        if !names.insert(part.name().to_ascii_lowercase()) {
            return Err(Error::new(ErrorKind::Usage, "two buckets have this name, or differ only in case")
                .at(At::Part, part.name())
                .todo("give them one snapshot each"));
        }
    }
    Ok(())
}

impl BucketPart {
    fn order(&self) -> (bool, &str) {
        (self.0.bucket.is_some(), &self.0.name)
    }
}

impl PartialEq for BucketPart {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for BucketPart {}

impl PartialOrd for BucketPart {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for BucketPart {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl Hash for BucketPart {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_typed_with_its_contents_and_plain_without() {
        let part = |text: &str| text.parse::<BucketPart>();
        let uploads = part("uploads").unwrap();
        assert_eq!((uploads.name(), uploads.contents()), ("bucket.uploads", Contents::Plain));
        assert_eq!(uploads.added().unwrap().as_str(), "uploads");
        assert_eq!(part("dbwal:wal-e").unwrap().contents(), Contents::WalE);
        assert_eq!(part("images:registry").unwrap().contents(), Contents::Registry);
        for wrong in
            ["", "ab", "a/b", "../x", "a..b", "uploads:", "uploads:wale", "uploads:plain:plain", "ü-bucket"]
        {
            assert_eq!(part(wrong).unwrap_err().kind(), ErrorKind::Usage, "{wrong}");
        }
        assert!(part(&"n".repeat(200)).is_ok() && part(&"n".repeat(201)).is_err());
    }

    #[test]
    fn a_name_from_a_manifest_is_a_bucket_or_none() {
        let name = |name: &str| BucketPart::of_name(name, None).map(|part| part.contents());
        assert_eq!(name("db_wal"), Some(Contents::WalE));
        assert_eq!(name("bucket.db_wal"), Some(Contents::Plain));
        for foreign in ["bucket.", "bucket.../x", "bucket.a/b", "bucket...", "uploads", "volume", "lists"] {
            assert_eq!(name(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn twins_are_refused_also_where_only_the_case_differs() {
        let parts =
            |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<BucketPart>>();
        refuse_twins(&parts(&["uploads", "downloads", "db_wal"])).unwrap();
        for twins in [["uploads", "uploads:wal-e"], ["uploads", "Uploads"]] {
            assert_eq!(refuse_twins(&parts(&twins)).unwrap_err().kind(), ErrorKind::Usage);
        }
    }
}
