//! The way from a directory to a name below it: one component at a time, never through a symlink.

use std::borrow::Borrow;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::metadata::Kind;
use super::root::{NO_FILE, Root, SYMLINK};
use crate::error::{At, Error, ErrorKind, Result};

/// The end of one step down.
pub(super) enum Step {
    Directory(Root),
    File,
    Absent,
}

impl Root {
    /// A directory in it, which is made (0700) if that is wanted.
    pub(crate) fn subdirectory(&self, name: &str, create: bool) -> Result<Self> {
        match self.step(name)? {
            Step::Directory(directory) => Ok(directory),
            Step::Absent if create => {
                self.make_directory(name)?;
                self.subdirectory(name, false)
            }
            Step::Absent => Err(self.absent(name, "there is no such directory")),
            Step::File => Err(self.unexpected_entry(name, "a file where a directory of ours should be")),
        }
    }

    pub(super) fn make_directory(&self, name: &str) -> Result<()> {
        match rustix::fs::mkdirat(self, component(name)?, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(self.failed("make the directory", name, error)),
        }
    }

    pub(super) fn parent<'a, S: Borrow<str>>(&self, path: &'a [S]) -> Result<(Self, &'a str)> {
        let (name, directories) = split(path)?;
        let mut parent = self.clone();
        for directory in directories {
            parent = parent.subdirectory(directory.borrow(), false)?;
        }
        Ok((parent, component(name)?))
    }

    pub(super) fn step(&self, name: &str) -> Result<Step> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(self, component(name)?, flags, Mode::empty()) {
            Ok(directory) => Ok(Step::Directory(Self::of(directory, self.path().join(name)))),
            Err(Errno::NOENT) => Ok(Step::Absent),
            Err(error @ (Errno::NOTDIR | Errno::LOOP)) => match self.kind_here(name)? {
                Some(Kind::File) => Ok(Step::File),
                Some(Kind::Symlink) => Err(self.unexpected_entry(name, SYMLINK)),
                Some(Kind::Other) => Err(self.unexpected_entry(name, NO_FILE)),
                Some(Kind::Directory) | None => Err(self.failed("open the directory", name, error)),
            },
            Err(error) => Err(self.failed("open the directory", name, error)),
        }
    }
}

/// Refuses what is not one name: the last line of defence, behind `encode` and `decode`.
pub(super) fn component(name: &str) -> Result<&str> {
    if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
        return Err(
            Error::new(ErrorKind::Internal, "a path component that is not one name").at(At::Path, name)
        );
    }
    Ok(name)
}

pub(super) fn split<S: Borrow<str>>(path: &[S]) -> Result<(&str, &[S])> {
    let (name, directories) =
        path.split_last().ok_or_else(|| Error::new(ErrorKind::Internal, "an empty path"))?;
    Ok((name.borrow(), directories))
}
