//! The reports of the volume's verbs.

use serde::Serialize;

use super::index::IndexedKind;
use crate::report::{Findings, Verdict};

/// The result of a save.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct SaveReport {
    /// Whether all of the directory is in the archive, and can be loaded again.
    pub verdict: Verdict,
    /// The number of files, directories and links.
    pub entries: u64,
    /// The size of all files, with their holes.
    pub file_bytes: u64,
    /// The length of the archive before it was compressed.
    pub archive_bytes: u64,
    /// The length of the compressed archive.
    pub bytes: u64,
    /// Files that changed while they were read, and what is not in the archive.
    #[serde(flatten)]
    pub findings: Findings,
    /// How long it took.
    pub milliseconds: u64,
}

/// The result of a load.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct LoadReport {
    /// The number of files, directories and links that are there now.
    pub entries: u64,
    /// The size of all files, with their holes.
    pub file_bytes: u64,
    /// What was passed over or is not as it was.
    #[serde(flatten)]
    pub findings: Findings,
    /// How long it took.
    pub milliseconds: u64,
}

/// The result of a list, beside the entries.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct ListReport {
    /// Whether the archive can be loaded.
    pub verdict: Verdict,
    /// The number of files, directories and links.
    #[serde(rename = "entry_count")]
    pub entries: u64,
    /// The size of all files, with their holes.
    pub file_bytes: u64,
    /// What would be passed over, or not be as it was; and what a load would refuse.
    #[serde(flatten)]
    pub findings: Findings,
}

/// An entry of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ListedEntry {
    /// The path below the directory, `.` for the directory itself. Bytes that are not UTF-8 are given as U+FFFD.
    pub path: String,
    /// What it is.
    pub kind: IndexedKind,
    /// The permission bits, in octal.
    pub mode: String,
    /// The number of its user.
    pub user: u64,
    /// The number of its group.
    pub group: u64,
    /// The file's size, with its holes.
    #[serde(rename = "size")]
    pub size_bytes: u64,
    /// When its content was changed last, in seconds since 1970.
    pub modified: i64,
    /// Where a link leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}
