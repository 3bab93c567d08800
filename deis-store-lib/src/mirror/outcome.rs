//! What becomes of a listed key. Pure.

use serde::{Deserialize, Serialize};

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
