//! The way from a root to a name below it: one component at a time, never through a symlink.

use std::borrow::Borrow;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::key_path::TAKEN;
use super::new_file::NewFile;
use super::root::{Kind, NO_FILE, Root, SYMLINK};
use crate::error::{At, Error, ErrorKind, Result};

/// Opens a file in a directory, given with its path and with the file's name and temporary name.
type Open = fn(Root, Vec<String>, String, String) -> Result<NewFile>;

/// What one step down led to.
pub(super) enum Step {
    Directory(Root),
    File,
    Absent,
}

impl Root {
    pub(super) fn begin<S: Borrow<str>>(&self, path: &[S], temporary: String, open: Open) -> Result<NewFile> {
        let (name, directories) = split(path)?;
        let (mut parent, mut real) = (self.clone(), Vec::with_capacity(path.len()));
        for directory in directories {
            let (next, name) = parent.directory_of(directory.borrow())?;
            real.push(name);
            parent = next;
        }
        open(parent, real, component(name)?.to_owned(), temporary)
    }

    /// The directory of this name, made if it is missing; `NAME%+` if the name is a file's. `NAME%+` is looked for
    /// first, so that there are never directories of both spellings.
    fn directory_of(&self, name: &str) -> Result<(Self, String)> {
        let later = format!("{name}{TAKEN}");
        if let Step::Directory(directory) = self.step(&later)? {
            return Ok((directory, later));
        }
        if let Step::Absent = self.step(name)? {
            self.make_directory(name)?;
        }
        match self.step(name)? {
            Step::Directory(directory) => Ok((directory, name.to_owned())),
            Step::File | Step::Absent => Ok((self.subdirectory(&later, true)?, later)),
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

fn split<S: Borrow<str>>(path: &[S]) -> Result<(&str, &[S])> {
    let (name, directories) =
        path.split_last().ok_or_else(|| Error::new(ErrorKind::Internal, "an empty path"))?;
    Ok((name.borrow(), directories))
}
