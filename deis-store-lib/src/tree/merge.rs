//! Two sides that are sorted by key, merged without holding either. Pure.

use std::cmp::Ordering;
use std::pin::Pin;

use futures_util::{Stream, TryStreamExt as _, stream};

use super::walk::TreeEntry;
use crate::error::{At, Error, ErrorKind, Result};
use crate::s3::op::ListedObject;

/// Something that has a key.
pub(crate) trait Keyed {
    /// Its key.
    fn key(&self) -> &str;
}

/// A key, and which of two sides have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pair<L, R> {
    /// Only the left side has it.
    Left(L),
    /// Only the right side has it.
    Right(R),
    /// Both have it.
    Both(L, R),
}

/// Merges two sides that are sorted bytewise by key; two things are held of each. A side that is not sorted is an
/// [`ErrorKind::Internal`] error.
pub(crate) fn merge<L: Keyed, R: Keyed>(
    left: impl Stream<Item = Result<L>>,
    right: impl Stream<Item = Result<R>>,
) -> impl Stream<Item = Result<Pair<L, R>>> {
    let sides = (Side::new(left), Side::new(right));
    stream::try_unfold(sides, |(mut left, mut right)| async move {
        left.fill().await?;
        right.fill().await?;
        let order = match (left.key(), right.key()) {
            (None, None) => return Ok(None),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(left), Some(right)) => left.as_bytes().cmp(right.as_bytes()),
        };
        let here = if order == Ordering::Greater { None } else { left.next.take() };
        let there = if order == Ordering::Less { None } else { right.next.take() };
        let pair = match (here, there) {
            (Some(here), Some(there)) => Pair::Both(here, there),
            (Some(here), None) => Pair::Left(here),
            (None, Some(there)) => Pair::Right(there),
            (None, None) => return Ok(None),
        };
        Ok(Some((pair, (left, right))))
    })
}

struct Side<S, T> {
    stream: Pin<Box<S>>,
    next: Option<T>,
    last: String,
    ended: bool,
}

impl<T: Keyed, S: Stream<Item = Result<T>>> Side<S, T> {
    fn new(stream: S) -> Self {
        Self { stream: Box::pin(stream), next: None, last: String::new(), ended: false }
    }

    async fn fill(&mut self) -> Result<()> {
        if self.next.is_some() || self.ended {
            return Ok(());
        }
        self.next = self.stream.try_next().await?;
        match &self.next {
            None => self.ended = true,
            Some(next) if next.key().as_bytes() < self.last.as_bytes() => {
                return Err(Error::new(ErrorKind::Internal, "keys are not sorted").at(At::Key, next.key()));
            }
            Some(next) => next.key().clone_into(&mut self.last),
        }
        Ok(())
    }

    fn key(&self) -> Option<&str> {
        self.next.as_ref().map(Keyed::key)
    }
}

impl Keyed for ListedObject {
    fn key(&self) -> &str {
        &self.key
    }
}

impl Keyed for TreeEntry {
    fn key(&self) -> &str {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use futures_util::TryStreamExt as _;
    use proptest::prelude::*;

    use super::*;

    impl Keyed for String {
        fn key(&self) -> &str {
            self
        }
    }

    fn side(keys: impl IntoIterator<Item = String>) -> impl Stream<Item = Result<String>> {
        stream::iter(keys.into_iter().map(Ok))
    }

    fn merged(left: Vec<String>, right: Vec<String>) -> Result<Vec<Pair<String, String>>> {
        futures_util::FutureExt::now_or_never(merge(side(left), side(right)).try_collect()).unwrap()
    }

    proptest! {
        #[test]
        fn every_key_of_either_side_comes_once_in_order_and_paired_where_both_have_it(
            left in prop::collection::btree_set("[ab/!é]{0,3}", 0..20),
            right in prop::collection::btree_set("[ab/!é]{0,3}", 0..20),
        ) {
            let pairs = merged(left.iter().cloned().collect(), right.iter().cloned().collect()).unwrap();
            let expected: Vec<_> = left
                .union(&right)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .map(|key| match (left.contains(key), right.contains(key)) {
                    (true, true) => Pair::Both(key.clone(), key.clone()),
                    (true, false) => Pair::Left(key.clone()),
                    _ => Pair::Right(key.clone()),
                })
                .collect();
            prop_assert_eq!(pairs, expected);
        }
    }

    #[test]
    fn a_side_that_is_not_sorted_is_an_error_and_no_deletion() {
        let keys = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let error = merged(keys("a c b"), keys("a b c")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
    }
}
