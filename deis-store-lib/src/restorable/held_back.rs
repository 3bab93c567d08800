//! The references that need something that is not there. Pure.

use std::collections::BTreeMap;

use crate::contents::registry;
use crate::part::Part;
use crate::report::Finding;

/// Something that a reference needs and that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lack {
    /// Its key.
    pub(crate) key: String,
    /// Whether the source itself has it not, or has it damaged: no copy and no file of ours has lost it.
    pub(crate) in_source: bool,
}

impl Lack {
    /// The finding about a reference of a part that needs it.
    pub(crate) fn finding(&self, part: &Part, reference: &str) -> Finding {
        if self.in_source {
            Finding::held_back_by_source(part, reference, &self.key)
        } else {
            Finding::held_back(part, reference, &self.key)
        }
    }

    /// It was there, and was lost.
    pub(crate) fn lost(key: impl Into<String>) -> Self {
        Self { key: key.into(), in_source: false }
    }

    /// No list has it, or it was written so that nothing can be made of it.
    pub(crate) fn in_source(key: impl Into<String>) -> Self {
        Self { key: key.into(), in_source: true }
    }
}

/// The references that need something that is not there, each with that. A tag that is a directory is held back with all that
/// is in it, and named with its slash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeldBack(pub(super) BTreeMap<String, Lack>);

impl HeldBack {
    /// The lost key that this object needs, if it is one of them.
    pub(crate) fn lost(&self, key: &str) -> Option<&str> {
        let lack = self.0.get(key).or_else(|| self.0.get(registry::tag_directory(key)?));
        lack.map(|lack| lack.key.as_str())
    }

    /// Each of them, with what it needs.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Lack)> {
        self.0.iter().map(|(reference, lack)| (reference.as_str(), lack))
    }

    /// Adds one that needs this, which was lost.
    pub(crate) fn add(&mut self, reference: String, lost: String) {
        self.0.entry(reference).or_insert(Lack::lost(lost));
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Without those for which this does not hold.
    pub(crate) fn retain(&mut self, keeps: impl Fn(&str) -> bool) {
        self.0.retain(|reference, _| keeps(reference));
    }
}
