//! The parts of a manifest, as they are written: by name, each bucket with what it holds. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::part_entry::PartEntry;
use crate::contents::Contents;
use crate::part::Part;

#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    entry: &'a PartEntry,
    #[serde(skip_serializing_if = "Option::is_none")]
    contents: Option<Contents>,
}

#[derive(Deserialize)]
struct Read {
    #[serde(flatten)]
    entry: PartEntry,
    #[serde(default)]
    contents: Option<Contents>,
}

pub(super) fn serialize<S: Serializer>(
    parts: &BTreeMap<Part, PartEntry>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer
        .collect_map(parts.iter().map(|(part, entry)| (part, Written { entry, contents: part.contents() })))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Part, PartEntry>, D::Error> {
    let parts: BTreeMap<String, Read> = BTreeMap::deserialize(deserializer)?;
    let part = |(name, read): (String, Read)| {
        let part = Part::of_name(&name, read.contents);
        part.map(|part| (part, read.entry)).ok_or_else(|| de::Error::custom(format!("no part {name:?}")))
    };
    parts.into_iter().map(part).collect()
}
