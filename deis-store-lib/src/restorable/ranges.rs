//! A set of numbers as ranges: as large in memory as it has holes. Pure.

use std::collections::BTreeMap;

/// The first number of each range, with its last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    /// Adds a number.
    pub(super) fn insert(&mut self, number: u64) {
        if self.contains(number) {
            return;
        }
        let before = number.checked_sub(1).and_then(|last| self.range_with(last));
        let first = before.map_or(number, |(first, _)| first);
        let after = number.checked_add(1).and_then(|next| Some((next, *self.0.get(&next)?)));
        let last = after.map_or(number, |(_, last)| last);
        if let Some((next, _)) = after {
            self.0.remove(&next);
        }
        self.0.insert(first, last);
    }

    /// Takes a number away.
    pub(super) fn remove(&mut self, number: u64) {
        let Some((first, last)) = self.range_with(number) else { return };
        self.0.remove(&first);
        if first < number {
            self.0.insert(first, number - 1);
        }
        if number < last {
            self.0.insert(number + 1, last);
        }
    }

    /// Whether a number is in it.
    pub(super) fn contains(&self, number: u64) -> bool {
        self.range_with(number).is_some()
    }

    /// The ranges, each with its first and its last number, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().map(|(first, last)| (*first, *last))
    }

    /// How many numbers are in it.
    pub(super) fn count(&self) -> u64 {
        self.iter().fold(0, |count, (first, last)| count.saturating_add(last - first).saturating_add(1))
    }

    fn range_with(&self, number: u64) -> Option<(u64, u64)> {
        let (first, last) = self.0.range(..=number).next_back()?;
        (number <= *last).then_some((*first, *last))
    }
}

impl Extend<u64> for Ranges {
    fn extend<T: IntoIterator<Item = u64>>(&mut self, numbers: T) {
        numbers.into_iter().for_each(|number| self.insert(number));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_are_a_set(steps in proptest::collection::vec((any::<bool>(), 0_u64..40), 0..200)) {
            let (mut ranges, mut set) = (Ranges::default(), BTreeSet::new());
            for (adds, number) in steps {
                if adds {
                    ranges.insert(number);
                    set.insert(number);
                } else {
                    ranges.remove(number);
                    set.remove(&number);
                }
                prop_assert_eq!(ranges.count(), set.len() as u64);
                prop_assert!((0..40).all(|number| ranges.contains(number) == set.contains(&number)));
                let all: Vec<_> = ranges.iter().collect();
                prop_assert!(all.windows(2).all(|two| two[0].1 + 1 < two[1].0), "they do not touch");
            }
        }
    }

    #[test]
    fn the_ends_of_numbers_are_numbers() {
        let mut ranges = Ranges::default();
        ranges.extend([u64::MAX, 0, u64::MAX - 1]);
        assert_eq!(ranges.iter().collect::<Vec<_>>(), [(0, 0), (u64::MAX - 1, u64::MAX)]);
        ranges.remove(u64::MAX);
        assert_eq!(ranges.iter().collect::<Vec<_>>(), [(0, 0), (u64::MAX - 1, u64::MAX - 1)]);
    }
}
