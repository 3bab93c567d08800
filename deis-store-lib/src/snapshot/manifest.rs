//! The manifest of a snapshot: what was taken from where, what became of it, and the digests of its files. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::edition::{Edition, no_manifest};
use super::part_entry::PartEntry;
use super::parts;
use super::time::milliseconds;
use crate::error::Result;
use crate::hash::Sha256;
use crate::part::Part;

/// Name and version of this program, as what it makes has them.
#[cfg(feature = "backup")]
pub(super) const PROGRAM: &str = concat!("deis-store ", env!("CARGO_PKG_VERSION"));

/// The manifest of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format: 1 for what this version writes.
    pub format: u64,
    /// The words that a reader must know to read it: `buckets` if it holds parts that are no Deis platform's.
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
    /// The result of each part.
    #[serde(with = "parts")]
    pub parts: BTreeMap<Part, PartEntry>,
    /// The digests of all files that no list covers.
    pub files: Vec<FileDigest>,
    /// The data that a reader might expect and will not find.
    #[serde(default)]
    pub not_included: Vec<NotIncluded>,
    /// The snapshot whose unchanged objects this one shares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// How it was adopted, if it was made of a directory of another program's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<Adopted>,
}

impl Manifest {
    /// What a run says of its snapshot. The writer fills in what it knows better: names, format, files.
    #[cfg(feature = "backup")]
    pub(crate) fn of_run((started, ended): (Timestamp, Timestamp), parts: BTreeMap<Part, PartEntry>) -> Self {
        Self {
            format: 0,
            requires: BTreeSet::new(),
            snapshot: String::new(),
            program: PROGRAM.to_owned(),
            repository: String::new(),
            complete: false,
            started,
            ended,
            source: Source::default(),
            parts,
            files: Vec::new(),
            not_included: Vec::new(),
            previous: None,
            adopted: None,
        }
    }

    /// Reads a manifest; refuses by name what only a newer version can read.
    pub fn parse(json: &[u8]) -> Result<Self> {
        // Before the rest: a newer format may have other fields.
        let edition: Edition = serde_json::from_slice(json).map_err(no_manifest)?;
        edition.check()?;
        serde_json::from_slice(json).map_err(no_manifest)
    }

    /// The digest of one of its files.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&FileDigest> {
        self.files.iter().find(|file| file.path == path)
    }
}

/// How a snapshot was made of a directory of another program's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adopted {
    /// When it was adopted. The snapshot's name, start and end are the time of the directory's newest file.
    #[serde(with = "milliseconds")]
    pub at: Timestamp,
    /// Whether it was compared with a gateway's objects. If not, what is stored with them is not known.
    pub compared: bool,
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
    /// The data.
    pub what: String,
    /// Why.
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contents::Contents;
    use crate::error::ErrorKind;

    const OLDEST: &str = r#"{"format":1,"snapshot":"2015-10-21T07-28-00Z","program":"deis-store 0.1.0","repository":"u",
        "complete":true,"started":"2015-10-21T07:28:00.000Z","ended":"2015-10-21T07:29:00.000Z","source":{"later":1},
        "parts":{"db_wal":{"outcome":"stored","counts":{"listed":1,"stored":1},"later":true}},"files":[],"later":{}}"#;

    #[test]
    fn unknown_fields_are_ignored_and_what_is_absent_is_empty() {
        let manifest = Manifest::parse(OLDEST.as_bytes()).unwrap();
        assert_eq!(manifest.parts[&Part::db_wal()].counts.listed, 1);
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

    #[test]
    fn a_part_that_is_named_twice_is_damage() {
        for name in ["db_wal", "bucket.uploads", "config"] {
            let again = format!(r#"{{"outcome":"absent"}},"{name}":"#);
            let twice = with_part(name, &format!(r#"}},"{name}":{again}{{"outcome":"stored""#)).unwrap_err();
            assert_eq!(twice.kind(), ErrorKind::Damaged, "{name}");
            assert!(twice.what().contains("twice"), "{}", twice.what());
        }
    }

    /// The oldest manifest with another part.
    fn with_part(name: &str, fields: &str) -> Result<Manifest> {
        let part = format!(r#""parts":{{"{name}":{{"outcome":"stored"{fields}}},"#);
        Manifest::parse(OLDEST.replace(r#""parts":{"#, &part).as_bytes())
    }

    #[test]
    fn an_added_bucket_comes_back_with_its_contents_and_is_plain_without() {
        for (fields, contents) in [
            (r#","contents":"wal-e""#, Contents::WalE),
            (r#","contents":"registry""#, Contents::Registry),
            ("", Contents::Plain),
        ] {
            let manifest = with_part("bucket.uploads", fields).unwrap();
            let again = Manifest::parse(&serde_json::to_vec(&manifest).unwrap()).unwrap();
            assert_eq!(again, manifest);
            let part = again.parts.keys().find(|part| part.name() == "bucket.uploads").unwrap();
            assert_eq!(part.contents(), Some(contents));
        }
    }

    #[test]
    fn the_manifest_says_what_is_in_each_bucket() {
        let manifest = with_part("bucket.uploads", r#","contents":"wal-e""#).unwrap();
        let json = serde_json::to_value(&manifest).unwrap();
        assert_eq!(json["parts"]["bucket.uploads"]["contents"], "wal-e");
        assert_eq!(json["parts"]["db_wal"]["contents"], "wal-e");
        assert!(
            serde_json::to_value(with_part("config", "").unwrap()).unwrap()["parts"]["config"]
                .get("contents")
                .is_none()
        );
    }

    #[test]
    fn a_part_or_contents_of_a_newer_version_is_refused_by_name() {
        for (name, fields, word) in
            [("videos", "", "videos"), ("bucket.uploads", r#","contents":"git""#, "git"), ("", "", "\"\"")]
        {
            let error = with_part(name, fields).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Format, "{name}");
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[test]
    fn a_bucket_that_cannot_be_a_directory_of_its_own_is_damage() {
        for name in
            ["bucket.", "bucket.../../etc", "bucket.a/b", "bucket.a..b", "bucket.\\u0000abc", "bucket.ab"]
        {
            assert_eq!(with_part(name, "").unwrap_err().kind(), ErrorKind::Damaged, "{name}");
        }
        let twin = r#"},"bucket.Uploads":{"outcome":"stored""#;
        assert_eq!(with_part("bucket.uploads", twin).unwrap_err().kind(), ErrorKind::Damaged);
    }
}
