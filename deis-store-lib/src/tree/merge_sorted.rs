//! Several sorted iterators as one, of which one item each is held. Pure.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::error::{Error, Result};

/// How two items are ordered.
pub(crate) type Order<T> = fn(&T, &T) -> Ordering;

/// Several iterators, each sorted in this order, as one. An error comes in the place of the item that it kept away.
pub(crate) struct MergeSorted<T, I> {
    iterators: Vec<I>,
    order: Order<T>,
    heads: BinaryHeap<Head<T>>,
    failed: Option<Error>,
}

/// The next item of an iterator. The greatest head is the one that comes first.
struct Head<T> {
    item: T,
    iterator: usize,
    order: Order<T>,
}

impl<T, I: Iterator<Item = Result<T>>> MergeSorted<T, I> {
    pub(crate) fn new(iterators: impl IntoIterator<Item = I>, order: Order<T>) -> Self {
        let iterators = iterators.into_iter().collect();
        let mut merged = Self { iterators, order, heads: BinaryHeap::new(), failed: None };
        (0..merged.iterators.len()).for_each(|iterator| merged.fill(iterator));
        merged
    }

    fn fill(&mut self, iterator: usize) {
        match self.iterators[iterator].next() {
            Some(Ok(item)) => self.heads.push(Head { item, iterator, order: self.order }),
            Some(Err(error)) => self.failed = Some(error),
            None => {}
        }
    }
}

impl<T, I: Iterator<Item = Result<T>>> Iterator for MergeSorted<T, I> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.failed.take() {
            return Some(Err(error));
        }
        let Head { item, iterator, .. } = self.heads.pop()?;
        self.fill(iterator);
        Some(Ok(item))
    }
}

impl<T> Ord for Head<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.order)(&other.item, &self.item).then(other.iterator.cmp(&self.iterator))
    }
}

impl<T> PartialOrd for Head<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Head<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Head<T> {}

impl<T, I> std::fmt::Debug for MergeSorted<T, I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MergeSorted").field("iterators", &self.iterators.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorKind;

    proptest! {
        #[test]
        fn all_items_of_all_iterators_come_in_order(
            lists in prop::collection::vec(prop::collection::vec(0..50_u8, 0..20), 0..5),
        ) {
            let mut expected: Vec<u8> = lists.concat();
            expected.sort_unstable();
            let sorted = lists.into_iter().map(|mut list| {
                list.sort_unstable();
                list.into_iter().map(Ok)
            });
            let merged: Vec<u8> = MergeSorted::new(sorted, u8::cmp).collect::<Result<_>>().unwrap();
            prop_assert_eq!(merged, expected);
        }
    }

    #[test]
    fn an_error_comes_when_its_item_would_have_been_needed() {
        let broken = vec![Ok(2), Err(Error::new(ErrorKind::Disk, "broken"))];
        let merged: Vec<_> = MergeSorted::new([vec![Ok(1)], broken].map(Vec::into_iter), u8::cmp).collect();
        assert!(matches!(merged[..], [Ok(1), Ok(2), Err(_)]), "{merged:?}");
    }
}
