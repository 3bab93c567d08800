//! A file that only grows: what a run remembers while it lasts. Nothing else is opened for writing under its own name.

use std::fs::File;
use std::io::{self, Write as _};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::descend::component;
use super::root::{NO_FILE, Root, SYMLINK};
use crate::error::{Error, Result, disk_error};

/// A file that only grows.
#[derive(Debug)]
pub(crate) struct AppendFile {
    file: File,
    root: Root,
    name: String,
}

impl Root {
    /// Opens a file of this directory to append to it, or makes it (0600).
    pub(crate) fn append_file(&self, name: &str) -> Result<AppendFile> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::APPEND | OFlags::NOFOLLOW;
        let flags = flags | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(self, component(name)?, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => File::from(file),
            Err(Errno::LOOP) => return Err(self.unexpected_entry(name, SYMLINK)),
            Err(Errno::NXIO | Errno::ISDIR) => return Err(self.unexpected_entry(name, NO_FILE)),
            Err(error) => return Err(self.failed("open", name, error)),
        };
        match file.metadata() {
            Ok(metadata) if metadata.is_file() => {
                Ok(AppendFile { file, root: self.clone(), name: name.to_owned() })
            }
            Ok(_) => Err(self.unexpected_entry(name, NO_FILE)),
            Err(error) => Err(disk_error("look at", self.path().join(name).display(), error)),
        }
    }
}

impl AppendFile {
    /// Its bytes so far, for reading at any place.
    pub(crate) fn bytes(&self) -> Result<File> {
        self.file.try_clone().map_err(|error| self.failed("open", error))
    }

    /// Cuts off what is behind so many bytes.
    pub(crate) fn cut(&mut self, size_bytes: u64) -> Result<()> {
        self.file.set_len(size_bytes).map_err(|error| self.failed("cut", error))
    }

    /// Appends bytes, which survive a crash from then on.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| self.failed("write", error))?;
        self.file.sync_all().map_err(|error| self.failed("sync", error))
    }

    fn failed(&self, what: &str, error: io::Error) -> Error {
        disk_error(what, self.root.path().join(&self.name).display(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn it_grows_from_run_to_run_and_what_is_torn_is_cut_off() {
        let place = tempfile::tempdir().unwrap();
        let root = Root::open(place.path()).unwrap();
        root.append_file("j").unwrap().append(b"one\n").unwrap();
        let mut again = root.append_file("j").unwrap();
        again.append(b"two\nthr").unwrap();
        again.cut(8).unwrap();
        again.append(b"three\n").unwrap();
        assert_eq!(std::fs::read(place.path().join("j")).unwrap(), b"one\ntwo\nthree\n");
    }

    #[test]
    fn what_is_no_file_of_ours_is_not_written_to() {
        let place = tempfile::tempdir().unwrap();
        let root = Root::open(place.path()).unwrap();
        std::fs::write(place.path().join("other"), "x").unwrap();
        std::os::unix::fs::symlink("other", place.path().join("link")).unwrap();
        std::fs::create_dir(place.path().join("directory")).unwrap();
        for name in ["link", "directory"] {
            assert_eq!(root.append_file(name).unwrap_err().kind(), ErrorKind::Occupied, "{name}");
        }
    }
}
