//! One line of an object list: what was listed, and what became of it. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::disk::{self, Sha256};
use crate::error::{Error, ErrorKind, Result};

/// What was listed, and what became of it: there is one line for every listed key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListLine {
    /// The key.
    pub key: String,
    /// Size as listed; of an object that is on disk, the size of its file.
    #[serde(rename = "size")]
    pub size_bytes: u64,
    /// `ETag` without quotes.
    pub etag: String,
    /// Last-Modified.
    #[serde(with = "milliseconds")]
    pub modified: Timestamp,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What the bytes were checked against while they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<Checked>,
    /// The digest of its file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// The path, where it is not the one that the key alone gives. See [`ListLine::path`].
    #[serde(default, rename = "path", skip_serializing_if = "Option::is_none")]
    pub other_path: Option<String>,
    /// Content-Type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Cache-Control, Content-Disposition, Content-Encoding, Content-Language and Expires, verbatim.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The user's metadata, names without `x-amz-meta-`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub meta: BTreeMap<String, String>,
    /// The access control list, where it is not the private one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acl: Option<String>,
}

impl ListLine {
    /// A line of what a listing says.
    #[must_use]
    pub fn new(
        key: impl Into<String>,
        size_bytes: u64,
        etag: impl Into<String>,
        modified: Timestamp,
    ) -> Self {
        Self {
            key: key.into(),
            size_bytes,
            etag: etag.into(),
            modified,
            outcome: Outcome::Stored,
            checked: None,
            sha256: None,
            other_path: None,
            content_type: None,
            headers: BTreeMap::new(),
            meta: BTreeMap::new(),
            acl: None,
        }
    }

    /// The components of its path: of its key, or those the line names if they mean the same key.
    pub fn path(&self) -> Result<Vec<String>> {
        let Some(path) = &self.other_path else { return Ok(disk::encode(&self.key)) };
        let components: Vec<String> = path.split('/').map(str::to_owned).collect();
        if disk::decode(&components).as_deref() == Some(self.key.as_str()) {
            Ok(components)
        } else {
            Err(Error::new(ErrorKind::Damaged, "an object list names a path that is not the key's")
                .at("path", path)
                .at("key", &self.key))
        }
    }

    /// Says at which path its file is, which is remembered only if it is not the key's own.
    #[must_use]
    pub fn stored_at(mut self, components: &[String]) -> Self {
        self.other_path = (components != disk::encode(&self.key)).then(|| components.join("/"));
        self
    }
}

/// What became of a listed key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "why", rename_all = "snake_case")]
pub enum Outcome {
    /// Fetched, and as its `ETag` says.
    Stored,
    /// As in the previous snapshot, and shared with it.
    Unchanged,
    /// Fetched; its `ETag` says nothing of the bytes.
    Unverifiable(String),
    /// Gone since it was listed.
    Vanished,
    /// The server does not give it.
    Refused(String),
    /// Not fetched.
    Failed(String),
}

impl Outcome {
    /// Whether the object's file is in the snapshot.
    #[must_use]
    pub fn is_on_disk(&self) -> bool {
        matches!(self, Self::Stored | Self::Unchanged | Self::Unverifiable(_))
    }

    /// Its reason, if it has one.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Unverifiable(why) | Self::Refused(why) | Self::Failed(why) => Some(why),
            Self::Stored | Self::Unchanged | Self::Vanished => None,
        }
    }
}

/// What an object's bytes were checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// Their MD5, which is the `ETag`.
    Md5,
    /// The MD5 of the MD5s of parts of so many bytes, which is the `ETag` of a multipart upload.
    Parts(u64),
    /// The MD5 that s3cmd left in the metadata.
    S3cmdMd5,
    /// Nothing but their number.
    None,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Md5 => f.write_str("md5"),
            Self::Parts(bytes) => write!(f, "parts:{bytes}"),
            Self::S3cmdMd5 => f.write_str("s3cmd-md5"),
            Self::None => f.write_str("none"),
        }
    }
}

impl FromStr for Checked {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "md5" => Some(Self::Md5),
            "s3cmd-md5" => Some(Self::S3cmdMd5),
            "none" => Some(Self::None),
            _ => text.strip_prefix("parts:").and_then(|bytes| bytes.parse().ok()).map(Self::Parts),
        }
        .ok_or_else(|| Error::new(ErrorKind::Format, format!("unknown check {text:?}")))
    }
}

impl Serialize for Checked {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Times as RFC 3339 in UTC with three decimals.
pub(super) mod milliseconds {
    use super::{Deserialize, Deserializer, Serializer, Timestamp, de};

    pub(in super::super) fn serialize<S: Serializer>(
        time: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{time:.3}"))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> ListLine {
        ListLine::new("a/b", 3, "900150983cd24fb0d6963f7d28e17f72", "2015-10-21T07:28:00Z".parse().unwrap())
    }

    #[test]
    fn a_line_is_written_in_the_order_of_the_format_without_what_is_absent() {
        let stored =
            ListLine { checked: Some(Checked::Md5), content_type: Some("text/plain".to_owned()), ..line() };
        assert_eq!(
            serde_json::to_string(&stored).unwrap(),
            r#"{"key":"a/b","size":3,"etag":"900150983cd24fb0d6963f7d28e17f72","modified":"2015-10-21T07:28:00.000Z","outcome":"stored","checked":"md5","type":"text/plain"}"#
        );
        let refused = ListLine { outcome: Outcome::Refused("AccessDenied".to_owned()), ..line() };
        assert!(
            serde_json::to_string(&refused)
                .unwrap()
                .ends_with(r#""outcome":"refused","why":"AccessDenied"}"#)
        );
    }

    #[test]
    fn a_line_comes_back_and_unknown_fields_are_ignored() {
        for outcome in [Outcome::Stored, Outcome::Vanished, Outcome::Failed("x".to_owned())] {
            let line = ListLine { outcome, checked: Some(Checked::Parts(15 << 20)), ..line() };
            let text = serde_json::to_string(&line).unwrap().replace("{\"key\"", "{\"later\":[1,{}],\"key\"");
            assert_eq!(serde_json::from_str::<ListLine>(&text).unwrap(), line);
        }
    }

    #[test]
    fn a_path_is_taken_only_if_it_means_the_key() {
        let at = |path: &str| ListLine { other_path: Some(path.to_owned()), ..line() }.path();
        assert_eq!(line().path().unwrap(), ["a", "b"]);
        assert_eq!(at("a%+/b").unwrap(), ["a%+", "b"]);
        for foreign in ["../a/b", "a/c", "/a/b", "a/b/", "", "a//b", "a/./b"] {
            assert_eq!(at(foreign).unwrap_err().kind(), ErrorKind::Damaged, "{foreign}");
        }
        assert_eq!(line().stored_at(&["a".to_owned(), "b".to_owned()]).other_path, None);
        let taken = line().stored_at(&["a%+".to_owned(), "b".to_owned()]);
        assert_eq!(taken.other_path.as_deref(), Some("a%+/b"));
    }
}
