//! The tags of a registry and what they need, in either layout. Pure.

mod distribution;
mod images;
mod stage;

use std::collections::BTreeMap;

use super::held_back::{HeldBack, Lack};
use super::judged::{Judged, Seen};
use super::report::{Harm, Images as Counted};
use crate::contents::registry::{is_upload, wrong_digest};
use crate::report::FindingKind;
use distribution::Distribution;
use images::Images;
use stage::Stage;

#[derive(Clone, Debug, Default)]
pub(super) struct Registry {
    images: Images,
    distribution: Distribution,
    stage: Stage,
    held: BTreeMap<String, Lack>,
    broken: BTreeMap<String, String>,
    /// The number of tags, and of pushes that were under way.
    tags: u64,
    unfinished: u64,
    /// The number of tags that are not what they were.
    unread: u64,
}

impl Registry {
    pub(super) fn lose(&mut self, key: &str) {
        self.images.lose(Lack::lost(key));
        self.distribution.lose(Lack::lost(key));
    }

    pub(super) fn learn_broken(&mut self, key: &str, why: String) {
        self.images.lose(Lack::in_source(key));
        self.distribution.lose(Lack::in_source(key));
        self.broken.insert(key.to_owned(), why);
    }

    pub(super) fn see(&mut self, seen: Seen<'_>) -> bool {
        let key = seen.key;
        if self.stage == Stage::Presence {
            self.images.see(key);
            self.distribution.see(key);
            return false;
        }
        if self.stage == Stage::Tags {
            if let Some(why) = wrong_digest(key, seen.sha256) {
                self.learn_broken(key, why);
            }
            self.images.count(key);
            self.distribution.count(key);
            self.unfinished += u64::from(is_upload(key));
            self.tags += u64::from(self.wants(key));
        }
        self.wants(key)
    }

    pub(super) fn show(&mut self, key: &str, bytes: Option<&[u8]>) {
        // A tag that is not what it was is named itself. Of all else it counts that it cannot be read.
        if self.stage == Stage::Tags && bytes.is_none() {
            self.unread += 1;
            return;
        }
        if self.images.wants(key, self.stage) {
            self.images.show(key, bytes, &mut self.held);
        } else {
            self.distribution.show(key, bytes, &mut self.held);
        }
    }

    pub(super) fn next_round(&mut self) -> bool {
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

    pub(super) fn judged(mut self) -> Judged {
        let of_distribution_harm: Vec<_> = self.distribution.harm().collect();
        let of_images = self.images.end(&mut self.held);
        let of_distribution = self.distribution.end(&mut self.held);
        let mut judged = Judged {
            harm: self
                .broken
                .into_iter()
                .map(|(key, why)| Harm::new(key, FindingKind::Broken, why))
                .chain(of_distribution_harm)
                .collect(),
            ..Judged::default()
        };
        let complete = self.tags.saturating_sub(self.unread).saturating_sub(self.held.len() as u64);
        if self.tags > 0 && complete == 0 {
            judged.restorability.falls_short.push("no tag of the registry is complete".to_owned());
        }
        judged.restorability.images = Some(Counted {
            tags: self.tags,
            complete,
            // What an incomplete tag needs is not known.
            unreferenced: if self.held.is_empty() { of_images.saturating_add(of_distribution) } else { 0 },
            unfinished: self.unfinished,
        });
        judged.held_back = HeldBack(self.held);
        judged
    }

    fn wants(&self, key: &str) -> bool {
        self.images.wants(key, self.stage) || self.distribution.wants(key, self.stage)
    }
}
