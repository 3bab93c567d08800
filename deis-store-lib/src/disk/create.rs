//! Files and directories that are made below a directory, with the directories on their way.

use std::borrow::Borrow;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::descend::{Step, component, split};
use super::new_file::NewFile;
use super::partial_name::partial_name;
use super::root::Root;
use crate::error::Result;
use crate::key_path::{TAKEN, encode};

/// Opens a file in a directory, given with its path and with the file's name and temporary name.
type Open = fn(Root, Vec<String>, String, String) -> Result<NewFile>;

impl Root {
    /// Begins a file at this path, making directories on the way. Where a name is taken by the other sort (a file
    /// for a directory, or the reverse) the path takes `%+`: [`NewFile::commit`] says which path it became.
    pub(crate) fn new_file<S: Borrow<str>>(&self, path: &[S]) -> Result<NewFile> {
        let name = path.last().map_or("", Borrow::borrow);
        self.begin(path, partial_name(name, ""), NewFile::create)
    }

    /// Begins the file of an object.
    pub(crate) fn new_object(&self, key: &str, etag: &str) -> Result<NewFile> {
        self.begin(&encode(key), partial_name(key, etag), NewFile::create)
    }

    /// Begins the file of an object, or goes on with what an earlier run has left of it. Dropped before it is committed,
    /// it stays for the next run. While another run writes it, that is an [`Locked`](crate::ErrorKind::Locked) error.
    pub(crate) fn resume_object(&self, key: &str, etag: &str) -> Result<NewFile> {
        self.begin(&encode(key), partial_name(key, etag), NewFile::resume)
    }

    /// Makes the file of an object one that a run has left half-written: its bytes are then read again, and checked. False
    /// if it has further names.
    pub(crate) fn distrust_object(&self, path: &[String], key: &str, etag: &str) -> Result<bool> {
        let (parent, name) = self.parent(path)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let failed = |error: Errno| parent.failed("take back", name, error);
        let file = rustix::fs::openat(&parent, name, flags, Mode::empty()).map_err(failed)?;
        if rustix::fs::fstat(&file).map_err(failed)?.st_nlink != 1 {
            return Ok(false);
        }
        rustix::fs::fchmod(&file, Mode::RUSR | Mode::WUSR).map_err(failed)?;
        rustix::fs::renameat(&parent, name, &parent, partial_name(key, etag)).map_err(failed)?;
        Ok(true)
    }

    /// Renames something in it to the same name in another directory, where it must be free.
    pub(crate) fn rename_to(&self, name: &str, to: &Self) -> Result<()> {
        let name = component(name)?;
        if to.kind_here(name)?.is_some() {
            return Err(to.unexpected_entry(name, "the name is taken"));
        }
        rustix::fs::renameat(self, name, to, name).map_err(|error| self.failed("rename", name, error))
    }

    /// Renames something in it. The new name must be free.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<()> {
        let (from, to) = (component(from)?, component(to)?);
        if self.kind_here(to)?.is_some() {
            return Err(self.unexpected_entry(to, "the name is taken"));
        }
        rustix::fs::renameat(self, from, self, to).map_err(|error| self.failed("rename", from, error))
    }

    fn begin<S: Borrow<str>>(&self, path: &[S], temporary: String, open: Open) -> Result<NewFile> {
        let (name, directories) = split(path)?;
        let (parent, real) = self.make_directories(directories)?;
        open(parent, real, component(name)?.to_owned(), temporary)
    }

    /// The directory at this path, which is made if it is missing, and the path that it has become.
    pub(super) fn make_directories<S: Borrow<str>>(&self, path: &[S]) -> Result<(Self, Vec<String>)> {
        let (mut directory, mut real) = (self.clone(), Vec::with_capacity(path.len() + 1));
        for name in path {
            let (next, name) = directory.directory_of(name.borrow())?;
            real.push(name);
            directory = next;
        }
        Ok((directory, real))
    }

    /// The directory of this name, made if it is missing; `NAME%+` if the name is a file's. `NAME%+` is looked for
    /// first, so that there are never directories of both spellings.
    pub(super) fn directory_of(&self, name: &str) -> Result<(Self, String)> {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Kind;
    use crate::error::ErrorKind;

    #[test]
    fn a_rename_replaces_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        std::fs::create_dir(directory.path().join("a")).unwrap();
        std::fs::create_dir(directory.path().join("b")).unwrap();
        assert_eq!(root.rename("a", "b").unwrap_err().kind(), ErrorKind::Occupied);
        root.rename("a", "c").unwrap();
        assert_eq!(root.kind(&["c"]).unwrap(), Some(Kind::Directory));
    }
}
