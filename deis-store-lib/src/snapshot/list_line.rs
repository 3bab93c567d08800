//! One line of an object list: what was listed, and what became of it. Pure.

use std::collections::BTreeMap;
#[cfg(feature = "backup")]
use std::time::SystemTime;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::time::{maybe_milliseconds, milliseconds};
use crate::error::{At, Error, ErrorKind, Result};
use crate::hash::Sha256;
use crate::key_path::{decode, encode};
use crate::outcome::Outcome;
use crate::s3::Checked;

/// Longer lines are refused. A key has 1,024 bytes, and all headers of a request 64 KiB.
#[cfg(feature = "backup")]
pub(super) const LONGEST_LINE_BYTES: u64 = 1 << 20;

/// A listed key and its outcome: there is one line for every listed key.
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
    /// The outcome of the key.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The record that the bytes were checked against while they came.
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
    /// The time of its file, where that is not [`ListLine::modified`]: it is shared with an object that had the same bytes.
    #[serde(default, rename = "mtime", skip_serializing_if = "Option::is_none", with = "maybe_milliseconds")]
    pub file_modified: Option<Timestamp>,
    /// The access control list, where it is not the private one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acl: Option<String>,
}

impl ListLine {
    /// A line of what a listing says.
    #[cfg(any(feature = "backup", test))]
    #[must_use]
    pub(crate) fn new(
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
            file_modified: None,
            acl: None,
        }
    }

    /// The components of its path: of its key, or those the line names if they mean the same key.
    pub fn path(&self) -> Result<Vec<String>> {
        let Some(path) = &self.other_path else { return Ok(encode(&self.key)) };
        let components: Vec<String> = path.split('/').map(str::to_owned).collect();
        if decode(&components).as_deref() == Some(self.key.as_str()) {
            Ok(components)
        } else {
            Err(Error::new(ErrorKind::Damaged, "an object list names a path that is not the key's")
                .at(At::Path, path)
                .at(At::Key, &self.key))
        }
    }

    /// The time that its file has, if a file can have it.
    #[cfg(feature = "backup")]
    #[must_use]
    pub(crate) fn time_of_file(&self) -> Option<SystemTime> {
        self.file_modified.unwrap_or(self.modified).try_into().ok()
    }

    /// Says that it has vanished, and nothing of a file.
    #[cfg(feature = "backup")]
    pub(crate) fn left_out(&mut self) {
        let listed = (std::mem::take(&mut self.key), self.size_bytes, std::mem::take(&mut self.etag));
        *self = Self { outcome: Outcome::Vanished, ..Self::new(listed.0, listed.1, listed.2, self.modified) };
    }

    /// Says at which path its file is, which is remembered only if it is not the key's own.
    #[cfg(any(feature = "backup", test))]
    #[must_use]
    pub(crate) fn stored_at(mut self, components: &[String]) -> Self {
        self.other_path = (components != encode(&self.key)).then(|| components.join("/"));
        self
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
