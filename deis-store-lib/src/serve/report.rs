//! The report of a snapshot that was served.

use std::path::PathBuf;

use serde::Serialize;

/// The report of a snapshot that was served.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ServeReport {
    /// The snapshot's directory.
    pub snapshot: PathBuf,
    /// Where it was served.
    pub url: String,
    /// The directory in which writes were kept; none if it was read-only.
    pub writes: Option<PathBuf>,
    /// Whether it was published in etcd.
    pub published: bool,
    /// How long it was served.
    pub milliseconds: u64,
}
