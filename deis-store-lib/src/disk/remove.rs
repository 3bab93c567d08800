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
use crate::run::Stop;

/// So many directories in one are noted at a time, so that memory stays flat however many there are.
const MOST_NOTED: usize = 1000;

/// Directories that are to be removed from another one, and whether it has more of them.
struct Noted {
    names: Vec<String>,
    more: bool,
}

impl Root {
    /// Removes a directory in this one with everything in it, or nothing if it is not there.
    ///
    /// A task that is just ending may still make a file or remove its own meanwhile; so it is tried for a while.
    pub(crate) fn remove_directory(&self, name: &str) -> Result<()> {
        self.remove_while(name, &|| Ok(()))
    }

    /// The same until the run is stopped.
    pub(crate) fn remove_directory_until(&self, name: &str, stop: &Stop) -> Result<()> {
        self.remove_while(name, &|| stop.check())
    }

    fn remove_while(&self, name: &str, go_on: &dyn Fn() -> Result<()>) -> Result<()> {
        let (mut patience, mut descent) = (20, Descent::new(self.clone()));
        // The directories that are left of each one on the way, and the way's first step.
        let (mut left, mut enter): (Vec<Noted>, _) = (Vec::new(), Some(name.to_owned()));
        loop {
            let here = descent.here()?;
            if let Some(name) = enter.take() {
                if here.kind(&[name.as_str()])?.is_some() {
                    let directory = here.subdirectory(&name, false)?;
                    left.push(directory.remove_files(go_on)?);
                    descent.down(vec![name], directory);
                    continue;
                }
            } else if let Some(next) = left.last_mut().and_then(|noted| noted.names.pop()) {
                enter = Some(next);
                continue;
            } else {
                let more = left.pop().is_some_and(|noted| noted.more);
                let name = descent.up().unwrap_or_default().concat();
                let parent = descent.here()?;
                match rustix::fs::unlinkat(parent, &*name, AtFlags::REMOVEDIR) {
                    Err(Errno::NOTEMPTY) if more || patience > 0 => {
                        if !more {
                            patience -= 1;
                            std::thread::sleep(Duration::from_millis(50));
                        }
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

    /// Removes all files and links in this directory as their names come, and notes the directories.
    fn remove_files(&self, go_on: &dyn Fn() -> Result<()>) -> Result<Noted> {
        let mut noted = Noted { names: Vec::new(), more: false };
        self.each_entry(|entry| {
            go_on()?;
            match (entry.kind, entry.name.to_str()) {
                (Kind::Directory, Some(_)) if noted.names.len() == MOST_NOTED => noted.more = true,
                (Kind::Directory, Some(name)) => noted.names.push(name.to_owned()),
                _ => self.unlink(&entry.name)?,
            }
            Ok(())
        })?;
        Ok(noted)
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
    #[test]
    fn more_directories_than_are_noted_go_all_the_same_and_a_stop_ends_it() {
        let place = tempfile::tempdir().unwrap();
        for name in 0..=2 * MOST_NOTED {
            fs::create_dir_all(place.path().join(format!("ours/{name}/below"))).unwrap();
        }
        let (root, stop) = (Root::open(place.path()).unwrap(), Stop::default());
        stop.stop();
        assert_eq!(root.remove_directory_until("ours", &stop).unwrap_err().kind(), ErrorKind::Interrupted);
        root.remove_directory_until("ours", &Stop::default()).unwrap();
        assert!(!place.path().join("ours").exists());
    }
}
