//! The names in a repository and in a snapshot. Pure.

use std::fmt;
#[cfg(feature = "backup")]
use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::{Timestamp, ToSpan, civil::DateTime, tz::Offset};

use crate::error::{At, Error, ErrorKind};
use crate::part::Part;

/// The file by which a repository is known.
pub(super) const REPOSITORY: &str = "deis-store.json";
/// The manifest's name.
pub(crate) const MANIFEST: &str = "manifest.json";
/// The file with the manifest's digest, as sha256sum writes it.
pub(crate) const MANIFEST_DIGEST: &str = "manifest.json.sha256";
/// The directory of the object lists.
pub(crate) const LISTS: &str = "lists";
/// The file of what later verifications found: outside every digest.
pub(crate) const VERIFIED: &str = "verified.jsonl";
/// The file that holds the snapshot: outside of every digest, too.
pub(crate) const HELD: &str = "held.json";
/// The result of its last rehearsal.
pub(crate) const REHEARSED: &str = "rehearsed.json";
/// The file that says what the run was asked for.
pub(super) const RUN: &str = "run.json";
/// The index of the store volume, in [`LISTS`].
pub(crate) const VOLUME_INDEX: &str = "store_file_backup.index.jsonl.gz";
/// The suffix of the directory of a run that did not finish.
pub(super) const UNFINISHED: &str = ".unfinished";

/// The suffix of the journals in [`LISTS`].
pub(super) const JOURNAL: &str = ".journal";

const PATTERN: &str = "%Y-%m-%dT%H-%M-%SZ";

/// The name of a snapshot: when its run started, in UTC. Names sort as their times do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SnapshotName(String);

impl SnapshotName {
    /// The name for a run that starts at this time.
    #[must_use]
    pub(crate) fn new(started: Timestamp) -> Self {
        Self(started.strftime(PATTERN).to_string())
    }

    /// The name as text.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The time it stands for.
    pub(crate) fn time(&self) -> Result<Timestamp, Error> {
        let wrong = || Error::new(ErrorKind::Usage, "that is no name of a snapshot").at(At::Name, &self.0);
        let time =
            DateTime::strptime(PATTERN, &self.0).ok().and_then(|time| Offset::UTC.to_timestamp(time).ok());
        // The pattern also reads numbers that are not padded.
        time.filter(|time| Self::new(*time) == *self).ok_or_else(wrong)
    }

    /// The name of the next second.
    pub(super) fn next(&self) -> Result<Self, Error> {
        let next = self.time()?.checked_add(1.second());
        next.map(Self::new).map_err(|error| Error::new(ErrorKind::Internal, "the end of time").because(error))
    }
}

impl fmt::Display for SnapshotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SnapshotName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let name = Self(name.to_owned());
        name.time().map(|_| name)
    }
}

/// Whether a path from a manifest can be one within a snapshot.
pub(crate) fn is_path(path: &str) -> bool {
    !path.contains('\0') && path.split('/').all(|name| !matches!(name, "" | "." | ".."))
}

/// The name of the `number`th of `of` lists of a part, counted from one.
pub(super) fn list_name(part: &Part, number: usize, of: usize) -> String {
    format!("{part}.{number}-of-{of}.jsonl.gz")
}

/// The name of the journal of the `number`th of `of` lists of a part.
pub(super) fn journal_name(part: &Part, number: usize, of: usize) -> String {
    format!("{part}.{number}-of-{of}{JOURNAL}")
}

/// Whether a file in [`LISTS`] is one of a part's. A bucket's name may begin with another one's, and hold dots.
pub(super) fn is_list_of(part: &Part, name: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    name.strip_prefix(part.name())
        .and_then(|rest| rest.strip_prefix('.'))
        .and_then(|rest| rest.strip_suffix(".jsonl.gz").or_else(|| rest.strip_suffix(JOURNAL)))
        .and_then(|numbers| numbers.split_once("-of-"))
        .is_some_and(|(nth, of)| number(nth) && number(of))
}

/// The index of an archive of the store volume that lies in a snapshot, if there is one.
#[cfg(feature = "backup")]
#[must_use]
pub fn index_of_archive(archive: &Path) -> Option<PathBuf> {
    if archive.file_name()? != Part::Volume.file_name()? {
        return None;
    }
    let index = archive.with_file_name(LISTS).join(VOLUME_INDEX);
    index.is_file().then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_named_by_the_second_of_its_start() {
        let name = SnapshotName::new("2015-12-31T23:59:59.9Z".parse().unwrap());
        assert_eq!(name.as_str(), "2015-12-31T23-59-59Z");
        assert_eq!(name.next().unwrap().as_str(), "2016-01-01T00-00-00Z");
        assert_eq!(name.as_str().parse::<SnapshotName>().unwrap(), name);
    }

    #[test]
    fn other_names_are_none_of_ours() {
        let others = [
            "",
            "2015-12-31T23:59:59Z",
            "2015-12-31T23-59-59",
            "2015-02-30T00-00-00Z",
            "2015-1-31T23-59-59Z",
            "2015-12-31T23-59-59Z.unfinished",
            " 2015-12-31T23-59-59Z",
            "+2015-12-31T23-59-59Z",
        ];
        for other in others {
            assert!(other.parse::<SnapshotName>().is_err(), "{other}");
        }
    }

    #[test]
    fn a_list_is_known_by_its_whole_name_also_where_buckets_have_odd_ones() {
        let part = |bucket: &str| Part::Bucket(bucket.parse().unwrap());
        let (short, long, odd) = (part("abc"), part("abc.d"), part("abc.1-of-1.jsonl.gz"));
        for (own, others) in [(&short, [&long, &odd]), (&long, [&short, &odd]), (&odd, [&short, &long])] {
            assert!(is_list_of(own, &list_name(own, 1, 2)));
            assert!(others.iter().all(|other| !is_list_of(own, &list_name(other, 1, 2))), "{own}");
        }
        assert!(is_list_of(&Part::db_wal(), "db_wal.1-of-2.journal"));
        assert!(!is_list_of(&Part::Volume, VOLUME_INDEX));
    }
}
