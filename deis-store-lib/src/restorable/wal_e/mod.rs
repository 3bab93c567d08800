//! The databases of a bucket that WAL-E fills, one below each prefix. Pure.
//!
//! Everything is seen in one round: names, and the bytes of sentinels, histories and versions. What was read of base backups
//! and segments is told before.

mod base;
mod chain;
mod commit;
mod database;
#[cfg(test)]
mod held_tests;
mod log;
mod order;
mod segment_size;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::BTreeMap;

use super::judged::{Judged, Seen};
use crate::contents::wal_e::{
    Held, base_of, history, is_read, is_sentinel, is_version, partition_of, segment_of, sentinel_of, split,
    timeline_of_history,
};
use base::Base;
use database::{Database, History};

/// By prefix.
#[derive(Clone, Debug, Default)]
pub(super) struct Databases(BTreeMap<String, Database>);

impl Databases {
    pub(super) fn lose(&mut self, key: &str) {
        if let Some(base) = sentinel_of(key).and_then(|sentinel| self.base(&sentinel)) {
            base.lose(key);
        } else if is_sentinel(key) {
            if let Some(base) = self.base(key) {
                base.sentinel_is_lost = true;
            }
        } else if let Some((prefix, segment)) = segment_of(key) {
            self.database(prefix).log(segment.timeline).lose(segment.number, key);
        } else if let Some((prefix, timeline)) = timeline_of_history(key) {
            self.database(prefix).histories.insert(timeline, History::Lost);
        }
    }

    pub(super) fn learn(&mut self, key: &str, held: Held) {
        match held {
            Held::Segment(held) => {
                if let Some((prefix, segment)) = segment_of(key) {
                    self.database(prefix).learn_segment(segment, &held);
                }
            }
            Held::Partition(held) => {
                if let Some((sentinel, number)) = partition_of(key)
                    && let Some(base) = self.base(&sentinel)
                {
                    base.learn(number, &held);
                }
            }
            Held::Label | Held::History | Held::Unread(_) => {}
        }
    }

    pub(super) fn learn_broken(&mut self, key: &str, why: String) {
        if let Some(base) = sentinel_of(key).and_then(|sentinel| self.base(&sentinel)) {
            base.break_object(key, why);
        } else if let Some((prefix, segment)) = segment_of(key) {
            self.database(prefix).break_segment(segment, key, why);
        } else if let Some((prefix, timeline)) = timeline_of_history(key) {
            self.database(prefix).histories.insert(timeline, History::Broken(key.to_owned(), why));
        }
    }

    /// Whether the bytes of this object are wanted.
    pub(super) fn see(&mut self, seen: Seen<'_>) -> bool {
        let key = seen.key;
        if is_sentinel(key) {
            let Some(base) = self.base(key) else { return false };
            base.see_sentinel(seen.modified);
            return true;
        }
        if let Some((sentinel, number)) = partition_of(key) {
            if let Some(base) = self.base(&sentinel) {
                base.partitions.insert(u64::from(number));
            }
            if let Some((prefix, _)) = split(key).filter(|_| !is_read(key)) {
                self.database(prefix).unread += 1;
            }
        } else if let Some((prefix, segment)) = segment_of(key) {
            let database = self.database(prefix);
            database.unread += u64::from(!is_read(key));
            database.log(segment.timeline).see(segment.number);
        } else if let Some((prefix, timeline)) = timeline_of_history(key) {
            return !self.database(prefix).histories.contains_key(&timeline);
        } else if is_version(key) {
            return true;
        } else if let Some((prefix, _)) = split(key)
            && !sentinel_of(key).is_some_and(|sentinel| is_sentinel(&sentinel))
        {
            self.database(prefix).unread += 1;
        }
        false
    }

    pub(super) fn show(&mut self, key: &str, bytes: Option<&[u8]>) {
        if is_sentinel(key) {
            if let Some(base) = self.base(key) {
                base.show_sentinel(bytes);
            }
        } else if let Some((prefix, timeline)) = timeline_of_history(key) {
            let history = match bytes.map(|bytes| history(key, bytes)) {
                None => History::Lost,
                Some(Ok(switches)) => History::Read(switches),
                Some(Err(why)) => History::Broken(key.to_owned(), why),
            };
            self.database(prefix).histories.insert(timeline, history);
        } else if let (Some(sentinel), Some(bytes)) = (sentinel_of(key), bytes)
            && let Some(base) = self.base(&sentinel)
        {
            base.show_version(bytes);
        }
    }

    pub(super) fn judged(self) -> Judged {
        let mut judged = Judged::default();
        for (prefix, database) in self.0 {
            verdict::judge(&prefix, database, &mut judged);
        }
        judged
    }

    fn database(&mut self, prefix: &str) -> &mut Database {
        self.0.entry(prefix.to_owned()).or_default()
    }

    /// The base backup of a sentinel; nothing for a name that WAL-E does not give.
    fn base(&mut self, sentinel: &str) -> Option<&mut Base> {
        if !is_sentinel(sentinel) {
            return None;
        }
        let (prefix, named) = base_of(sentinel)?;
        let bases = &mut self.database(prefix).bases;
        Some(bases.entry(sentinel.to_owned()).or_insert_with(|| Base::of_name(named)))
    }
}
