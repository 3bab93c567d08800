//! Which tags need what is lost, in either layout. Pure.

use std::collections::BTreeMap;

use super::distribution::Distribution;
use super::images::Images;

#[derive(Debug, Default)]
pub(in crate::contents) struct Needs {
    images: Images,
    distribution: Distribution,
    round: u32,
    held: BTreeMap<String, String>,
}

impl Needs {
    pub(in crate::contents) fn lose(&mut self, key: &str) {
        self.images.lose(key);
        self.distribution.lose(key);
    }

    pub(in crate::contents) fn is_idle(&self) -> bool {
        self.images.is_idle() && self.distribution.is_idle()
    }

    pub(in crate::contents) fn see(&mut self, key: &str) -> bool {
        self.images.wants(key, self.round) || self.distribution.wants(key, self.round)
    }

    pub(in crate::contents) fn show(&mut self, key: &str, bytes: &[u8]) {
        if self.images.wants(key, self.round) {
            self.images.show(key, bytes, &mut self.held);
        } else {
            self.distribution.show(key, bytes, &mut self.held);
        }
    }

    pub(in crate::contents) fn next_round(&mut self) -> bool {
        self.round += 1;
        // Ancestries are all read in the second round.
        let images = self.round == 1 && self.images.waits();
        self.distribution.next_round() || images
    }

    pub(in crate::contents) fn held_back(self) -> BTreeMap<String, String> {
        self.held
    }
}
