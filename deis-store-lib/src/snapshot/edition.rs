//! Whether this version can read a manifest: seen before all else in it, and refused by name. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::error::{At, Error, ErrorKind, Result};
use crate::part::{Part, refuse_twins};

/// The format that this version writes, and the greatest it reads.
pub(super) const FORMAT: u64 = 1;

/// The word that a snapshot requires if it holds other parts than a Deis platform's: versions that do not know them must
/// not pass them over.
pub(super) const BUCKETS: &str = "buckets";

/// The part of a manifest that says which versions can read it.
#[derive(Deserialize)]
pub(super) struct Edition {
    format: u64,
    #[serde(default)]
    requires: BTreeSet<String>,
    #[serde(default)]
    parts: BTreeMap<String, PartEdition>,
}

#[derive(Deserialize)]
struct PartEdition {
    #[serde(default)]
    contents: Option<String>,
}

impl Edition {
    pub(super) fn check(&self) -> Result<()> {
        check_format("snapshot", self.format)?;
        if let Some(word) = self.requires.iter().find(|word| *word != BUCKETS) {
            return Err(newer(&format!("the snapshot requires {word:?}, which this version does not know")));
        }
        let mut parts = Vec::new();
        for (name, part) in &self.parts {
            parts.push(part.check(name)?);
        }
        refuse_twins(parts.iter().filter_map(Part::as_bucket)).map_err(|error| damaged().because(error))
    }
}

impl PartEdition {
    fn check(&self, name: &str) -> Result<Part> {
        let contents = self.contents.as_deref().map(str::parse).transpose().map_err(|_| {
            let contents = self.contents.as_deref().unwrap_or_default();
            newer(&format!("a bucket holds {contents:?}, which this version does not know"))
                .at(At::Part, name)
        })?;
        Part::of_name(name, contents).ok_or_else(|| {
            if name.starts_with("bucket.") {
                return damaged().at(At::Part, name);
            }
            newer(&format!("the snapshot has a part {name:?}, which this version does not know"))
        })
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

fn damaged() -> Error {
    Error::new(ErrorKind::Damaged, "the manifest names a bucket that no backup writes")
}

pub(super) fn no_manifest(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Damaged, "the manifest is not what a manifest should be").because(error)
}
