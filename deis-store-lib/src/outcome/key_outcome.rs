//! A key, and what became of it: what a verb on many keys tells of each. Pure.

use std::path::PathBuf;

use serde::{Serialize, Serializer};

use super::Outcome;

/// A key, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyOutcome {
    /// The key.
    pub key: String,
    /// Its fate.
    #[serde(flatten)]
    pub fate: Fate,
    /// Whether it is proven to be damaged: its bytes were not what its `ETag` says, each time they came.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub damaged: bool,
    /// How many bytes were copied; in a dry run: would be.
    #[serde(rename = "size")]
    pub size_bytes: u64,
    /// Its file, where one was named or found by it; of a sync upwards, only where the file's name is not what the key says.
    #[serde(rename = "file", skip_serializing_if = "Option::is_none", serialize_with = "lossy")]
    pub path: Option<PathBuf>,
}

/// The fate of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Fate {
    /// The source has it, and this became of it. In a dry run: this would become of it if all went well.
    Source(Outcome),
    /// Only the target has it.
    Target(TargetOnly),
}

/// The fate of a key that only the target has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "why", rename_all = "snake_case")]
pub enum TargetOnly {
    /// It was deleted; in a dry run: it would be.
    Deleted,
    /// It was to be deleted, and was not.
    NotDeleted(String),
    /// It is left alone: it is nothing that a sync makes.
    LeftAlone(String),
}

/// A path as a text, whatever its bytes are.
#[expect(clippy::ref_option, reason = "serde gives the field as it is")]
fn lossy<S: Serializer>(path: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
    path.as_ref().map(|path| path.to_string_lossy()).serialize(to)
}
