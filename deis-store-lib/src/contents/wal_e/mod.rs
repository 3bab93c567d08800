//! What the objects of `db_wal` mean, from their names. Pure.
//!
//! Layout 005 of WAL-E 0.8 (`wal_e/storage/base.py`): `basebackups_005/base_SEGMENT_OFFSET/…` holds a base backup,
//! `…_backup_stop_sentinel.json` beside it says that it is whole, and `wal_005/` holds the write-ahead log.

/// Where base backups and their sentinels are.
pub const BASE_BACKUPS: &str = "basebackups_005/";

/// Whether a key is the sentinel of a base backup: the object that WAL-E writes last, and by which it finds the
/// backup.
#[must_use]
pub fn is_sentinel(key: &str) -> bool {
    key.strip_prefix(BASE_BACKUPS)
        .and_then(|name| name.strip_suffix("_backup_stop_sentinel.json"))
        .and_then(|name| name.strip_prefix("base_"))
        .and_then(|name| name.split_once('_'))
        .is_some_and(|(segment, offset)| {
            let hex = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
            segment.len() == 24 && segment.bytes().all(hex) && offset.len() == 8 && offset.bytes().all(hex)
        })
}

/// The sentinel that WAL-E takes for `LATEST`, given all with their time of writing in the order of the listing: the
/// one written last, whatever its name, and of equals the last listed (a stable sort in `wal_e/worker/base.py`).
pub fn latest<T: Ord>(sentinels: impl IntoIterator<Item = (String, T)>) -> Option<String> {
    sentinels.into_iter().max_by(|a, b| a.1.cmp(&b.1)).map(|(key, _)| key)
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
    fn the_latest_is_the_one_written_last_and_not_the_greatest_name() {
        let written = |list: &[(&str, u32)]| latest(list.iter().map(|(key, at)| ((*key).to_owned(), *at)));
        assert_eq!(written(&[("b_old", 9), ("a_new", 10)]).as_deref(), Some("a_new"));
        assert_eq!(written(&[("a", 9), ("b", 9)]).as_deref(), Some("b"));
        assert_eq!(written(&[]), None);
    }
}
