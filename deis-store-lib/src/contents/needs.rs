//! Which references need what is not there. Pure.
//!
//! The caller tells every lost key. Then it shows, in rounds, the keys of all objects that are there, and the bytes of those
//! that are asked for, until no further round is wanted. What is in no list is missed as what is lost: a deletion between two
//! listings is seen by nothing else.

use std::collections::BTreeMap;

use super::{Contents, registry, wal_e};

/// Finds the references that need what is not there.
#[derive(Debug)]
pub(crate) struct Needs(Kind);

#[derive(Debug)]
enum Kind {
    Plain,
    WalE(wal_e::Needs),
    Registry(registry::Needs),
}

impl Needs {
    /// The references of a bucket that holds this; nothing is lost yet.
    pub(crate) fn of(contents: Contents) -> Self {
        Self(match contents {
            Contents::Plain => Kind::Plain,
            Contents::WalE => Kind::WalE(wal_e::Needs::default()),
            Contents::Registry => Kind::Registry(registry::Needs::default()),
        })
    }

    /// An object is lost.
    pub(crate) fn lose(&mut self, key: &str) {
        match &mut self.0 {
            Kind::Plain => {}
            Kind::WalE(needs) => needs.lose(key),
            Kind::Registry(needs) => needs.lose(key),
        }
    }

    /// Whether there are no references, so that no round is needed.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.0, Kind::Plain)
    }

    /// An object is there. Whether its bytes are wanted in this round.
    pub(crate) fn see(&mut self, key: &str) -> bool {
        match &mut self.0 {
            Kind::Plain => false,
            Kind::WalE(needs) => needs.see(key),
            Kind::Registry(needs) => needs.see(key),
        }
    }

    /// The bytes of an object that were wanted; nothing if they are not what they were.
    pub(crate) fn show(&mut self, key: &str, bytes: Option<&[u8]>) {
        match &mut self.0 {
            Kind::Plain => {}
            Kind::WalE(needs) => needs.show(key, bytes.unwrap_or_default()),
            Kind::Registry(needs) => needs.show(key, bytes),
        }
    }

    /// Ends a round. Whether there is to be another one.
    pub(crate) fn next_round(&mut self) -> bool {
        match &mut self.0 {
            Kind::Plain => false,
            Kind::WalE(needs) => needs.next_round(),
            Kind::Registry(needs) => needs.next_round(),
        }
    }

    /// The references that need what is not there.
    pub(crate) fn held_back(self) -> HeldBack {
        HeldBack(match self.0 {
            Kind::Plain => BTreeMap::new(),
            Kind::WalE(needs) => needs.held_back(),
            Kind::Registry(needs) => needs.held_back(),
        })
    }
}

/// The references that need something that is not there, each with the key of that. A tag that is a directory is held back with all that
/// is in it, and named with its slash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeldBack(BTreeMap<String, String>);

impl HeldBack {
    /// The lost key that this object needs, if it is one of them.
    pub(crate) fn lost(&self, key: &str) -> Option<&str> {
        self.0.get(key).or_else(|| self.0.get(registry::tag_directory(key)?)).map(String::as_str)
    }

    /// Each of them, with a lost key that it needs.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(reference, lost)| (reference.as_str(), lost.as_str()))
    }

    /// Adds one that needs this.
    pub(crate) fn add(&mut self, reference: String, lost: String) {
        self.0.entry(reference).or_insert(lost);
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The references among these objects that are held back when some are lost.
    pub(in crate::contents) fn held_back(
        contents: Contents,
        objects: &[(&str, &str)],
        lost: &[&str],
    ) -> Vec<String> {
        let mut needs = Needs::of(contents);
        for key in lost {
            needs.lose(key);
        }
        loop {
            for (key, bytes) in objects.iter().filter(|(key, _)| !lost.contains(key)) {
                if needs.see(key) {
                    needs.show(key, Some(bytes.as_bytes()));
                }
            }
            if !needs.next_round() {
                break;
            }
        }
        needs.held_back().iter().map(|(reference, _)| reference.to_owned()).collect()
    }

    #[test]
    fn objects_that_refer_to_nothing_hold_nothing_back() {
        assert!(held_back(Contents::Plain, &[("a", ""), ("b", "")], &["a"]).is_empty());
        assert!(Needs::of(Contents::Plain).is_idle());
    }
}
