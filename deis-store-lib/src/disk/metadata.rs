//! The kind, size and time of a file, without opening it.

use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, FileType, Stat};
use rustix::io::Errno;

use super::root::Root;
use crate::error::Result;

/// The kind of thing that a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symlink: never ours.
    Symlink,
    /// A device, socket or pipe: never ours.
    Other,
}

/// The metadata of what a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Metadata {
    /// Its kind.
    pub(crate) kind: Kind,
    /// Its size in bytes.
    pub(crate) size_bytes: u64,
    /// When it was changed last.
    pub(crate) modified: SystemTime,
}

/// The file behind a name: two names of one file have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

impl Root {
    /// The metadata and the identity of what a name in this directory names.
    pub(super) fn found_here(&self, name: &str) -> Result<Option<(Metadata, Identity)>> {
        match rustix::fs::statat(self, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some((metadata(&stat), identity(&stat)))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(self.failed("look at", name, error)),
        }
    }

    /// The metadata of what a name in this directory names.
    pub(super) fn metadata_here(&self, name: impl AsRef<OsStr>) -> Result<Option<Metadata>> {
        let name = name.as_ref();
        match rustix::fs::statat(self, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(metadata(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(self.failed("look at", name, error)),
        }
    }

    /// Its kind.
    pub(super) fn kind_here(&self, name: impl AsRef<OsStr>) -> Result<Option<Kind>> {
        Ok(self.metadata_here(name)?.map(|metadata| metadata.kind))
    }

    /// Whether a name in this directory is one of an open file.
    pub(super) fn is_name_of(&self, name: &str, file: impl AsFd) -> Result<bool, Errno> {
        let (there, opened) =
            (rustix::fs::statat(self, name, AtFlags::SYMLINK_NOFOLLOW)?, rustix::fs::fstat(file)?);
        Ok((there.st_dev, there.st_ino) == (opened.st_dev, opened.st_ino))
    }
}

/// The metadata and the identity of an open file.
pub(super) fn found_open(file: impl AsFd) -> Result<(Metadata, Identity), Errno> {
    let stat = rustix::fs::fstat(file)?;
    Ok((metadata(&stat), identity(&stat)))
}

/// When anything of an open file was changed last. Nobody can set this.
pub(super) fn last_touched(file: impl AsFd) -> Result<SystemTime, Errno> {
    let stat = rustix::fs::fstat(file)?;
    Ok(time(stat.st_ctime, stat.st_ctime_nsec))
}

fn identity(stat: &Stat) -> Identity {
    Identity { device: stat.st_dev, inode: stat.st_ino }
}

fn metadata(stat: &Stat) -> Metadata {
    Metadata {
        kind: FileType::from_raw_mode(stat.st_mode).into(),
        size_bytes: u64::try_from(stat.st_size).unwrap_or(0),
        modified: time(stat.st_mtime, stat.st_mtime_nsec),
    }
}

fn time(seconds: i64, nanoseconds: u64) -> SystemTime {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let whole = if seconds < 0 { SystemTime::UNIX_EPOCH - whole } else { SystemTime::UNIX_EPOCH + whole };
    whole + Duration::from_nanos(nanoseconds)
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
