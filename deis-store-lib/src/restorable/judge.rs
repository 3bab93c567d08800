//! What the objects of a bucket can be brought back to, by its contents. Pure.
//!
//! The caller tells every lost key, and what was read of others. Then it shows, in rounds, all objects that are there, and the
//! bytes of those that are asked for, until no further round is wanted. An object that is in no list is missed as one that is
//! lost: a deletion between two listings is seen by nothing else.

use super::judged::{Judged, Seen};
use super::{registry, wal_e};
use crate::contents::Contents;
use crate::contents::wal_e::Held;

/// A judge asks for references and for what leads from them to others: these are far smaller.
pub(crate) const LARGEST_REFERENCE_BYTES: u64 = 8 << 20;

/// Judges what a bucket holds.
#[derive(Clone, Debug)]
pub(crate) struct Judge(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Plain,
    WalE(wal_e::Databases),
    Registry(Box<registry::Registry>),
}

impl Judge {
    /// A judge of a bucket that holds this; nothing is lost yet.
    pub(crate) fn of(contents: Contents) -> Self {
        Self(match contents {
            Contents::Plain => Kind::Plain,
            Contents::WalE => Kind::WalE(wal_e::Databases::default()),
            Contents::Registry => Kind::Registry(Box::default()),
        })
    }

    /// An object is lost: it was there, and is not, or not as it was.
    pub(crate) fn lose(&mut self, key: &str) {
        match &mut self.0 {
            Kind::Plain => {}
            Kind::WalE(databases) => databases.lose(key),
            Kind::Registry(registry) => registry.lose(key),
        }
    }

    /// An object was read, and this is in it.
    pub(crate) fn learn(&mut self, key: &str, held: Held) {
        if let Kind::WalE(databases) = &mut self.0 {
            databases.learn(key, held);
        }
    }

    /// An object was read, and is not what such an object is: it was written so.
    pub(crate) fn learn_broken(&mut self, key: &str, why: String) {
        match &mut self.0 {
            Kind::Plain => {}
            Kind::WalE(databases) => databases.learn_broken(key, why),
            Kind::Registry(registry) => registry.learn_broken(key, why),
        }
    }

    /// Whether nothing refers to anything, so that no round is needed.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.0, Kind::Plain)
    }

    /// An object is there. Whether its bytes are wanted in this round.
    pub(crate) fn see(&mut self, seen: Seen<'_>) -> bool {
        match &mut self.0 {
            Kind::Plain => false,
            Kind::WalE(databases) => databases.see(seen),
            Kind::Registry(registry) => registry.see(seen),
        }
    }

    /// The bytes of an object that were wanted; nothing if they are not what they were.
    pub(crate) fn show(&mut self, key: &str, bytes: Option<&[u8]>) {
        match &mut self.0 {
            Kind::Plain => {}
            Kind::WalE(databases) => databases.show(key, bytes),
            Kind::Registry(registry) => registry.show(key, bytes),
        }
    }

    /// Ends a round. Whether there is to be another one.
    pub(crate) fn next_round(&mut self) -> bool {
        match &mut self.0 {
            Kind::Plain | Kind::WalE(_) => false,
            Kind::Registry(registry) => registry.next_round(),
        }
    }

    /// The verdict.
    pub(crate) fn judged(self) -> Judged {
        match self.0 {
            Kind::Plain => Judged::default(),
            Kind::WalE(databases) => databases.judged(),
            Kind::Registry(registry) => registry.judged(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use jiff::Timestamp;

    use super::*;

    /// The verdict on these objects, some of which are lost.
    pub(in crate::restorable) fn judged(
        contents: Contents,
        objects: &[(&str, &str)],
        lost: &[&str],
    ) -> Judged {
        let mut judge = Judge::of(contents);
        for key in lost {
            judge.lose(key);
        }
        let there = objects.iter().filter(|(key, _)| !lost.contains(key));
        loop {
            for (second, (key, bytes)) in there.clone().enumerate() {
                let modified = Timestamp::from_second(i64::try_from(second).unwrap()).ok();
                if judge.see(Seen { key, modified, sha256: None }) {
                    judge.show(key, Some(bytes.as_bytes()));
                }
            }
            if !judge.next_round() {
                break;
            }
        }
        judge.judged()
    }

    /// The references among these objects that are held back when some are lost.
    pub(in crate::restorable) fn held_back(
        contents: Contents,
        objects: &[(&str, &str)],
        lost: &[&str],
    ) -> Vec<String> {
        let held = judged(contents, objects, lost).held_back;
        held.iter().map(|(reference, _)| reference.to_owned()).collect()
    }

    #[test]
    fn objects_that_refer_to_nothing_hold_nothing_back() {
        assert!(held_back(Contents::Plain, &[("a", ""), ("b", "")], &["a"]).is_empty());
        assert!(Judge::of(Contents::Plain).is_idle());
    }
}
