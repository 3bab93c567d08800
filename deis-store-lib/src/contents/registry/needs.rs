//! Which tags need what is not there, in either layout. Pure.

use std::collections::BTreeMap;

use super::distribution::Distribution;
use super::images::Images;
use super::stage::Stage;

#[derive(Debug, Default)]
pub(in crate::contents) struct Needs {
    images: Images,
    distribution: Distribution,
    stage: Stage,
    held: BTreeMap<String, String>,
}

impl Needs {
    pub(in crate::contents) fn lose(&mut self, key: &str) {
        self.images.lose(key);
        self.distribution.lose(key);
    }

    pub(in crate::contents) fn see(&mut self, key: &str) -> bool {
        if self.stage == Stage::Presence {
            self.images.see(key);
            self.distribution.see(key);
            return false;
        }
        self.images.wants(key, self.stage) || self.distribution.wants(key, self.stage)
    }

    pub(in crate::contents) fn show(&mut self, key: &str, bytes: Option<&[u8]>) {
        // A tag that is not what it was is named itself. Of all else it counts that it cannot be read.
        if self.stage == Stage::Tags && bytes.is_none() {
            return;
        }
        let bytes = bytes.unwrap_or_default();
        if self.images.wants(key, self.stage) {
            self.images.show(key, bytes, &mut self.held);
        } else {
            self.distribution.show(key, bytes, &mut self.held);
        }
    }

    pub(in crate::contents) fn next_round(&mut self) -> bool {
        match self.stage {
            Stage::Presence => return false,
            Stage::Tags if self.images.waits() => {
                self.distribution.next_round();
                self.stage = Stage::Follow;
                return true;
            }
            Stage::Tags => {}
            // Ancestries are all read in the first of these rounds.
            Stage::Follow => self.images.give_up(&mut self.held),
        }
        let follows = self.distribution.next_round();
        self.stage = if follows { Stage::Follow } else { Stage::Presence };
        follows || self.images.needs_any() || self.distribution.needs_any()
    }

    pub(in crate::contents) fn held_back(mut self) -> BTreeMap<String, String> {
        self.images.end(&mut self.held);
        self.distribution.end(&mut self.held);
        self.held
    }
}
