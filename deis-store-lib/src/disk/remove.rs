//! Removing what is ours with all that is in it. It follows no symlink: a link is removed, not what it points to.

use std::borrow::Borrow;
use std::ffi::OsStr;
use std::time::Duration;

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::descent::Descent;
use super::metadata::Kind;
use super::root::Root;
use crate::error::{ErrorKind, Result};

impl Root {
    /// Removes a directory in this one with everything in it, or nothing if it is not there.
    ///
    /// A task that is just ending may still make a file or remove its own meanwhile; so it is tried for a while.
    pub(crate) fn remove_directory(&self, name: &str) -> Result<()> {
        let (mut patience, mut descent) = (20, Descent::new(self.clone()));
        // The entries that are left of each directory on the way, and the way's first step.
        let (mut left, mut enter) = (Vec::new(), Some(name.to_owned()));
        loop {
            let here = descent.here()?;
            if let Some(name) = enter.take() {
                if here.kind(&[name.as_str()])?.is_some() {
                    let directory = here.subdirectory(&name, false)?;
                    left.push(directory.list()?.into_iter());
                    descent.down(vec![name], directory);
                    continue;
                }
            } else if let Some(entry) = left.last_mut().and_then(Iterator::next) {
                match (entry.kind, entry.name.to_str()) {
                    (Kind::Directory, Some(name)) => enter = Some(name.to_owned()),
                    _ => here.unlink(&entry.name)?,
                }
                continue;
            } else {
                left.pop();
                let name = descent.up().unwrap_or_default().concat();
                let parent = descent.here()?;
                match rustix::fs::unlinkat(parent, &*name, AtFlags::REMOVEDIR) {
                    Err(Errno::NOTEMPTY) if patience > 0 => {
                        patience -= 1;
                        std::thread::sleep(Duration::from_millis(50));
                        enter = Some(name);
                        continue;
                    }
                    Ok(()) | Err(Errno::NOENT) => {}
                    Err(error) => return Err(parent.failed("remove", name, error)),
                }
            }
            if descent.depth() == 0 {
                return Ok(());
            }
        }
    }

    /// Removes a file or link in this directory, if it is there.
    pub(crate) fn remove_file(&self, name: &str) -> Result<()> {
        self.unlink(name)
    }

    /// Removes the file or link that a path names, if it is there. Directories on the way stay.
    pub(crate) fn remove_at<S: Borrow<str>>(&self, path: &[S]) -> Result<()> {
        let (parent, name) = self.parent(path)?;
        parent.unlink(name)
    }

    /// Removes what a run has left half-written under a path, unless a run is about to go on with it.
    pub(crate) fn remove_partial<S: Borrow<str>>(&self, path: &[S]) -> Result<()> {
        let (parent, name) = match self.parent(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        parent.remove_unlocked(name).map(drop)
    }

    /// Removes a file in this directory, unless somebody has locked it; says whether it has gone.
    pub(super) fn remove_unlocked(&self, name: &str) -> Result<bool> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        // A name that cannot be opened is no file of a run.
        let file = rustix::fs::openat(self, name, flags, Mode::empty());
        if let Ok(file) = &file {
            let locked =
                rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK);
            // The run that had the lock may have renamed it, and another run may have begun another one.
            if locked || self.is_name_of(name, file) == Ok(false) {
                return Ok(false);
            }
        }
        // The lock is held until the name is gone.
        self.unlink(name).map(|()| true)
    }

    fn unlink(&self, name: impl AsRef<OsStr>) -> Result<()> {
        match rustix::fs::unlinkat(self, name.as_ref(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(self.failed("remove", name, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_tree_is_removed_and_what_its_links_point_to_is_not() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join("ours/shallow")).unwrap();
        let (ours, other) = (place.path().join("ours/deep/er"), place.path().join("other"));
        fs::create_dir_all(&ours).unwrap();
        fs::create_dir(&other).unwrap();
        fs::write(ours.join("file"), "x").unwrap();
        fs::write(other.join("kept"), "x").unwrap();
        std::os::unix::fs::symlink(&other, ours.join("link")).unwrap();
        let root = Root::open(place.path()).unwrap();
        root.remove_directory("ours").unwrap();
        assert!(!place.path().join("ours").exists() && other.join("kept").exists());
        root.remove_directory("ours").unwrap();
        std::os::unix::fs::symlink(&other, place.path().join("ours")).unwrap();
        assert!(root.remove_directory("ours").is_err(), "a link in our place is something else's");
    }
}
