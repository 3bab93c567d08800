//! Which sentinels are held back when something is lost.

use crate::contents::Contents;
use crate::restorable::judge::tests::held_back;

const STOP_B: &str = r#"{"wal_segment_backup_stop": "00000001000000000000000C", "spec": {}}"#;

fn base(segment: char) -> String {
    format!("basebackups_005/base_00000001000000000000000{segment}_00000040")
}

fn sentinel(segment: char) -> String {
    format!("{}_backup_stop_sentinel.json", base(segment))
}

/// The segments of the base backups that are held back. The one of B needs the log from B to C.
fn held(prefix: &str, lost: &[&str]) -> Vec<String> {
    let own = |key: &str| format!("{prefix}{key}");
    let mut objects = vec![(own(&sentinel('A')), "not JSON"), (own(&sentinel('B')), STOP_B)];
    for segment in ['A', 'B'] {
        objects.push((own(&format!("{}/extended_version.txt", base(segment))), ""));
        objects.push((own(&format!("{}/tar_partitions/part_00000000.tar.lzo", base(segment))), ""));
    }
    for segment in ['9', 'A', 'B', 'C', 'D'] {
        objects.push((own(&format!("wal_005/00000001000000000000000{segment}.lzo")), ""));
    }
    let objects: Vec<_> = objects.iter().map(|(key, body)| (key.as_str(), *body)).collect();
    let lost: Vec<String> = lost.iter().map(|key| own(key)).collect();
    let lost: Vec<&str> = lost.iter().map(String::as_str).collect();
    let held = held_back(Contents::WalE, &objects, &lost);
    held.iter().map(|key| key.strip_prefix(prefix).unwrap().to_owned()).collect()
}

#[test]
fn a_lost_object_of_a_base_backup_holds_back_its_own_sentinel_below_any_prefix() {
    for prefix in ["", "pg/main/", "/"] {
        for object in ["extended_version.txt", "tar_partitions/part_00000000.tar.lzo"] {
            assert_eq!(held(prefix, &[&format!("{}/{object}", base('A'))]), [sentinel('A')], "{prefix}");
        }
    }
    let both = [base('A'), base('B')].map(|base| format!("{base}/extended_version.txt"));
    assert_eq!(held("", &[&both[0], &both[1]]), [sentinel('A'), sentinel('B')]);
}

#[test]
fn a_lost_segment_holds_back_the_base_backups_that_need_it_to_become_consistent() {
    let segment = |segment: char| format!("wal_005/00000001000000000000000{segment}.lzo");
    assert_eq!(held("", &[&segment('A')]), [sentinel('A')]);
    assert_eq!(held("pg/", &[&segment('B')]), [sentinel('B')]);
    assert_eq!(held("", &[&segment('C')]), [sentinel('B')]);
    for not_needed in [&segment('9'), &segment('D'), "wal_005/00000002000000000000000B.lzo"] {
        assert!(held("", &[not_needed]).is_empty(), "{not_needed}");
    }
}

#[test]
fn what_is_no_object_of_a_base_backup_and_no_segment_holds_nothing_back() {
    for lost in [
        "wal_005/00000001000000000000000B.00000028.backup.lzo",
        "wal_005/00000002.history.lzo",
        "basebackups_005/notes",
        "notes",
    ] {
        assert!(held("", &[lost]).is_empty(), "{lost}");
    }
    assert!(held("pg/", &["../wal_005/00000001000000000000000B.lzo"]).is_empty(), "of another prefix");
    assert_eq!(held("", &[&sentinel('A')]), [""; 0], "a sentinel that is lost itself is not held back");
}
