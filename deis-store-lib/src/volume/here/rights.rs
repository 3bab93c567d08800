//! Directories that are ours, and have a mode that does not let us in.

use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

/// A handle on a directory that needs no right to read it. A symlink is none.
pub(super) fn open_path(directory: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(directory, name, flags, Mode::empty())
}

/// Does something for which the user needs all rights on this directory.
pub(super) fn with_rights<T>(
    directory: BorrowedFd<'_>,
    work: impl FnOnce() -> Result<T, Errno>,
) -> Result<T, Errno> {
    let before = Mode::from_raw_mode(rustix::fs::fstat(directory)?.st_mode);
    set_mode(directory, before | Mode::RWXU)?;
    let done = work();
    set_mode(directory, before)?;
    done
}

/// Such a handle takes no mode itself, and what the system says of it does.
pub(super) fn set_mode(directory: BorrowedFd<'_>, mode: Mode) -> Result<(), Errno> {
    let path = format!("/proc/self/fd/{}", directory.as_raw_fd());
    rustix::fs::chmodat(CWD, path, mode, rustix::fs::AtFlags::empty())
}
