//! Names of things that differ: the first ones as they are, all of them as a number. Pure.

use serde::Serialize;

/// The most names of a sort that are kept. Further ones are only counted, so that memory stays flat.
pub(super) const MOST_NAMES: usize = 1000;

/// Names: how many, and the first 1,000 of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Names {
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub names: Vec<String>,
}

impl Names {
    pub(super) fn add(&mut self, name: &str) {
        self.count += 1;
        if self.names.len() < MOST_NAMES {
            self.names.push(name.to_owned());
        }
    }
}
