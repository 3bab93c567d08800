//! The manifest of a snapshot: what was taken from where, what became of it, and the digests of its files. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::time::milliseconds;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::Sha256;
use crate::outcome::Counts;
use crate::part::Part;

/// The format that this version writes, and the greatest it reads.
pub const FORMAT: u64 = 1;

/// The manifest of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format: [`FORMAT`].
    pub format: u64,
    /// What a reader must know to read it: nothing so far.
    #[serde(default)]
    pub requires: BTreeSet<String>,
    /// The snapshot's name.
    pub snapshot: String,
    /// Name and version of the program that made it.
    pub program: String,
    /// The identity of the repository it was made in.
    pub repository: String,
    /// Whether everything that was asked for is in it.
    pub complete: bool,
    /// When the run started.
    #[serde(with = "milliseconds")]
    pub started: Timestamp,
    /// When it ended.
    #[serde(with = "milliseconds")]
    pub ended: Timestamp,
    /// Where it was taken from.
    pub source: Source,
    /// What became of each part.
    pub parts: BTreeMap<Part, PartEntry>,
    /// The digests of all files that no list covers.
    pub files: Vec<FileDigest>,
    /// What a reader might expect and will not find.
    #[serde(default)]
    pub not_included: Vec<NotIncluded>,
    /// The snapshot whose unchanged objects this one shares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
}

impl Manifest {
    /// Reads a manifest; refuses by name what only a newer version can read.
    pub fn parse(json: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Edition {
            format: u64,
            #[serde(default)]
            requires: BTreeSet<String>,
        }
        // Before the rest: a newer format may have other fields.
        let edition: Edition = serde_json::from_slice(json).map_err(no_manifest)?;
        check_format("snapshot", edition.format)?;
        if let Some(word) = edition.requires.first() {
            return Err(newer(&format!("the snapshot requires {word:?}, which this version does not know")));
        }
        serde_json::from_slice(json).map_err(no_manifest)
    }

    /// The digest of one of its files.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&FileDigest> {
        self.files.iter().find(|file| file.path == path)
    }
}

/// Refuses a format that is greater than ours.
pub(super) fn check_format(what: &str, format: u64) -> Result<()> {
    if format > FORMAT {
        return Err(newer(&format!("the {what} has format {format}; this version reads up to {FORMAT}")));
    }
    Ok(())
}

fn newer(what: &str) -> Error {
    Error::new(ErrorKind::Format, what)
        .todo("it was made by a newer version: use that one, or a later deis-store")
}

fn no_manifest(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Damaged, "the manifest is not what a manifest should be").because(error)
}

/// Where a snapshot was taken from; what was not found out is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Source {
    /// The platform's domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The gateways that were asked.
    pub gateways: Vec<String>,
    /// The version of Deis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deis: Option<String>,
    /// The version of Ceph.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ceph: Option<String>,
    /// Whether the gateways were asked over TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<bool>,
    /// How far the gateways' clock is ahead of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_offset_ms: Option<i64>,
}

/// What became of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartEntry {
    /// What became of it as a whole.
    pub outcome: PartOutcome,
    /// Why it is not stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The bucket's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// What became of its objects.
    #[serde(default)]
    pub counts: Counts,
    /// Bytes of its files on disk, lists not counted.
    #[serde(default)]
    pub bytes: u64,
    /// The names of its object lists, in `lists/`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<String>,
    /// The paths of its files that no list covers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

impl PartEntry {
    /// An entry with an outcome and nothing in it.
    #[must_use]
    pub fn new(outcome: PartOutcome) -> Self {
        let (lists, files) = (Vec::new(), Vec::new());
        Self { outcome, why: None, bucket: None, counts: Counts::default(), bytes: 0, lists, files }
    }
}

/// What became of a part as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartOutcome {
    /// It is in the snapshot; its counts say of single objects that are not.
    Stored,
    /// It was not asked for.
    Skipped,
    /// It was asked for and could not be taken.
    Failed,
    /// The platform has none.
    Absent,
}

/// The digest of a file, its bytes as they are on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDigest {
    /// Its path in the snapshot.
    pub path: String,
    /// Its size.
    #[serde(rename = "size")]
    pub size_bytes: u64,
    /// Its digest.
    pub sha256: Sha256,
}

/// Something that a reader might expect and will not find.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotIncluded {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLDEST: &str = r#"{"format":1,"snapshot":"2015-10-21T07-28-00Z","program":"deis-store 0.1.0","repository":"u",
        "complete":true,"started":"2015-10-21T07:28:00.000Z","ended":"2015-10-21T07:29:00.000Z","source":{"later":1},
        "parts":{"db_wal":{"outcome":"stored","counts":{"listed":1,"stored":1},"later":true}},"files":[],"later":{}}"#;

    #[test]
    fn unknown_fields_are_ignored_and_what_is_absent_is_empty() {
        let manifest = Manifest::parse(OLDEST.as_bytes()).unwrap();
        assert_eq!(manifest.parts[&Part::DbWal].counts.listed, 1);
        assert_eq!(manifest.source, Source::default());
        let again = serde_json::to_vec(&manifest).unwrap();
        assert_eq!(Manifest::parse(&again).unwrap(), manifest);
    }

    #[test]
    fn what_a_newer_version_made_is_refused_by_name() {
        for (newer, name) in [
            (OLDEST.replace("\"format\":1", "\"format\":2"), "format 2"),
            (OLDEST.replace("{\"format\":1", "{\"requires\":[\"encrypted\"],\"format\":1"), "\"encrypted\""),
            (r#"{"format":9}"#.to_owned(), "format 9"),
        ] {
            let error = Manifest::parse(newer.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Format);
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn what_is_no_manifest_is_damaged() {
        for text in ["", "[]", "{}", r#"{"format":1}"#, &OLDEST[..OLDEST.len() - 1]] {
            assert_eq!(Manifest::parse(text.as_bytes()).unwrap_err().kind(), ErrorKind::Damaged, "{text}");
        }
    }
}
