//! The room on a file system.

use rustix::fs::fstatvfs;

use super::root::Root;
use crate::error::{Result, disk_error};

/// The room on a file system, for users who are not root. Some count no files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Free bytes.
    pub(crate) bytes: u64,
    /// How many more files it can have.
    pub(crate) files: Option<u64>,
}

impl Root {
    /// The room on its file system.
    pub(crate) fn room(&self) -> Result<Room> {
        let found = fstatvfs(self)
            .map_err(|error| disk_error("look at the file system of", self.path().display(), error.into()))?;
        let files = (found.f_files > 0).then_some(found.f_favail);
        Ok(Room { bytes: found.f_bavail.saturating_mul(found.f_frsize), files })
    }
}

impl Room {
    /// Whether so many files with so many bytes have room in it.
    pub(crate) fn has_room_for(&self, files: u64, bytes: u64) -> bool {
        self.bytes >= bytes && self.files.is_none_or(|free| free >= files)
    }

    /// For people.
    pub(crate) fn said(&self) -> String {
        let files = self.files.map_or("files without a limit".to_owned(), |files| format!("{files} files"));
        format!("{} and {files}", crate::units::size(self.bytes))
    }
}
