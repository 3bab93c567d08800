//! A handle on a directory, and the ways below it: component by component, never through a symlink.
//!
//! It must not open a final name for writing; that is `new_file`'s to do.

use std::borrow::Borrow;
use std::ffi::{CStr, OsStr, OsString};
use std::fs::{DirBuilder, File};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use super::create::{Step, component};
use super::key_path::{encode, partial_name};
use super::new_file::NewFile;
use crate::error::{At, Error, ErrorKind, Result, disk_error};

/// A handle on a directory: everything below it is reached from here. Clones share the handle.
#[derive(Clone, Debug)]
pub struct Root(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    directory: OwnedFd,
    path: PathBuf,
    /// Held by whoever lists it.
    #[cfg(target_os = "linux")]
    listing: std::sync::Mutex<()>,
}

/// So many bytes of names are asked for at a time.
#[cfg(target_os = "linux")]
const LISTING_BYTES: usize = 32 << 10;

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The name.
    pub name: OsString,
    /// What it names.
    pub kind: Kind,
}

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symlink: never ours.
    Symlink,
    /// A device, socket or pipe: never ours.
    Other,
}

impl Root {
    /// Opens a directory. Symlinks on the way to it are its user's affair and followed.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
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
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
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
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// A directory in it, which is made (0700) if that is wanted.
    pub fn subdirectory(&self, name: &str, create: bool) -> Result<Self> {
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

    /// Opens a file for reading.
    pub fn open_file<S: Borrow<str>>(&self, path: &[S]) -> Result<File> {
        let (parent, name) = self.parent(path)?;
        // Without NONBLOCK, a planted pipe would wait for a writer for ever.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&parent, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Err(parent.absent(name, "there is no such file")),
            Err(Errno::LOOP) => return Err(parent.unexpected_entry(name, SYMLINK)),
            Err(Errno::NXIO) => return Err(parent.unexpected_entry(name, NO_FILE)),
            Err(error) => return Err(parent.failed("open", name, error)),
        };
        match file.metadata() {
            Ok(metadata) if metadata.is_file() => Ok(file),
            Ok(_) => Err(parent.unexpected_entry(name, NO_FILE)),
            Err(error) => Err(disk_error("look at", parent.path().join(name).display(), error)),
        }
    }

    /// What a path names, and nothing if it is not there.
    pub fn kind<S: Borrow<str>>(&self, path: &[S]) -> Result<Option<Kind>> {
        Ok(self.metadata(path)?.map(|metadata| metadata.kind))
    }

    /// The names in it, sorted.
    pub fn list(&self) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        self.each_entry(|entry| {
            entries.push(entry);
            Ok(())
        })?;
        entries.sort_unstable();
        Ok(entries)
    }

    /// Calls `each` for the names in it, which come as the file system has them, so that none is held.
    pub(crate) fn each_entry(&self, mut each: impl FnMut(Entry) -> Result<()>) -> Result<()> {
        let failed = |error: Errno| disk_error("list", self.path().display(), error.into());
        let mut named = |name: &CStr, file_type| {
            let name = OsStr::from_bytes(name.to_bytes());
            if name == "." || name == ".." {
                return Ok(());
            }
            let kind = match file_type {
                FileType::Unknown => self.kind_here(name)?,
                known => Some(Kind::from(known)),
            };
            kind.map_or(Ok(()), |kind| each(Entry { name: name.to_owned(), kind }))
        };
        // Where it is read is a matter of the handle, which clones share. To open it anew for that costs as much as to
        // read a small one.
        #[cfg(target_os = "linux")]
        {
            let _alone = self.0.listing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            rustix::fs::seek(self, rustix::fs::SeekFrom::Start(0)).map_err(failed)?;
            let mut buffer = Vec::with_capacity(LISTING_BYTES);
            let mut entries = rustix::fs::RawDir::new(self, buffer.spare_capacity_mut());
            while let Some(entry) = entries.next() {
                let entry = entry.map_err(failed)?;
                named(entry.file_name(), entry.file_type())?;
            }
        }
        #[cfg(not(target_os = "linux"))]
        for entry in rustix::fs::Dir::read_from(self).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            named(entry.file_name(), entry.file_type())?;
        }
        Ok(())
    }

    /// Begins a file at this path, making directories on the way. Where a name is taken by the other sort (a file
    /// for a directory, or the reverse) the path takes `%+`: [`NewFile::commit`] says which path it became.
    pub fn new_file<S: Borrow<str>>(&self, path: &[S]) -> Result<NewFile> {
        let name = path.last().map_or("", Borrow::borrow);
        self.begin(path, partial_name(name, ""), NewFile::create)
    }

    /// Begins the file of an object.
    pub fn new_object(&self, key: &str, etag: &str) -> Result<NewFile> {
        self.begin(&encode(key), partial_name(key, etag), NewFile::create)
    }

    /// Begins the file of an object, or goes on with what an earlier run has left of it. Dropped before it is committed,
    /// it stays for the next run. While another run writes it, that is an [`ErrorKind::Locked`] error.
    pub fn resume_object(&self, key: &str, etag: &str) -> Result<NewFile> {
        self.begin(&encode(key), partial_name(key, etag), NewFile::resume)
    }

    /// Renames something in it. The new name must be free.
    pub fn rename(&self, from: &str, to: &str) -> Result<()> {
        let (from, to) = (component(from)?, component(to)?);
        if self.kind_here(to)?.is_some() {
            return Err(self.unexpected_entry(to, "the name is taken"));
        }
        rustix::fs::renameat(self, from, self, to).map_err(|error| self.failed("rename", from, error))
    }

    /// Makes what was created, renamed and removed in it survive a crash.
    pub fn sync(&self) -> Result<()> {
        rustix::fs::fsync(self).map_err(|error| disk_error("sync", self.path().display(), error.into()))
    }

    /// Makes everything written to its file system survive a crash.
    pub fn sync_filesystem(&self) -> Result<()> {
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
            listing: std::sync::Mutex::default(),
        }))
    }

    pub(super) fn kind_here(&self, name: impl AsRef<OsStr>) -> Result<Option<Kind>> {
        Ok(self.metadata_here(name)?.map(|metadata| metadata.kind))
    }

    pub(super) fn failed(&self, what: &str, name: impl AsRef<OsStr>, error: Errno) -> Error {
        disk_error(what, self.path().join(name.as_ref()).display(), error.into())
    }

    pub(super) fn unexpected_entry(&self, name: &str, what: &str) -> Error {
        Error::new(ErrorKind::Occupied, what)
            .at(At::Path, self.path().join(name).display())
            .todo("find out who put it there, and move it away")
    }

    pub(super) fn absent(&self, name: &str, what: &str) -> Error {
        Error::new(ErrorKind::NotFound, what).at(At::Path, self.path().join(name).display())
    }
}

