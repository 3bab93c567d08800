//! What becomes of a listed key. Pure.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::{Error, ErrorKind, Result};

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
