//! Why an entry is not unpacked: each error names it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use rustix::io::Errno;

use super::noted::shown;
use crate::disk::Room;
use crate::error::{Error, ErrorKind, disk_error};

/// Said of an entry whose name is taken: the directory was empty before.
pub(super) const WAS_THERE: &str = "is in it twice";

/// An entry that nothing honest has. The words go on after its name.
pub(super) fn refused(path: &[u8], why: &str) -> Error {
    let what = format!("the archive is not unpacked: the entry '{}' {why}", shown(path));
    Error::new(ErrorKind::Damaged, what)
        .todo("take another copy of the archive, or find out what has made it")
}

/// A hard link to a file that is not there.
pub(super) fn refused_link(path: &[u8], first: &[u8], why: &str) -> Error {
    refused(path, &format!("is a hard link to '{}', which {why}", shown(first)))
        .todo_instead("take the whole archive, or that file too; or find out what has made it")
}

/// An entry that needs more room than there is.
pub(super) fn no_room(path: &[u8], room: &Room) -> Error {
    let (path, left) = (shown(path), room.said());
    Error::new(ErrorKind::Guard, format!("the entry '{path}' needs more room than is left: {left}"))
        .todo("look at what the archive has; then make room, or allow more")
}

/// Makes errors of what the disk does not do below a directory.
#[derive(Debug)]
pub(super) struct Failure {
    directory: PathBuf,
}

impl Failure {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// A name that could not be made.
    pub(super) fn new_name(&self, path: &[u8], error: Errno) -> Error {
        match error {
            Errno::EXIST => refused(path, WAS_THERE),
            error => self.disk(path, error),
        }
    }

    /// What the disk did not do.
    pub(super) fn disk(&self, path: &[u8], error: Errno) -> Error {
        let place = self.directory.join(OsStr::from_bytes(path));
        disk_error("unpack", place.display(), error.into())
            .todo("see why the file system does not take it; or load into a directory of another one")
    }
}
