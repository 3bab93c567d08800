//! What is said of the restorability of a bucket. Pure.

use serde::Serialize;

use crate::part::Part;
use crate::report::{Finding, FindingKind};

/// To which point what a bucket holds can be brought back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Restorability {
    /// The databases, in order of the prefixes below which they lie.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<Database>,
    /// The images of a registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<Images>,
    /// Why a restore of it would silently give less than there is, if it would: one sentence for each reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub falls_short: Vec<String>,
}

/// A database that WAL-E has stored: base backups, and the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Database {
    /// The beginning of its keys: empty, or a path with its slash.
    pub prefix: String,
    /// Its base backups that have a sentinel, in the order in which the sentinels were written: a restore takes the last one,
    /// `LATEST`.
    pub base_backups: Vec<BaseBackup>,
    /// The base backups without a sentinel: one that is being made, or that was broken off.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unfinished: Vec<String>,
    /// The number of segments of its log.
    pub segments: u64,
    /// The holes of its log behind the start of the oldest base backup; at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// The number of objects that another program than WAL-E has written, whose bytes are not read.
    #[serde(skip_serializing_if = "is_zero")]
    pub unread: u64,
}

/// A base backup, and to which point the log goes on from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BaseBackup {
    /// Its name, as WAL-E takes it.
    pub name: String,
    /// Whether it can be restored.
    pub restorable: bool,
    /// Why it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
    /// The timeline on which its replay ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<u32>,
    /// The last segment to which its log goes on without a hole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_segment: Option<String>,
    /// The place in the log where its replay ends, as PostgreSQL writes it; only where the segments were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// The time of the last commit up to there, in RFC 3339, if the last segments were read and have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_commit: Option<String>,
}

/// Segments that are missing, while the log goes on behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Gap {
    /// The first segment that is missing.
    pub first_missing: String,
    /// The segment with which the log goes on.
    pub goes_on: String,
}

/// The images of a registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Images {
    /// The number of tags.
    pub tags: u64,
    /// The number of tags of which everything is there.
    pub complete: u64,
    /// The number of images, layers and manifests that no tag needs. 0 unless all tags are complete.
    pub unreferenced: u64,
    /// The number of images whose push was under way or was broken off.
    pub unfinished: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives the field so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Something that is wrong or worth a look, beside what is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Harm {
    /// The key, or the place where one should be.
    pub(crate) name: String,
    pub(crate) kind: FindingKind,
    pub(crate) what: String,
}

impl Harm {
    pub(super) fn new(name: impl Into<String>, kind: FindingKind, what: impl Into<String>) -> Self {
        Self { name: name.into(), kind, what: what.into() }
    }

    /// It as a finding about a part.
    pub(crate) fn finding(self, part: &Part) -> Finding {
        Finding::new(Some(part), self.name, self.kind, self.what)
    }
}
