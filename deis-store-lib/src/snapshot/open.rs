//! Opens the directory that somebody named: a snapshot, or what stands there instead and what to do then.

use std::path::Path;

use super::name::{MANIFEST, REPOSITORY, RUN, SnapshotName, UNFINISHED};
use super::reader::{NO_MANIFEST, SnapshotReader, damaged};
use super::repository::{Repository, SnapshotEntry, SnapshotState};
use crate::disk::Root;
use crate::error::{At, Error, ErrorKind, Result};

impl SnapshotReader {
    /// Opens a snapshot's directory.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let root = Root::open(path)?;
        if root.kind(&[REPOSITORY])?.is_some() {
            return Err(repository_instead(&Repository::open(root.path())?));
        }
        if root.kind(&[MANIFEST])?.is_none() {
            return Err(no_manifest(&root));
        }
        Self::of(root)
    }
}

fn no_manifest(root: &Root) -> Error {
    // The path may be `.`; the name is asked of the file system.
    let path = std::fs::canonicalize(root.path()).unwrap_or_else(|_| root.path().to_owned());
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name.ends_with(UNFINISHED) {
        return Error::new(ErrorKind::Damaged, "the run that was making this snapshot did not finish")
            .at(At::Snapshot, path.display())
            .todo("use a finished snapshot, or run the backup again");
    }
    if name.parse::<SnapshotName>().is_ok() || matches!(root.kind(&[RUN]), Ok(Some(_))) {
        return damaged(root, NO_MANIFEST);
    }
    Error::new(ErrorKind::NotFound, "the directory is not a snapshot")
        .at(At::Path, path.display())
        .todo("give the directory of a snapshot in the repository")
}

fn repository_instead(repository: &Repository) -> Error {
    let usable = |entry: &SnapshotEntry| entry.state == SnapshotState::Finished;
    let todo = match repository.snapshots() {
        Err(error) => return error,
        Ok(entries) => match entries.iter().rev().find(|entry| usable(entry)) {
            None if entries.iter().any(|entry| entry.state == SnapshotState::Damaged) => {
                "none of its snapshots is whole: run the backup again, and look for the cause in the disk's health"
                    .to_owned()
            }
            None => "it has no finished snapshot: run the backup first".to_owned(),
            Some(newest) => {
                let others = match entries.iter().filter(|entry| usable(entry)).count() - 1 {
                    0 => "the only one".to_owned(),
                    count => format!("the newest; there are {count} more"),
                };
                format!(
                    "give one of its snapshots: {} ({others})",
                    repository.path().join(newest.name.as_str()).display()
                )
            }
        },
    };
    Error::new(ErrorKind::Usage, "that is a repository, not a snapshot")
        .at(At::Path, repository.path().display())
        .todo(todo)
}
