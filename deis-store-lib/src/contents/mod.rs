//! The meaning of the objects of a bucket, from their names: in which order a backup copies them, which of them say "this is
//! whole", and what a restore must see at the end. Pure.
//!
//! Every rule that depends on what a bucket holds is asked of [`Contents`] and written nowhere else.

#[cfg(feature = "backup")]
mod directory;
#[cfg(all(test, feature = "backup"))]
pub(crate) mod random_changes;
#[cfg(feature = "backup")]
pub(crate) mod registry;
#[cfg(feature = "backup")]
pub(crate) mod wal_e;

#[cfg(feature = "backup")]
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{At, Error, ErrorKind};

#[cfg(feature = "backup")]
pub(crate) use wal_e::Segment;

/// The kind of objects that a bucket holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contents {
    /// Objects that do not refer to each other.
    #[default]
    Plain,
    /// Base backups and the write-ahead log of PostgreSQL, by WAL-E, at the root of the bucket or below any prefix.
    WalE,
    /// The images of a registry: docker-registry 0.x or distribution 2.
    Registry,
}

/// One listing of a bucket in a backup, and which of its keys are copied then.
#[cfg(feature = "backup")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    takes: fn(&str) -> bool,
    /// Whether only those references are copied that were there before the pass began: what they refer to is then whole.
    pub(crate) settled: bool,
}

#[cfg(feature = "backup")]
impl Pass {
    /// Whether a key is copied in this pass. Each key is taken by exactly one pass of its contents.
    #[must_use]
    pub(crate) fn takes(&self, key: &str) -> bool {
        (self.takes)(key)
    }
}

#[cfg(feature = "backup")]
const PLAIN: [Pass; 1] = [Pass { takes: |_| true, settled: false }];
#[cfg(feature = "backup")]
const WAL_E: [Pass; 2] = [
    Pass { takes: wal_e::is_base_backup, settled: true },
    Pass { takes: |key| !wal_e::is_base_backup(key), settled: false },
];
#[cfg(feature = "backup")]
const REGISTRY: [Pass; 2] = [
    Pass { takes: registry::is_repository, settled: false },
    Pass { takes: |key| !registry::is_repository(key), settled: false },
];

impl Contents {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Plain, Self::WalE, Self::Registry];

    /// Its word: on the command line and in the manifest.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::WalE => "wal-e",
            Self::Registry => "registry",
        }
    }

    /// The listings of a backup, in order. References are copied before the objects that they refer to, so that all of these are
    /// there.
    ///
    /// WAL-E: base backups whose sentinel was there before the first of them is copied, then all else, so that the log
    /// reaches at least to the end of each base backup. A registry: tags, then all else, so that every image that a copied
    /// tag names is copied.
    #[cfg(feature = "backup")]
    #[must_use]
    pub(crate) fn passes(self) -> &'static [Pass] {
        match self {
            Self::Plain => &PLAIN,
            Self::WalE => &WAL_E,
            Self::Registry => &REGISTRY,
        }
    }

    /// Whether an object says that others are whole: a sentinel, a tag. A restore writes it when these are there.
    #[cfg(feature = "backup")]
    #[must_use]
    pub(crate) fn is_reference(self, key: &str) -> bool {
        match self {
            Self::Plain => false,
            Self::WalE => wal_e::is_sentinel(key),
            Self::Registry => registry::is_tag(key),
        }
    }

    /// The reference that says that others and this object are whole, where the key tells.
    #[cfg(feature = "backup")]
    #[must_use]
    pub(crate) fn reference_to(self, key: &str) -> Option<String> {
        (self == Self::WalE).then(|| wal_e::sentinel_of(key)).flatten()
    }

    /// The segment of a database's log that an object is, with the prefix below which the log lies.
    #[cfg(feature = "backup")]
    #[must_use]
    pub(crate) fn segment(self, key: &str) -> Option<(&str, Segment)> {
        if self == Self::WalE { wal_e::segment_of(key) } else { None }
    }

    /// The beginning of the keys that a reference says are whole, where its name tells.
    #[cfg(feature = "backup")]
    #[must_use]
    pub(crate) fn whole_below(self, reference: &str) -> Option<String> {
        (self == Self::WalE).then(|| wal_e::objects_of(reference)).flatten()
    }

    /// Whether the order matters in which references were written: a restore then writes them one by one, oldest first.
    #[cfg(feature = "backup")]
    #[must_use]
    pub(crate) fn has_latest(self) -> bool {
        self == Self::WalE
    }

    /// By prefix, the reference that a reader takes for the latest, given all of them with their time of writing in the
    /// order of the listing. Empty for contents without such a thing.
    #[cfg(feature = "backup")]
    #[must_use]
    pub(crate) fn latest<T: Ord>(
        self,
        references: impl IntoIterator<Item = (String, T)>,
    ) -> BTreeMap<String, String> {
        if self.has_latest() { wal_e::latest_by_prefix(references) } else { BTreeMap::new() }
    }
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Contents {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|contents| contents.as_str() == word).ok_or_else(|| {
            Error::new(ErrorKind::Usage, "no bucket has such contents")
                .at(At::Name, word)
                .todo(format!("use one of {}", Self::ALL.map(Self::as_str).join(", ")))
        })
    }
}

#[cfg(all(test, feature = "backup"))]
mod tests {
    use super::*;

    const KEYS: [&str; 12] = [
        "basebackups_005/base_00000001000000000000000A_00000040_backup_stop_sentinel.json",
        "basebackups_005/base_00000001000000000000000A_00000040/tar_partitions/part_00000000.tar.lzo",
        "pg/main/basebackups_005/base_00000001000000000000000A_00000040_backup_stop_sentinel.json",
        "pg/main/basebackups_005/base_00000001000000000000000A_00000040/extended_version.txt",
        "pg/main/wal_005/00000001000000000000000A.lzo",
        "wal_005/00000001000000000000000A.lzo",
        "registry/repositories/library/app/tag_v1",
        "registry/images/0a/layer",
        "docker/registry/v2/repositories/app/_manifests/tags/v1/current/link",
        "docker/registry/v2/blobs/sha256/0a/0a/data",
        "/odd//key/",
        "",
    ];

    #[test]
    fn each_key_is_copied_in_exactly_one_pass() {
        for contents in Contents::ALL {
            for key in KEYS {
                let passes = contents.passes().iter().filter(|pass| pass.takes(key)).count();
                assert_eq!(passes, 1, "{contents}: {key}");
            }
        }
    }

    #[test]
    fn what_refers_is_copied_in_the_first_pass_and_what_it_refers_to_in_no_earlier_one() {
        for contents in Contents::ALL {
            let first = contents.passes()[0];
            for key in KEYS.into_iter().filter(|key| contents.is_reference(key)) {
                assert!(first.takes(key), "{contents}: {key}");
            }
        }
        assert!(!Contents::WalE.passes()[0].takes("wal_005/00000001000000000000000A.lzo"));
        assert!(!Contents::Registry.passes()[0].takes("docker/registry/v2/blobs/sha256/0a/0a/data"));
    }

    #[test]
    fn contents_have_one_word_everywhere() {
        for contents in Contents::ALL {
            assert_eq!(contents.as_str().parse::<Contents>().unwrap(), contents);
            assert_eq!(serde_json::to_string(&contents).unwrap(), format!("\"{contents}\""));
        }
        assert_eq!("wal_e".parse::<Contents>().unwrap_err().kind(), ErrorKind::Usage);
    }
}
