//! Which objects are read, and which are not even opened.

use std::io::{self, Read};

use super::*;

const SEGMENT: &str = "000000010000000000000010";
const BASE: &str = "basebackups_005/base_000000010000000000000010_00000040";

/// A source of which nothing may be read.
struct Untouched;

impl Read for Untouched {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        panic!("nothing is to be read")
    }
}

fn untouched(key: &str) -> Option<Held> {
    read(key, &mut Untouched).unwrap()
}

/// The keys of all that is read, without what they are packed with.
fn plain_keys() -> [String; 4] {
    [
        format!("wal_005/{SEGMENT}"),
        format!("wal_005/{SEGMENT}.00000028.backup"),
        "wal_005/00000002.history".to_owned(),
        format!("{BASE}/tar_partitions/part_00000000.tar"),
    ]
}

#[test]
fn what_is_not_wal_e_s_or_says_nothing_of_the_log_is_not_read() {
    for key in [
        "",
        "wal_005/",
        "notes",
        SEGMENT,
        "wal_005/00000001",
        "wal_005/00000001.historyx",
        "wal_005/0000000g.history",
        // PostgreSQL archives the last segment of a timeline under such a name.
        "wal_005/000000010000000000000010.partial.lzo",
        "wal_005/000000010000000000000010.0000002g.backup.lzo",
        "wal_005/000000010000000000000010.00000028.backupx",
        "wal_005/000000010000000000000010.lzo/x",
        "wal_005/00000001000000000000001é.lzo",
        "my_wal_005/000000010000000000000010.lzo",
        "basebackups_005/base_000000010000000000000010_00000040_backup_stop_sentinel.json",
        "basebackups_005/base_000000010000000000000010_00000040/extended_version.txt",
        "basebackups_005/base_000000010000000000000010_00000040/tar_partitions/part_x.tar.lzo",
        "basebackups_005/base_000000010000000000000010_00000040/tar_partitions/part_.tar.lzo",
        "basebackups_005/base_000000010000000000000010_00000040/tar_partitions/part_+1.tar.lzo",
        "basebackups_005/base_000000010000000000000010_00000040/tar_partitions/part_99999999999.tar.lzo",
        "basebackups_005/base_000000010000000000000010_00000040/tar_partitions/part_0.tar.lzo/x",
    ] {
        assert_eq!(untouched(key), None, "{key}");
    }
}

#[test]
fn what_is_packed_in_another_way_is_not_read() {
    for key in plain_keys() {
        for suffix in [".lz4", ".zst", ".br", ".lzma", ".gz", ".LZO", "."] {
            let held = untouched(&format!("{key}{suffix}"));
            assert!(matches!(held, Some(Held::Unread(why)) if !why.is_empty()), "{key}{suffix}: {held:?}");
        }
    }
}

#[test]
fn an_object_is_read_below_any_prefix() {
    for object in objects() {
        for prefix in ["pg/", "/", "a/b/"] {
            assert_eq!(held(&format!("{prefix}{}", object.key), &object.packed).unwrap(), object.held);
        }
    }
}

#[test]
fn an_object_that_is_packed_otherwise_than_its_name_says_is_broken() {
    for object in objects() {
        broken(&object.key, &object.plain);
    }
    for object in SEGMENTS.iter().chain(PARTS.iter()).chain([&*HISTORY]) {
        broken(object.plain_key(), &object.packed);
    }
}
