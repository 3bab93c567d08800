//! The kinds of parts, and how they are called. Pure.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Serialize, Serializer};

use super::bucket::BucketPart;
use crate::contents::Contents;

/// A part, in the order in which reports name them. Two parts are the same if their names are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// A bucket: its objects, and what they mean.
    Bucket(BucketPart),
    /// The store volume.
    Volume,
    /// A dump of the database.
    Sql,
    /// The operator's configuration in etcd.
    Config,
}

impl Part {
    /// The bucket of the database's write-ahead log and base backups.
    #[must_use]
    pub fn db_wal() -> Self {
        Self::Bucket(BucketPart::db_wal())
    }

    /// The bucket of the applications' images.
    #[must_use]
    pub fn registry() -> Self {
        Self::Bucket(BucketPart::registry())
    }

    /// The parts that are one file each.
    pub(crate) const FILES: [Self; 3] = [Self::Volume, Self::Sql, Self::Config];

    /// The parts of a Deis platform.
    #[must_use]
    pub(crate) fn of_deis() -> BTreeSet<Self> {
        [Self::db_wal(), Self::registry(), Self::Volume, Self::Sql, Self::Config].into()
    }

    /// Its name: on the command line, in the manifest, and of its directory.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Bucket(bucket) => bucket.name(),
            Self::Volume => "volume",
            Self::Sql => "sql",
            Self::Config => "config",
        }
    }

    /// The bucket, if it is one: a directory of objects with lists.
    #[must_use]
    pub(crate) fn as_bucket(&self) -> Option<&BucketPart> {
        match self {
            Self::Bucket(bucket) => Some(bucket),
            Self::Volume | Self::Sql | Self::Config => None,
        }
    }

    /// The meaning of its objects, if it has any.
    #[must_use]
    pub(crate) fn contents(&self) -> Option<Contents> {
        self.as_bucket().map(BucketPart::contents)
    }

    /// The file of a part that is not a bucket.
    #[must_use]
    pub fn file_name(&self) -> Option<&'static str> {
        match self {
            Self::Bucket(_) => None,
            Self::Volume => Some("store_file_backup.tar.gz"),
            Self::Sql => Some("dump_all.sql.gz"),
            Self::Config => Some("config.json"),
        }
    }

    /// The part whose file this is.
    #[cfg(feature = "backup")]
    #[must_use]
    pub(crate) fn of_file(name: &str) -> Option<Self> {
        Self::FILES.into_iter().find(|part| part.file_name() == Some(name))
    }

    /// The part of a name, if it is the name of one; of a bucket that was added, with these contents.
    pub(crate) fn of_name(name: &str, contents: Option<Contents>) -> Option<Self> {
        let file = Self::FILES.into_iter().find(|part| part.name() == name);
        file.or_else(|| BucketPart::of_name(name, contents).map(Self::Bucket))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::BucketName;

    #[test]
    fn parts_stand_in_the_order_of_reports_added_buckets_after_those_of_deis() {
        let added = BucketPart::new(BucketName::new("aaa").unwrap(), Contents::Plain).unwrap();
        let mut parts = Part::of_deis();
        parts.insert(Part::Bucket(added));
        let names: Vec<_> = parts.iter().map(Part::name).collect();
        assert_eq!(names, ["db_wal", "registry", "bucket.aaa", "volume", "sql", "config"]);
    }
}
