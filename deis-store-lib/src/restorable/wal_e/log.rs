//! The segments of one timeline that are there. Pure.

use std::collections::BTreeMap;

use super::order::Order;
use crate::restorable::held_back::Lack;
use crate::restorable::ranges::Ranges;

/// The log of one timeline.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    present: Ranges,
    /// The segments that are no use, though they were listed.
    gone: BTreeMap<u64, Lack>,
    /// The segments whose records end before they do: replay ends there.
    pub(super) short: Ranges,
}

/// Segments without a hole between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) first: u64,
    pub(super) last: u64,
}

impl Log {
    pub(super) fn see(&mut self, number: u64) {
        if !self.gone.contains_key(&number) {
            self.present.insert(number);
        }
    }

    /// It was there, and is not, or not as it was.
    pub(super) fn lose(&mut self, number: u64, key: &str) {
        self.gone.entry(number).or_insert_with(|| Lack::lost(key));
        self.present.remove(number);
    }

    /// It is there, and was written so that nothing can be made of it.
    pub(super) fn break_segment(&mut self, number: u64, key: &str) {
        self.gone.insert(number, Lack::in_source(key));
        self.present.remove(number);
    }

    /// What a base backup lacks that needs this segment, which is not there.
    pub(super) fn lack(&self, number: u64) -> Option<&Lack> {
        self.gone.get(&number)
    }

    pub(super) fn is_there(&self, number: u64) -> bool {
        self.present.contains(number)
    }

    pub(super) fn count(&self) -> u64 {
        self.present.count()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.present.iter().next().is_none() && self.gone.is_empty()
    }

    /// The highest number within a log of 4 GiB that is there.
    pub(super) fn highest_in_log(&self) -> u64 {
        self.present.iter().map(|(_, last)| last & 0xffff_ffff).max().unwrap_or_default()
    }

    /// The highest number within a log of 4 GiB, if the first one of the next log is there, too.
    pub(super) fn last_before_next_log(&self) -> Option<u64> {
        let begins = self.present.iter().map(|(first, _)| first).skip(1);
        let pairs = self.present.iter().map(|(_, last)| last).zip(begins);
        let over = pairs.filter(|(last, next)| (last >> 32) + 1 == next >> 32 && next.trailing_zeros() >= 32);
        over.map(|(last, _)| last & 0xffff_ffff).max()
    }

    /// The first segment that is there, of this one and those behind it.
    pub(super) fn first_from(&self, number: u64) -> Option<u64> {
        let range = self.present.iter().find(|(_, last)| *last >= number);
        range.map(|(first, _)| first.max(number))
    }

    /// The first segment that is there.
    pub(super) fn first(&self) -> Option<u64> {
        self.present.iter().next().map(|(first, _)| first)
    }

    /// The last segment that is there.
    pub(super) fn last(&self) -> Option<u64> {
        self.present.iter().last().map(|(_, last)| last)
    }

    /// What is there, without what is lost.
    pub(super) fn stretches(&self, order: Order) -> Vec<Stretch> {
        stretches(&self.present, order)
    }

    /// What the source has by name, with what was lost on the way and with what is broken.
    pub(super) fn stretches_of_source(&self, order: Order) -> Vec<Stretch> {
        let mut all = self.present.clone();
        all.extend(self.gone.keys().copied());
        stretches(&all, order)
    }

    /// The last segment to which replay comes that begins at this one; nothing if it is not there.
    pub(super) fn replayed_from(&self, number: u64, order: Order) -> Option<u64> {
        let stretch = self
            .stretches(order)
            .into_iter()
            .find(|stretch| (stretch.first..=stretch.last).contains(&number))?;
        let short = self.short.iter().find(|(_, last)| *last >= number).map(|(first, _)| first.max(number));
        Some(short.map_or(stretch.last, |short| short.min(stretch.last)))
    }
}

fn stretches(ranges: &Ranges, order: Order) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for (first, last) in ranges.iter() {
        match stretches.last_mut() {
            Some(before) if order.next(before.last) == first => before.last = last,
            _ => stretches.push(Stretch { first, last }),
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: Order = Order::USUAL;

    #[test]
    fn the_log_goes_on_over_the_end_of_a_log_of_256_segments_and_over_no_hole() {
        let mut log = Log::default();
        for number in [0xfd, 0xfe, 0xff, 0x1_0000_0000, 0x1_0000_0001, 0x1_0000_0003] {
            log.see(number);
        }
        let stretch = |first, last| Stretch { first, last };
        let expected = [stretch(0xfd, 0x1_0000_0001), stretch(0x1_0000_0003, 0x1_0000_0003)];
        assert_eq!(log.stretches(ORDER), expected);
        assert_eq!(log.replayed_from(0xfe, ORDER), Some(0x1_0000_0001));
        assert_eq!(log.replayed_from(0x1_0000_0002, ORDER), None);
        log.lose(0x1_0000_0000, "key");
        assert_eq!(log.replayed_from(0xfe, ORDER), Some(0xff));
        assert_eq!(log.stretches_of_source(ORDER), expected, "what we have lost is no hole of the source");
        log.short.insert(0xfe);
        assert_eq!(
            [log.replayed_from(0xfd, ORDER), log.replayed_from(0xff, ORDER)],
            [Some(0xfe), Some(0xff)]
        );
    }
}
