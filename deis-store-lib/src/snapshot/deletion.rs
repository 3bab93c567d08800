//! How a snapshot is removed, so that at each moment of a kill or a power cut what is left is whole, or known to be left.
//!
//! It loses its name first, then what makes it a snapshot, then all else; each is on the disk before the next begins.

use super::held::Held;
use super::name::{MANIFEST, MANIFEST_DIGEST, RUN, SnapshotName, UNFINISHED, VERIFIED};
use super::repository::Repository;
use super::survey::{Surveyed, Unfinished};
use crate::disk::{Lock, Root};
use crate::error::{At, Context, ErrorKind, Result};
use crate::run::Stop;

/// The result of a removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deleted {
    /// Nothing of it is left.
    Gone,
    /// Somebody reads it, or holds it by now. It is as it was.
    InUse,
}

impl Repository {
    /// Removes a snapshot, or what an unfinished run has left. Hold the lock.
    pub(crate) fn delete(&self, snapshot: &Surveyed, stop: &Stop) -> Result<Deleted> {
        let directory = snapshot.directory();
        if snapshot.unfinished.is_some() {
            return self.delete_unfinished(&directory, stop).map(|()| Deleted::Gone);
        }
        let root = self.root().subdirectory(&directory, false)?;
        let _lock = match Lock::of_deleter(&root, MANIFEST) {
            Err(error) if error.kind() == ErrorKind::Locked => return Ok(Deleted::InUse),
            other => other.at(At::Snapshot, root.path().display())?,
        };
        // Nobody can hold it from here on.
        if Held::of(&root).is_some() {
            return Ok(Deleted::InUse);
        }
        let unfinished = format!("{}{UNFINISHED}", snapshot.name);
        self.root().rename(&directory, &unfinished)?;
        self.root().sync()?;
        self.delete_unfinished(&unfinished, stop).map(|()| Deleted::Gone)
    }

    /// Removes what deletions that were interrupted have left, and runs that had not even begun; tells their names. Hold
    /// the lock.
    pub(crate) fn remove_left(&self, stop: &Stop) -> Result<Vec<SnapshotName>> {
        let mut gone = Vec::new();
        let found = self.survey_unfinished()?.into_iter();
        for found in found.filter(|found| found.unfinished == Some(Unfinished::Left)) {
            self.delete(&found, stop)?;
            gone.push(found.name);
        }
        Ok(gone)
    }

    fn delete_unfinished(&self, directory: &str, stop: &Stop) -> Result<()> {
        let root = self.root().subdirectory(directory, false)?;
        unmake(&root)?;
        self.root().remove_directory_until(directory, stop)?;
        self.root().sync()
    }
}

/// Removes what makes it a snapshot, in an order in which no rest looks like a whole one.
fn unmake(root: &Root) -> Result<()> {
    for name in [MANIFEST_DIGEST, MANIFEST, VERIFIED, RUN] {
        root.remove_file(name)?;
    }
    root.sync()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::run::Run;
    use crate::snapshot::{SnapshotReader, sample};

    fn surveyed(repository: &Repository) -> Surveyed {
        repository.survey().unwrap().remove(0)
    }

    #[test]
    fn a_snapshot_that_is_read_or_held_by_now_stays_and_any_other_goes_with_all_that_is_in_it() {
        let directory = tempfile::tempdir().unwrap();
        let reader = sample::build(directory.path());
        let repository = Repository::open(directory.path()).unwrap();
        let (snapshot, stop) = (surveyed(&repository), Stop::default());
        assert_eq!(repository.delete(&snapshot, &stop).unwrap(), Deleted::InUse);
        let path = reader.path().to_owned();
        reader.hold(None, &Run::silent()).unwrap();
        drop(reader);
        assert_eq!(repository.delete(&snapshot, &stop).unwrap(), Deleted::InUse);
        SnapshotReader::open(&path).unwrap().release().unwrap();
        fs::create_dir_all(path.join("registry/deep/er")).unwrap();
        assert_eq!(repository.delete(&snapshot, &stop).unwrap(), Deleted::Gone);
        assert_eq!(repository.survey().unwrap().len(), 0);
    }

    #[test]
    fn a_deletion_that_was_stopped_leaves_what_the_next_one_removes() {
        let directory = tempfile::tempdir().unwrap();
        drop(sample::build(directory.path()));
        let repository = Repository::open(directory.path()).unwrap();
        let (snapshot, stop) = (surveyed(&repository), Stop::default());
        stop.stop();
        assert_eq!(repository.delete(&snapshot, &stop).unwrap_err().kind(), ErrorKind::Interrupted);
        let left = surveyed(&repository);
        assert_eq!(left.unfinished, Some(Unfinished::Left));
        assert_eq!(repository.remove_left(&Stop::default()).unwrap(), [left.name]);
        assert!(repository.survey().unwrap().is_empty());
    }

    #[test]
    fn what_a_run_has_begun_or_sealed_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let sealed = sample::build(directory.path()).path().to_owned();
        fs::rename(&sealed, sealed.with_extension("unfinished")).unwrap();
        let repository = Repository::open(directory.path()).unwrap();
        drop(repository.begin(&Run::silent(), &serde_json::json!({"parts": ["sql"]})).unwrap());
        assert!(repository.remove_left(&Stop::default()).unwrap().is_empty());
        assert_eq!(repository.survey().unwrap().len(), 2);
    }
    #[test]
    fn a_run_that_goes_on_with_what_a_deletion_has_left_takes_over_no_result_of_that_snapshot() {
        let directory = tempfile::tempdir().unwrap();
        let old = sample::build(directory.path()).path().to_owned();
        let left = old.with_extension("unfinished");
        fs::rename(&old, &left).unwrap();
        fs::remove_file(left.join(MANIFEST_DIGEST)).unwrap();
        for name in [VERIFIED, "held.json"] {
            fs::write(left.join(name), "{}").unwrap();
        }
        let unfinished = sample::begin(directory.path());
        assert!(unfinished.goes_on());
        let manifest = sample::fill(&unfinished);
        let snapshot = unfinished.commit(manifest).unwrap();
        assert!(snapshot.verified().last().is_none() && snapshot.verified().distrust().is_none());
        assert_eq!(snapshot.held(), None);
    }
}
