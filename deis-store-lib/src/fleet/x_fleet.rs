//! The rules of a unit about machines: the section `[X-Fleet]` of its text. Pure.

use std::collections::{BTreeMap, BTreeSet};

/// The rules of a unit about machines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct XFleet {
    /// Whether it runs on every machine that it admits.
    pub(super) global: bool,
    /// What a machine must say of itself: one of the values of each name.
    metadata: BTreeMap<String, BTreeSet<String>>,
}

impl XFleet {
    /// The rules in a unit's text.
    pub(super) fn parse(text: &str) -> Self {
        let mut rules = Self::default();
        let mut within = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with('[') {
                within = line == "[X-Fleet]";
            } else if let Some((name, value)) = line.split_once('=').filter(|_| within) {
                match name.trim() {
                    "Global" => rules.global = value.trim().eq_ignore_ascii_case("true"),
                    "MachineMetadata" | "X-ConditionMachineMetadata" => rules.require(value),
                    _ => {}
                }
            }
        }
        rules
    }

    /// One or more of `name=value`, each in quotes or not.
    fn require(&mut self, pairs: &str) {
        for pair in pairs.split_whitespace().map(|pair| pair.trim_matches('"')) {
            if let Some((name, value)) = pair.split_once('=') {
                self.metadata.entry(name.to_owned()).or_default().insert(value.to_owned());
            }
        }
    }

    /// Whether a machine that says this of itself may run the unit.
    pub(super) fn admits(&self, metadata: &BTreeMap<String, String>) -> bool {
        self.metadata
            .iter()
            .all(|(name, values)| metadata.get(name).is_some_and(|value| values.contains(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_global_unit_with_metadata_admits_the_machines_that_have_it() {
        let text = "[Unit]\nGlobal=true\n[X-Fleet]\nGlobal=true\n\nMachineMetadata=\"controlPlane=true\" zone=a\nMachineMetadata=zone=b\n";
        let rules = XFleet::parse(text);
        let machine =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert!(rules.global && rules.admits(&machine(&[("controlPlane", "true"), ("zone", "b")])));
        assert!(!rules.admits(&machine(&[("controlPlane", "true")])) && !rules.admits(&machine(&[])));
    }

    #[test]
    fn other_sections_and_an_empty_text_say_nothing() {
        assert_eq!(
            XFleet::parse("[Service]\nGlobal=true\n[X-Fleet]\nConflicts=deis-router@*.service\n"),
            XFleet::default()
        );
        assert!(XFleet::parse("").admits(&BTreeMap::new()));
    }
}
