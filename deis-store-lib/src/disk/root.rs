//! A handle on a directory. All else that is done in it and below it is in the files of its neighbours.

use std::ffi::OsStr;
use std::fs::DirBuilder;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::error::{At, Error, ErrorKind, Result, disk_error};

/// A handle on a directory: everything below it is reached from here. Clones share the handle.
#[derive(Clone, Debug)]
pub(crate) struct Root(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    directory: OwnedFd,
    path: PathBuf,
    /// Held while the names in it are read: where they are read is a matter of the handle, which clones share.
    #[cfg(target_os = "linux")]
    reading_names: std::sync::Mutex<()>,
}

impl Root {
    /// Opens a directory. Symlinks on the way to it are followed: its user has chosen them.
    pub(crate) fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let problem = |kind, what: &str| Error::new(kind, what).at(At::Path, path.display());
        match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(directory) => Ok(Self::of(directory, path.to_owned())),
            Err(Errno::NOENT) => {
                Err(problem(ErrorKind::NotFound, "there is no such directory").todo("check the path"))
            }
            Err(Errno::NOTDIR) => {
                Err(problem(ErrorKind::Usage, "that is not a directory").todo("check the path"))
            }
            Err(error) => Err(disk_error("open the directory", path.display(), error.into())),
        }
    }

    /// Opens a directory, and makes it and its parents (0700) where they are missing.
    pub(crate) fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| disk_error("make the directory", path.display(), error))?;
        Self::open(path)
    }

    /// Its path, for messages.
    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }

    /// Makes what was created, renamed and removed in it survive a crash.
    pub(crate) fn sync(&self) -> Result<()> {
        rustix::fs::fsync(self).map_err(|error| disk_error("sync", self.path().display(), error.into()))
    }

    /// Makes everything written to its file system survive a crash.
    pub(crate) fn sync_filesystem(&self) -> Result<()> {
        #[cfg(target_os = "linux")]
        rustix::fs::syncfs(self)
            .map_err(|error| disk_error("sync the file system of", self.path().display(), error.into()))?;
        #[cfg(not(target_os = "linux"))]
        rustix::fs::sync();
        Ok(())
    }

    pub(super) fn of(directory: OwnedFd, path: PathBuf) -> Self {
        Self(Arc::new(Inner {
            directory,
            path,
            #[cfg(target_os = "linux")]
            reading_names: std::sync::Mutex::default(),
        }))
    }

    /// Held by the one that reads the names in it.
    #[cfg(target_os = "linux")]
    pub(super) fn alone(&self) -> std::sync::MutexGuard<'_, ()> {
        self.0.reading_names.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn failed(&self, what: &str, name: impl AsRef<OsStr>, error: Errno) -> Error {
        disk_error(what, self.path().join(name.as_ref()).display(), error.into())
    }

    pub(super) fn unexpected_entry(&self, name: &str, what: &str) -> Error {
        Error::new(ErrorKind::Occupied, what).at(At::Path, self.path().join(name).display()).todo(
            match what {
                // A device is where it belongs.
                NO_FILE => "leave it where it is, and choose another place or leave this one out",
                _ => "find out who put it there, and choose another place or move it away",
            },
        )
    }

    pub(super) fn absent(&self, name: &str, what: &str) -> Error {
        Error::new(ErrorKind::NotFound, what).at(At::Path, self.path().join(name).display())
    }
}

pub(super) const SYMLINK: &str = "a symlink where a file or directory of ours should be";
pub(super) const NO_FILE: &str = "a device, pipe or socket, or a directory, where a file of ours should be";

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.directory.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        (directory, root)
    }

    #[test]
    fn a_missing_root_is_not_found_and_create_makes_it_with_its_parents() {
        let (directory, _) = root();
        let path = directory.path().join("a/b");
        assert_eq!(Root::open(&path).unwrap_err().kind(), ErrorKind::NotFound);
        let made = Root::create(&path).unwrap();
        let bits = rustix::fs::fstat(&made).unwrap().st_mode & 0o777;
        assert_eq!(bits, 0o700);
        Root::create(&path).unwrap();
    }

    #[test]
    fn a_file_in_place_of_the_root_is_said_to_be_one() {
        let (directory, _) = root();
        let path = directory.path().join("f");
        std::fs::write(&path, "").unwrap();
        assert_eq!(Root::open(&path).unwrap_err().kind(), ErrorKind::Usage);
        assert_eq!(Root::create(&path).unwrap_err().kind(), ErrorKind::Disk);
        assert_eq!(Root::create(path.join("below")).unwrap_err().kind(), ErrorKind::Disk);
    }
}
