//! What a sync does, and why: two sorted sides merged without holding either, and a decision for each key. Pure.

use std::cmp::Ordering;
use std::pin::Pin;
use std::str::FromStr;
use std::time::SystemTime;

use futures_util::{Stream, TryStreamExt as _, stream};

use super::local::Local;
use super::{ContentTypes, Counts, Globs};
use crate::error::{Error, ErrorKind, Result};
use crate::s3::op::ListedObject;

/// Something that has a key.
pub trait Keyed {
    /// Its key.
    fn key(&self) -> &str;
}

/// What two sides have of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pair<L, R> {
    /// Only the left side has it.
    Left(L),
    /// Only the right side has it.
    Right(R),
    /// Both have it.
    Both(L, R),
}

/// Merges two sides that are sorted bytewise by key; two things are held of each. A side that is not sorted is an
/// [`ErrorKind::Internal`] error.
pub fn merge<L: Keyed, R: Keyed>(
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
                return Err(Error::new(ErrorKind::Internal, "keys are not sorted").at("key", next.key()));
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

impl Keyed for Local {
    fn key(&self) -> &str {
        &self.key
    }
}

/// How a sync is done.
#[derive(Clone, Debug, Default)]
pub struct SyncOptions {
    /// How it is known that a key is there already.
    pub unchanged_by: UnchangedBy,
    /// Delete in the target what the source does not have.
    pub delete_removed: bool,
    /// Delete nothing if that would be more than this.
    pub max_delete: Option<MaxDelete>,
    /// Change nothing.
    pub dry_run: bool,
    /// What files are stored as.
    pub content_types: ContentTypes,
    /// What refers to all else: paths that these patterns leave out are copied after all others, and not at all if one
    /// of those was refused or has failed. Both sides are then walked twice.
    pub last: Globs,
}

impl SyncOptions {
    /// The rounds of a sync: whether each is that of what is copied last.
    pub(super) fn rounds(&self) -> &'static [bool] {
        if self.last.is_empty() { &[false] } else { &[false, true] }
    }
}

/// How it is known that a key is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnchangedBy {
    /// By size and time; if only the size agrees, by reading.
    #[default]
    SizeAndTime,
    /// By reading, also where size and time agree.
    Bytes,
    /// Whatever is there is left alone.
    Presence,
}

/// How much may be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxDelete {
    /// So many objects.
    Count(u64),
    /// So many of a hundred objects of the target.
    Percent(u8),
}

impl FromStr for MaxDelete {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let percent = text.strip_suffix('%').map(|percent| percent.parse().ok().filter(|p| *p <= 100));
        match percent {
            Some(percent) => percent.map(Self::Percent),
            None => text.parse().ok().map(Self::Count),
        }
        .ok_or_else(|| {
            Error::new(ErrorKind::Usage, "neither a number nor a percentage").at("max-delete", text)
        })
    }
}

/// What to do with a key that the source has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Copy it.
    Copy,
    /// It is there.
    Keep,
    /// Read the file: it is there if it has the bytes that the object's `ETag` says.
    Compare,
}

/// The decision on a key that is a file and an object of these sizes and times.
pub(super) fn step(
    (file_bytes, object_bytes): (u64, u64),
    (file_modified, object_modified): (SystemTime, SystemTime),
    by: UnchangedBy,
) -> Step {
    let same_size = file_bytes == object_bytes;
    match by {
        UnchangedBy::Presence => Step::Keep,
        _ if !same_size => Step::Copy,
        UnchangedBy::SizeAndTime if milliseconds(file_modified) == milliseconds(object_modified) => {
            Step::Keep
        }
        UnchangedBy::SizeAndTime | UnchangedBy::Bytes => Step::Compare,
    }
}

/// Listings have milliseconds.
fn milliseconds(time: SystemTime) -> Option<u128> {
    // A time before 1970 equals none, so such a file is read.
    time.duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| since.as_millis())
}

/// What speaks against deleting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Against {
    /// A guard: the whole looks wrong.
    Guard(String),
    /// Not everything of the source was copied.
    Incomplete(String),
}

/// Whether so many of the target's objects may be deleted, when this became of the source's.
pub(super) fn deletion(
    deletions: u64,
    target_objects: u64,
    source: &Counts,
    options: &SyncOptions,
) -> Result<(), Against> {
    if source.refused + source.failed > 0 {
        let text = format!("{} objects were not copied", source.refused + source.failed);
        return Err(Against::Incomplete(text));
    }
    if source.listed == 0 {
        return Err(Against::Guard("the source is empty, which looks like a mistake".to_owned()));
    }
    let too_many = match options.max_delete {
        None => false,
        Some(MaxDelete::Count(most)) => deletions > most,
        Some(MaxDelete::Percent(most)) => {
            u128::from(deletions) * 100 > u128::from(target_objects) * u128::from(most)
        }
    };
    if too_many {
        let text = format!("{deletions} of {target_objects} objects would be deleted: more than allowed");
        return Err(Against::Guard(text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

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

        #[test]
        fn what_may_be_deleted_is_never_more_than_allowed(
            deletions in 0..200_u64, others in 0..200_u64, most in 0..=100_u8, listed in 0..3_u64,
            failed in 0..2_u64,
        ) {
            let source = Counts { listed, failed, ..Counts::default() };
            let max_delete = Some(MaxDelete::Percent(most));
            let options = SyncOptions { max_delete, ..SyncOptions::default() };
            let target = deletions + others;
            if deletion(deletions, target, &source, &options).is_ok() {
                prop_assert!(listed > 0 && failed == 0);
                prop_assert!(deletions * 100 <= target * u64::from(most));
            }
        }
    }

    #[test]
    fn a_side_that_is_not_sorted_is_an_error_and_no_deletion() {
        let keys = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let error = merged(keys("a c b"), keys("a b c")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
    }

    #[test]
    fn same_size_and_time_is_unchanged_and_another_time_is_a_reason_to_read() {
        let (time, later) = (SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + Duration::from_secs(1));
        let plain = UnchangedBy::SizeAndTime;
        assert_eq!(step((1, 1), (time, time), plain), Step::Keep);
        assert_eq!(step((1, 1), (time, time + Duration::from_micros(900)), plain), Step::Keep);
        assert_eq!(step((1, 1), (time, later), plain), Step::Compare);
        assert_eq!(step((1, 2), (time, time), plain), Step::Copy);
        assert_eq!(step((1, 1), (time, time), UnchangedBy::Bytes), Step::Compare);
        assert_eq!(step((1, 2), (time, later), UnchangedBy::Presence), Step::Keep);
    }

    #[test]
    fn a_limit_is_a_number_or_a_percentage() {
        assert_eq!("7".parse::<MaxDelete>().unwrap(), MaxDelete::Count(7));
        assert_eq!("7%".parse::<MaxDelete>().unwrap(), MaxDelete::Percent(7));
        for text in ["", "%", "101%", "-1", "x"] {
            assert_eq!(text.parse::<MaxDelete>().unwrap_err().kind(), ErrorKind::Usage, "{text}");
        }
    }
}
