//! What the blocking tasks of a verification tell.

use crate::error::{Error, ErrorKind, Result};
use crate::part::Part;
use crate::report::{Finding, FindingKind};

/// What the blocking tasks tell. The channel's end is their end.
#[derive(Debug)]
pub(super) enum Event {
    /// A file was looked at.
    Checked,
    /// So many bytes were read.
    Read(u64),
    Finding(Finding),
    /// How many files the directory of a bucket should have; nothing if its lists could not be read.
    Listed(Part, Option<u64>),
    /// What kept us from knowing.
    Failed(Error),
}

/// Damage becomes a finding; every other error stays one.
pub(super) fn as_finding(part: Option<&Part>, name: &str, error: Error) -> Result<Finding> {
    let kind = match error.kind() {
        ErrorKind::NotFound => FindingKind::Missing,
        ErrorKind::Occupied => FindingKind::NotAFile,
        ErrorKind::Damaged => FindingKind::Changed,
        _ => return Err(error),
    };
    Ok(Finding::new(part, name, kind, error.what()))
}
