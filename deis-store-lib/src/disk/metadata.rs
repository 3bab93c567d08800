//! What a file is, without opening it.

use std::borrow::Borrow;
use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, FileType, Stat};
use rustix::io::Errno;

use super::root::{Kind, Root};
use crate::error::{ErrorKind, Result};

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// What sort of thing.
    pub kind: Kind,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// When it was changed last.
    pub modified: SystemTime,
}

impl Root {
    /// What a path names, through no symlink; nothing if it is not there.
    pub fn metadata<S: Borrow<str>>(&self, path: &[S]) -> Result<Option<Metadata>> {
        match self.parent(path) {
            Ok((parent, name)) => parent.metadata_here(name),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What a name in this directory stands for.
    pub(super) fn metadata_here(&self, name: impl AsRef<OsStr>) -> Result<Option<Metadata>> {
        let name = name.as_ref();
        match rustix::fs::statat(self, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(metadata(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(self.failed("look at", name, error)),
        }
    }

    /// Whether a name in this directory is one of an open file.
    pub(super) fn is_name_of(&self, name: &str, file: impl AsFd) -> Result<bool, Errno> {
        let (there, opened) =
            (rustix::fs::statat(self, name, AtFlags::SYMLINK_NOFOLLOW)?, rustix::fs::fstat(file)?);
        Ok((there.st_dev, there.st_ino) == (opened.st_dev, opened.st_ino))
    }
}

fn metadata(stat: &Stat) -> Metadata {
    let nanoseconds = Duration::from_nanos(stat.st_mtime_nsec);
    let seconds = Duration::from_secs(stat.st_mtime.unsigned_abs());
    let whole =
        if stat.st_mtime < 0 { SystemTime::UNIX_EPOCH - seconds } else { SystemTime::UNIX_EPOCH + seconds };
    Metadata {
        kind: FileType::from_raw_mode(stat.st_mode).into(),
        size_bytes: u64::try_from(stat.st_size).unwrap_or(0),
        modified: whole + nanoseconds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_size_and_time_and_a_link_is_a_link() {
        let place = tempfile::tempdir().unwrap();
        let root = Root::open(place.path()).unwrap();
        std::fs::create_dir(place.path().join("d")).unwrap();
        std::fs::write(place.path().join("d/f"), "abc").unwrap();
        std::os::unix::fs::symlink("f", place.path().join("d/link")).unwrap();
        let modified = SystemTime::UNIX_EPOCH + Duration::from_millis(1_445_412_481_250);
        std::fs::File::open(place.path().join("d/f")).unwrap().set_modified(modified).unwrap();
        let found = root.metadata(&["d", "f"]).unwrap().unwrap();
        assert_eq!(found, Metadata { kind: Kind::File, size_bytes: 3, modified });
        assert_eq!(root.metadata(&["d", "link"]).unwrap().unwrap().kind, Kind::Symlink);
        assert_eq!(root.metadata(&["x", "y"]).unwrap(), None);
    }
}
