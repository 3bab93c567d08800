//! The events that the blocking tasks of a verification send.

use crate::contents::wal_e::Held;
use crate::error::{Error, Result};
use crate::part::Part;
use crate::report::{Finding, FindingKind};

/// An event of a blocking task. The tasks have ended when the channel has.
#[derive(Debug)]
pub(super) enum Event {
    /// A file was looked at.
    Checked {
        /// Whether its bytes were read, too.
        read: bool,
    },
    /// So many bytes were read.
    Bytes(u64),
    Finding(Finding),
    /// An object of a bucket that no file of the snapshot has.
    Lost(Part, String),
    /// What an object holds, or why that cannot be told from its bytes.
    Read(Box<ReadObject>),
    /// How many files the directory of a bucket should have; nothing if its lists could not be read.
    Listed(Part, Option<u64>),
    /// An error that kept us from knowing.
    Failed(Error),
}

/// An object that was read, and what it holds.
#[derive(Debug)]
pub(super) struct ReadObject {
    pub(super) part: Part,
    pub(super) key: String,
    /// A sentence says why its bytes are not what they should be.
    pub(super) held: Result<Held, String>,
}

/// Damage becomes a finding; every other error stays one.
pub(super) fn as_finding(part: Option<&Part>, name: &str, error: Error) -> Result<Finding> {
    match FindingKind::of_damage(&error) {
        Some(kind) => Ok(Finding::new(part, name, kind, error.what())),
        None => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::error::{ErrorKind, disk_error};

    #[test]
    fn a_file_that_the_disk_does_not_give_is_damage_and_one_that_we_may_not_open_is_none() {
        let found = |number| {
            let error = io::Error::from_raw_os_error(number);
            as_finding(None, "x", disk_error("open", "x", error))
        };
        for number in [5, 74, 117] {
            assert_eq!(found(number).unwrap().kind, FindingKind::Unreadable, "{number}");
        }
        // EACCES, and EMFILE.
        for number in [13, 24] {
            assert_eq!(found(number).unwrap_err().kind(), ErrorKind::Disk, "{number}");
        }
    }
}
