//! The directory that is adopted: what it is made of, and that it is none of ours. Blocking.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::layout::{Layout, Place, REGISTRY, Seen, layout};
use crate::disk::{Kind, Root};
use crate::error::{At, Context as _, Error, ErrorKind, Result};
use crate::part::{BucketPart, Part};
use crate::run::Stop;
use crate::snapshot::refuse_ours;
use crate::tree::{TreeEntry, walk};

/// The directory that is adopted.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    pub(super) root: Root,
    pub(super) layout: Layout,
}

/// The objects of a bucket in a directory.
#[derive(Clone, Debug)]
pub(super) struct BucketFiles {
    pub(super) root: Root,
    /// The first names of all keys; any if nothing is given.
    tops: Option<BTreeSet<String>>,
}

/// What is in a directory, without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// The time of the newest file that is not of the future.
    pub(super) newest: Option<SystemTime>,
}

impl Directory {
    /// Opens a directory that another program has made. `repository` is where the snapshot is to be, and neither may be in the
    /// other.
    pub(super) fn open(path: &Path, repository: &Path, added: &[BucketPart]) -> Result<Self> {
        let root = Root::open(path)?;
        refuse_ours(&root)?;
        let (this, other) = (whole(path), whole(repository));
        if this.starts_with(&other) || other.starts_with(&this) {
            let what = "the directory and the repository are the same, or one is in the other";
            return Err(Error::new(ErrorKind::Usage, what)
                .at(At::Path, path.display())
                .at(At::Name, repository.display())
                .todo("give a repository beside the directory"));
        }
        let (entries, mut in_registry) = (root.list()?, Vec::new());
        if root.kind(&[REGISTRY])? == Some(Kind::Directory) {
            in_registry = root.subdirectory(REGISTRY, false)?.list()?;
        }
        let layout = layout(&Seen { entries, in_registry }, added).at(At::Path, path.display())?;
        let directory = Self { root, layout };
        if directory.has_files()? {
            return Ok(directory);
        }
        let what = "the directory has no file of what the manual's page puts into it";
        Err(Error::new(ErrorKind::Usage, what)
            .at(At::Path, path.display())
            .todo("give the one that `s3cmd sync` has filled"))
    }

