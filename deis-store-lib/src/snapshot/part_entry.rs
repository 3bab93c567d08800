//! The entry of one part in the manifest. Pure.

use serde::{Deserialize, Serialize};

use crate::outcome::{Counts, PartOutcome};

/// The result of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartEntry {
    /// The outcome of the part as a whole.
    pub outcome: PartOutcome,
    /// Why it is not stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The bucket's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// The number of its objects by outcome.
    #[serde(default)]
    pub counts: Counts,
    /// Bytes of its files on disk, lists not counted.
    #[serde(default)]
    pub bytes: u64,
    /// The names of its object lists, in `lists/`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<String>,
    /// What there was before, if much was gone when it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shrunk: Option<Shrunk>,
    /// The paths of its files that no list covers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// What an earlier snapshot has of a part that has shrunk since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shrunk {
    /// The earlier snapshot: the newest complete one by then.
    pub since: String,
    /// Its objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl PartEntry {
    /// An entry with an outcome and nothing in it.
    #[cfg(feature = "backup")]
    #[must_use]
    pub(crate) fn new(outcome: PartOutcome) -> Self {
        let (lists, files) = (Vec::new(), Vec::new());
        Self {
            outcome,
            why: None,
            bucket: None,
            counts: Counts::default(),
            bytes: 0,
            lists,
            shrunk: None,
            files,
        }
    }
}
