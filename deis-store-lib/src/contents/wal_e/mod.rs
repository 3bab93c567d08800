//! The meaning of WAL-E's objects, from their names. Pure.
//!
//! Layout 005 of WAL-E 0.8 to 1.1 (`wal_e/storage/base.py`): `basebackups_005/base_SEGMENT_OFFSET/…` holds a base backup,
//! `…_backup_stop_sentinel.json` beside it says that it is whole, and `wal_005/` holds the write-ahead log. All of it lies
//! at the root of the bucket, or below the path that `WALE_S3_PREFIX` names.

mod base_backup;
mod control;
mod fields;
mod history;
mod label;
mod log_segment;
mod lsn;
mod lzop;
mod object;
#[cfg(test)]
mod object_tests;
mod packing;
mod partition;
mod segment;
mod unreadable;

use std::collections::BTreeMap;

pub(crate) use base_backup::partition_of;
#[cfg(test)]
pub(crate) use control::AtRest;
pub(crate) use control::Control;
pub(crate) use history::{Switch, history, timeline_of_history};
pub(crate) use label::BackupLabel;
pub(crate) use lsn::{Lsn, SEGMENT_BYTES};
pub(crate) use object::{Held, PartitionHeld, SegmentHeld, is_read, read};
pub(crate) use segment::{LOG, Segment, segment_of};
pub(crate) use unreadable::Unreadable;

use super::directory::split_at_directory;
use fields::is_upper_hex;

/// Where base backups and their sentinels are.
pub(crate) const BASE_BACKUPS: &str = "basebackups_005/";

/// The end of a sentinel's name.
const SENTINEL: &str = "_backup_stop_sentinel.json";

/// Whether a key belongs to a base backup, its sentinel included.
#[must_use]
pub(crate) fn is_base_backup(key: &str) -> bool {
    split(key).is_some()
}

/// Whether a key is the sentinel of a base backup: the object that WAL-E writes last, and by which it finds the
/// backup.
#[must_use]
pub(crate) fn is_sentinel(key: &str) -> bool {
    split(key)
        .and_then(|(_, name)| name.strip_suffix(SENTINEL))
        .and_then(|name| name.strip_prefix("base_"))
        .and_then(|name| name.split_once('_'))
        .is_some_and(|(segment, offset)| {
            segment.len() == 24 && is_upper_hex(segment) && offset.len() == 8 && is_upper_hex(offset)
        })
}

/// The sentinel that says that the base backup is whole to which this object belongs; nothing for a sentinel itself.
#[must_use]
pub(crate) fn sentinel_of(key: &str) -> Option<String> {
    let (prefix, name) = split(key)?;
    let (base, _) = name.split_once('/')?;
    Some(format!("{prefix}{BASE_BACKUPS}{base}{SENTINEL}"))
}

/// The name of the base backup of which this is the sentinel.
#[must_use]
pub(crate) fn name_of_base_backup(sentinel: &str) -> Option<&str> {
    split(sentinel)?.1.strip_suffix(SENTINEL)
}

/// The beginning of the keys of all objects of a base backup, by its sentinel.
#[must_use]
pub(crate) fn objects_of(sentinel: &str) -> Option<String> {
    sentinel.strip_suffix(SENTINEL).map(|base| format!("{base}/"))
}

/// The sentinel that WAL-E takes for `LATEST`, given all with their time of writing in the order of the listing: the
/// one written last, whatever its name, and of equals the last listed (a stable sort in `wal_e/worker/base.py`).
pub(crate) fn latest<T: Ord>(sentinels: impl IntoIterator<Item = (String, T)>) -> Option<String> {
    sentinels.into_iter().max_by(|a, b| a.1.cmp(&b.1)).map(|(key, _)| key)
}

/// The same for each prefix, since a WAL-E looks only below its own. Other objects than sentinels are passed over.
pub(crate) fn latest_by_prefix<T: Ord>(
    sentinels: impl IntoIterator<Item = (String, T)>,
) -> BTreeMap<String, String> {
    let mut by_prefix: BTreeMap<String, Vec<(String, T)>> = BTreeMap::new();
    for (key, written) in sentinels.into_iter().filter(|(key, _)| is_sentinel(key)) {
        let prefix = split(&key).map_or("", |(prefix, _)| prefix).to_owned();
        by_prefix.entry(prefix).or_default().push((key, written));
    }
    by_prefix.into_iter().filter_map(|(prefix, sentinels)| Some((prefix, latest(sentinels)?))).collect()
}

/// The prefix of a base backup, the segment at which it starts and the digits behind that, read as hexadecimal ones, by the key of
/// its sentinel.
pub(crate) fn base_of(sentinel: &str) -> Option<(&str, (Segment, u32))> {
    let (prefix, name) = split(sentinel)?;
    let (segment, offset) = name.strip_suffix(SENTINEL)?.strip_prefix("base_")?.split_once('_')?;
    Some((prefix, (Segment::of_name(segment)?, u32::from_str_radix(offset, 16).ok()?)))
}

/// Whether a key is the object of a base backup that holds the version of its PostgreSQL.
pub(crate) fn is_version(key: &str) -> bool {
    split(key).is_some_and(|(_, name)| name.ends_with("/extended_version.txt"))
}

/// A key of a base backup: its prefix, which is empty or ends in a slash, and what follows [`BASE_BACKUPS`].
pub(crate) fn split(key: &str) -> Option<(&str, &str)> {
    split_at_directory(key, BASE_BACKUPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENTINEL: &str = "basebackups_005/base_00000001000000000000000A_00000040_backup_stop_sentinel.json";

    #[test]
    fn a_sentinel_is_known_by_its_name() {
        assert!(is_sentinel(SENTINEL));
        assert!(!is_sentinel(&SENTINEL.replace('A', "a")));
        assert!(!is_sentinel("basebackups_005/base_00000001000000000000000A_00000040/extended_version.txt"));
        assert!(!is_sentinel("wal_005/000000010000000000000004.lzo"));
    }

    #[test]
    fn a_base_backup_is_known_below_any_prefix() {
        for prefix in ["", "pg/", "a/b/", "/"] {
            assert!(is_sentinel(&format!("{prefix}{SENTINEL}")), "{prefix}");
            assert!(is_base_backup(&format!("{prefix}basebackups_005/x")), "{prefix}");
        }
        assert!(!is_base_backup("my_basebackups_005/x"));
        assert!(!is_base_backup("basebackups_005"));
        assert!(!is_base_backup("wal_005/x"));
    }

    #[test]
    fn the_latest_is_the_one_written_last_and_not_the_greatest_name() {
        let written = |list: &[(&str, u32)]| latest(list.iter().map(|(key, at)| ((*key).to_owned(), *at)));
        assert_eq!(written(&[("b_old", 9), ("a_new", 10)]).as_deref(), Some("a_new"));
        assert_eq!(written(&[("a", 9), ("b", 9)]).as_deref(), Some("b"));
        assert_eq!(written(&[]), None);
    }

    #[test]
    fn each_prefix_has_a_latest_of_its_own() {
        let key =
            |prefix: &str, segment: char| format!("{prefix}{}", SENTINEL.replace('A', &segment.to_string()));
        let written =
            [(key("", 'A'), 3), (key("", 'B'), 1), (key("pg/", 'C'), 2), ("pg/wal_005/x".to_owned(), 9)];
        let expected = [(String::new(), key("", 'A')), ("pg/".to_owned(), key("pg/", 'C'))];
        assert_eq!(latest_by_prefix(written).into_iter().collect::<Vec<_>>(), expected);
    }
}