    fn has_files(&self) -> Result<bool> {
        if !self.layout.files.is_empty() {
            return Ok(true);
        }
        for place in self.layout.buckets.values() {
            for entry in self.bucket(place)?.walk() {
                if entry?.found.is_ok() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Where the objects of a bucket are.
    pub(super) fn bucket(&self, place: &Place) -> Result<BucketFiles> {
        Ok(match place {
            Place::Below(name) => BucketFiles { root: self.root.subdirectory(name, false)?, tops: None },
            Place::Beside(names) => BucketFiles { root: self.root.clone(), tops: Some(names.clone()) },
        })
    }

    /// How much there is of a part.
    pub(super) fn extent(&self, part: &Part, now: SystemTime, stop: &Stop) -> Result<Extent> {
        let mut extent = Extent { files: 0, bytes: 0, newest: None };
        if let Some(place) = self.layout.buckets.get(part) {
            for entry in self.bucket(place)?.walk() {
                stop.check()?;
                if let Ok(found) = entry?.found {
                    extent.add(found.size_bytes, found.modified, now);
                }
            }
        }
        if let Some(name) = self.layout.files.get(part)
            && let Some(found) = self.root.metadata(&[name.as_str()])?
        {
            extent.add(found.size_bytes, found.modified, now);
        }
        Ok(extent)
    }

    /// The parts that it has.
    pub(super) fn parts(&self) -> BTreeSet<Part> {
        self.layout.buckets.keys().chain(self.layout.files.keys()).cloned().collect()
    }
}

impl Extent {
    fn add(&mut self, bytes: u64, modified: SystemTime, now: SystemTime) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        if modified <= now {
            self.newest = self.newest.max(Some(modified));
        }
    }
}

impl BucketFiles {
    /// All that is in it, in the order of the keys. s3cmd writes keys as they stand.
    pub(super) fn walk(&self) -> impl Iterator<Item = Result<TreeEntry>> + Send + use<> {
        let (tops, skipped) = (self.tops.clone(), self.tops.clone());
        let walk =
            walk(&self.root, "").with_names_as_they_stand().skip(move |key| !has(skipped.as_ref(), key));
        walk.filter(move |entry| entry.as_ref().map_or(true, |entry| has(tops.as_ref(), &entry.key)))
    }
}

fn has(tops: Option<&BTreeSet<String>>, key: &str) -> bool {
    tops.is_none_or(|tops| key.split_once('/').is_some_and(|(top, _)| tops.contains(top)))
}

/// A path through no symlink; of one that is not there yet, as much of it as is there.
fn whole(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = absolute.ancestors().find_map(|above| Some((above, std::fs::canonicalize(above).ok()?)));
    match there {
        Some((above, real)) => match absolute.strip_prefix(above) {
            Ok(rest) if rest.as_os_str().is_empty() => real,
            Ok(rest) => real.join(rest),
            Err(_) => absolute,
        },
        None => absolute,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Run;
    use crate::snapshot::{Repository, sample};

    fn open(path: &Path, repository: &Path) -> Result<Directory> {
        Directory::open(path, repository, &[])
    }

    #[test]
    fn what_is_ours_or_in_the_other_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let path = |name: &str| scratch.path().join(name);
        let snapshot = sample::build(&path("repository"));
        std::fs::create_dir_all(path("synced/wal_005")).unwrap();
        std::fs::create_dir_all(path("repository/synced/wal_005")).unwrap();
        std::os::unix::fs::symlink(path("synced"), path("link")).unwrap();
        std::fs::create_dir_all(path("alone")).unwrap();
        std::fs::copy(snapshot.path().join("manifest.json"), path("alone/manifest.json")).unwrap();
        for (directory, repository, what) in [
            (path("repository"), path("other"), "a repository"),
            (snapshot.path().to_owned(), path("other"), "a snapshot"),
            (snapshot.path().join("registry"), path("other"), "a snapshot"),
            (path("alone"), path("other"), "a snapshot"),
            (path("synced"), path("synced"), "in the other"),
            (path("link"), path("synced/below/not/there"), "in the other"),
            (path("repository/synced"), path("repository"), "in the other"),
            (path("synced/../synced"), path("link"), "in the other"),
        ] {
            let error = open(&directory, &repository).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{directory:?}: {error}");
            assert!(error.what().contains(what) && error.advice().is_some(), "{directory:?}: {error}");
        }
        let nothing = open(&path("link"), &path("synced-2")).unwrap_err();
        assert!(nothing.what().contains("no file"), "{nothing}");
        std::fs::write(path("synced/wal_005/segment"), "log").unwrap();
        open(&path("link"), &path("synced-2")).unwrap();
        Repository::open(path("repository")).unwrap();
    }

    #[test]
    fn its_newest_file_is_none_of_another_part_and_none_of_the_future() {
        let scratch = tempfile::tempdir().unwrap();
        let write = |name: &str, seconds: u64| {
            let path = scratch.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "abc").unwrap();
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            std::fs::File::open(&path).unwrap().set_modified(time).unwrap();
            time
        };
        write("wal_005/a", 10);
        let newest = write("wal_005/b", 20);
        write("basebackups_005/future", 9_999);
        write("unrelated/c", 50);
        write("wal_005-old/c", 50);
        let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(100);
        let directory = open(scratch.path(), Path::new("/nonexistent/repository")).unwrap();
        let extent = directory.extent(&Part::db_wal(), now, &Run::silent().stop).unwrap();
        assert_eq!(extent, Extent { files: 3, bytes: 9, newest: Some(newest) });
        assert_eq!(directory.parts(), [Part::db_wal()].into());
        assert_eq!(directory.layout.others, ["unrelated", "wal_005-old"]);
    }
}
