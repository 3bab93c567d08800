//! The parts of a manifest, as they are written: by name, each bucket with what it holds. Pure.

use std::collections::BTreeMap;
use std::fmt;

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
    deserializer.deserialize_map(EachOnce)
}

/// Reads parts, each of which is named once: of two with one name, which one counts is not known.
struct EachOnce;

impl<'de> de::Visitor<'de> for EachOnce {
    type Value = BTreeMap<Part, PartEntry>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("parts by name")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut parts = BTreeMap::new();
        while let Some((name, read)) = map.next_entry::<String, Read>()? {
            let part = Part::of_name(&name, read.contents);
            let part = part.ok_or_else(|| de::Error::custom(format!("no part {name:?}")))?;
            if parts.insert(part, read.entry).is_some() {
                return Err(de::Error::custom(format!("the part {name:?} is named twice")));
            }
        }
        Ok(parts)
    }
}
