//! The decisions of a sync: on each key, and whether it may delete. Pure.

use std::time::SystemTime;

use super::options::{MaxDelete, SyncOptions, UnchangedBy};
use crate::error::Result;
use crate::outcome::Counts;

/// The step for a key that the source has.
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
    (file_modified, object_modified): (SystemTime, Option<SystemTime>),
    by: UnchangedBy,
) -> Step {
    let same_size = file_bytes == object_bytes;
    match by {
        UnchangedBy::Presence => Step::Keep,
        _ if !same_size => Step::Copy,
        UnchangedBy::SizeAndTime if object_modified.is_some_and(|time| is_same_time(file_modified, time)) => {
            Step::Keep
        }
        UnchangedBy::SizeAndTime | UnchangedBy::Bytes => Step::Compare,
    }
}

fn is_same_time(one: SystemTime, other: SystemTime) -> bool {
    let (one, other) = (milliseconds(one), milliseconds(other));
    one.is_some() && one == other
}

/// Listings have milliseconds.
fn milliseconds(time: SystemTime) -> Option<u128> {
    // A time before 1970 is none, so such a file is read.
    time.duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| since.as_millis())
}

/// The reason not to delete.
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
    options: &SyncOptions<'_>,
) -> Result<(), Against> {
    if source.refused + source.failed > 0 {
        let text = format!("{} objects were not copied", source.refused + source.failed);
        return Err(Against::Incomplete(text));
    }
    if let Some(why) = source.too_many_vanished() {
        return Err(Against::Incomplete(why));
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
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    proptest! {
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
    fn same_size_and_time_is_unchanged_and_another_time_is_a_reason_to_read() {
        let (time, later) = (SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + Duration::from_secs(1));
        let plain = UnchangedBy::SizeAndTime;
        let step = |sizes, (file, object), by| step(sizes, (file, Some(object)), by);
        assert_eq!(step((1, 1), (time, time), plain), Step::Keep);
        assert_eq!(step((1, 1), (time, time + Duration::from_micros(900)), plain), Step::Keep);
        assert_eq!(step((1, 1), (time, later), plain), Step::Compare);
        assert_eq!(step((1, 2), (time, time), plain), Step::Copy);
        assert_eq!(step((1, 1), (time, time), UnchangedBy::Bytes), Step::Compare);
        assert_eq!(step((1, 2), (time, later), UnchangedBy::Presence), Step::Keep);
        assert_eq!(super::step((1, 1), (time, None), plain), Step::Compare, "no time is no other one");
    }
}
