//! Mode, owner and time of what is unpacked.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, Gid, Mode, Timespec, Timestamps, UTIME_OMIT, Uid};
use rustix::io::Errno;

use crate::archive::tar::{Entry, Modified};
use crate::error::{Error, ErrorKind, Result};

/// Whose the files are that are unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owners {
    /// Those whose they were, by number. Only root can give files away.
    Keep,
    /// The user's who unpacks.
    Mine,
}

/// Mode, owner and time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes {
    mode: Mode,
    owner: Option<(Uid, Gid)>,
    modified: Modified,
}

impl Owners {
    pub(super) fn require_possible(self) -> Result<()> {
        if self == Self::Mine || rustix::process::geteuid().is_root() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Denied, "only root can keep the owners of what is unpacked")
            .todo("run it as root, or let all that is unpacked be your own"))
    }
}

impl Attributes {
    /// Those of an entry. Nothing if it has an owner that no system can have.
    pub(super) fn of(entry: &Entry, owners: Owners) -> Option<Self> {
        let owner = match owners {
            Owners::Keep => {
                Some((Uid::from_raw(number(entry.owner.0)?), Gid::from_raw(number(entry.owner.1)?)))
            }
            Owners::Mine => None,
        };
        // With these bits a file has the rights of the owner that it does not get here.
        let rights = if owners == Owners::Mine { Mode::SUID | Mode::SGID } else { Mode::empty() };
        Some(Self { mode: Mode::from_raw_mode(entry.mode) - rights, owner, modified: entry.modified })
    }

    /// Gives them to an open file or directory.
    pub(super) fn apply(&self, file: impl AsFd) -> Result<(), Errno> {
        // A change of the owner takes the mode's first bits away.
        if let Some((user, group)) = self.owner {
            rustix::fs::fchown(&file, Some(user), Some(group))?;
        }
        rustix::fs::fchmod(&file, self.mode)?;
        rustix::fs::futimens(&file, &self.times())
    }

    /// The same for a symlink, which has no mode.
    pub(super) fn apply_to_symlink(&self, directory: BorrowedFd<'_>, name: &[u8]) -> Result<(), Errno> {
        if let Some((user, group)) = self.owner {
            rustix::fs::chownat(directory, name, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        rustix::fs::utimensat(directory, name, &self.times(), AtFlags::SYMLINK_NOFOLLOW)
    }

    fn times(&self) -> Timestamps {
        let Modified { seconds, nanoseconds } = self.modified;
        Timestamps {
            last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
            last_modification: Timespec { tv_sec: seconds, tv_nsec: nanoseconds.into() },
        }
    }
}

/// A user's or group's number. The highest one means none.
fn number(number: u64) -> Option<u32> {
    u32::try_from(number).ok().filter(|number| *number != u32::MAX)
}