pub(super) const SYMLINK: &str = "a symlink where a file or directory of ours should be";
pub(super) const NO_FILE: &str = "something else where a file of ours should be";

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.directory.as_fd()
    }
}

impl From<FileType> for Kind {
    fn from(file_type: FileType) -> Self {
        match file_type {
            FileType::Directory => Self::Directory,
            FileType::RegularFile => Self::File,
            FileType::Symlink => Self::Symlink,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

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

    #[test]
    fn no_symlink_is_followed_wherever_it_stands() {
        let (directory, root) = root();
        let path = directory.path();
        std::fs::create_dir(path.join("real")).unwrap();
        std::fs::write(path.join("real/f"), "secret").unwrap();
        symlink("real", path.join("link")).unwrap();
        symlink("real/f", path.join("f")).unwrap();
        for error in [
            root.open_file(&["link", "f"]).unwrap_err(),
            root.open_file(&["f"]).unwrap_err(),
            root.new_file(&["link", "g"]).unwrap_err(),
            root.subdirectory("link", true).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Occupied);
            assert!(error.to_string().starts_with(SYMLINK), "{error}");
        }
    }

    #[test]
    fn a_pipe_or_directory_is_no_file_and_does_not_block() {
        let (directory, root) = root();
        rustix::fs::mkdirat(&root, "d", Mode::RWXU).unwrap();
        let socket = std::os::unix::net::UnixListener::bind(directory.path().join("s")).unwrap();
        rustix::fs::mknodat(&root, "p", FileType::Fifo, Mode::RWXU, 0).unwrap();
        for name in ["d", "s", "p"] {
            assert_eq!(root.open_file(&[name]).unwrap_err().kind(), ErrorKind::Occupied, "{name}");
        }
        drop(socket);
    }

    #[test]
    fn a_component_that_is_not_one_name_goes_nowhere() {
        let (_directory, root) = root();
        let paths: [&[&str]; 6] = [&[], &[""], &[".."], &["a", ".."], &["a/b"], &["a\0"]];
        for path in paths {
            assert_eq!(
                root.open_file(path).map(drop).unwrap_err().kind() == ErrorKind::Internal,
                path != ["a", ".."]
            );
            assert!(root.new_file(path).is_err());
        }
        assert_eq!(root.kind(&[".."]).unwrap_err().kind(), ErrorKind::Internal);
    }

    #[test]
    fn what_is_listed_is_sorted_and_known_by_kind() {
        let (directory, root) = root();
        std::fs::write(directory.path().join("b"), "").unwrap();
        std::fs::create_dir(directory.path().join("a")).unwrap();
        symlink("a", directory.path().join("c")).unwrap();
        let kinds: Vec<_> = root.list().unwrap().into_iter().map(|entry| entry.kind).collect();
        assert_eq!(kinds, [Kind::Directory, Kind::File, Kind::Symlink]);
        assert_eq!(root.kind(&["a"]).unwrap(), Some(Kind::Directory));
        assert_eq!(root.kind(&["a", "x"]).unwrap(), None);
        assert_eq!(root.kind(&["x", "y"]).unwrap(), None);
    }

    #[test]
    fn a_rename_replaces_nothing() {
        let (directory, root) = root();
        std::fs::create_dir(directory.path().join("a")).unwrap();
        std::fs::create_dir(directory.path().join("b")).unwrap();
        assert_eq!(root.rename("a", "b").unwrap_err().kind(), ErrorKind::Occupied);
        root.rename("a", "c").unwrap();
        assert_eq!(root.kind(&["c"]).unwrap(), Some(Kind::Directory));
    }
}
