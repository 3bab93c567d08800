//! Partitions of base backups, with the two files of them that are read; and the labels and histories beside the log.

use bytes::BytesMut;

use super::*;
use crate::archive::tar::{Entry, EntryKind, Modified, encode};
use crate::contents::wal_e::{Switch, history};

/// A partition with these files.
fn partition(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = BytesMut::new();
    for (path, content) in files {
        let entry = Entry {
            path: path.as_bytes().to_vec(),
            kind: EntryKind::File { size_bytes: content.len() as u64 },
            mode: 0o600,
            owner: (70, 70),
            modified: Modified::default(),
        };
        encode::entry(&entry, &mut out);
        out.extend_from_slice(content);
        encode::padding(content.len() as u64, &mut out);
    }
    encode::end(out.len() as u64, &mut out);
    out.to_vec()
}

fn key() -> String {
    format!("{PARTITIONS}part_00000000.tar")
}

fn read_partition(files: &[(&str, &[u8])]) -> PartitionHeld {
    match held(&key(), &partition(files)) {
        Ok(Held::Partition(held)) => held,
        other => panic!("{other:?}"),
    }
}

/// The text of the label that PostgreSQL gave, without what it says of the end.
fn label() -> String {
    let text = String::from_utf8(LABEL.plain.clone()).unwrap();
    text.lines().filter(|line| !line.starts_with("STOP ")).map(|line| format!("{line}\n")).collect()
}

/// The control file of a partition of the fixtures.
fn control(part: &Object) -> &[u8] {
    let header = part.plain.windows(18).position(|name| name == b"global/pg_control\0").unwrap();
    &part.plain[header + 512..header + 512 + 8192]
}

#[test]
fn a_partition_holds_what_tar_and_pg_controldata_say() {
    assert_eq!(PARTS.len(), 3);
    for part in PARTS.iter() {
        assert_eq!(held(&part.key, &part.packed).unwrap(), part.held, "{}", part.key);
        assert_eq!(held(part.plain_key(), &part.plain).unwrap(), part.held, "{}", part.key);
    }
    let at_rest = |part: &ExpectedPartition| part.is_shut_down;
    assert!(EXPECTED.partitions.iter().any(at_rest) && !EXPECTED.partitions.iter().all(at_rest));
}

#[test]
fn a_partition_cut_anywhere_before_its_end_is_broken() {
    for part in PARTS.iter() {
        let last = part.plain.iter().rposition(|byte| *byte != 0).unwrap();
        let end = (last + 1).next_multiple_of(512) + 1024;
        assert_eq!(held(part.plain_key(), &part.plain[..end]).unwrap(), part.held);
        for bytes in (0..end).step_by(512).chain((0..end).step_by(397)).chain([end - 1]) {
            broken(part.plain_key(), &part.plain[..bytes]);
            if bytes > 0 {
                broken(&part.key, &stored(&[&part.plain[..bytes]]));
            }
        }
    }
}

#[test]
fn a_partition_with_more_behind_its_end_is_broken() {
    for part in PARTS.iter() {
        for more in [&b"x"[..], &[0, 1], &part.plain] {
            let longer = [&part.plain[..], more, &[0; 512]].concat();
            broken(part.plain_key(), &longer);
        }
    }
}

#[test]
fn a_partition_without_the_two_files_has_neither() {
    let files: [(&str, &[u8]); 4] = [
        ("base/1/backup_label", b"x"),
        ("pg_control", b"x"),
        ("backup_label.old", b""),
        ("PG_VERSION", b"15\n"),
    ];
    let read = read_partition(&files);
    assert_eq!(read, PartitionHeld { members: 4, file_bytes: 5, label: None, control: None });
    let none = PartitionHeld { members: 0, file_bytes: 0, label: None, control: None };
    assert_eq!(read_partition(&[]), none);
}

#[test]
fn of_two_files_with_a_name_the_last_one_counts() {
    let whole = label();
    let files: [(&str, &[u8]); 3] = [
        ("backup_label", b"no label"),
        ("backup_label", whole.as_bytes()),
        ("global/pg_control", control(&PARTS[0])),
    ];
    let Held::Partition(expected) = &PARTS[0].held else { panic!() };
    let read = read_partition(&files);
    assert_eq!((read.label, read.control), (expected.label, expected.control));
    let files: [(&str, &[u8]); 2] = [("backup_label", whole.as_bytes()), ("backup_label", b"no label")];
    broken(&key(), &partition(&files));
}

#[test]
fn a_control_file_that_is_cut_off_is_broken() {
    let whole = control(&PARTS[2]);
    let Held::Partition(expected) = &PARTS[2].held else { panic!() };
    for bytes in [64, 65, 512, 8192] {
        assert_eq!(read_partition(&[("global/pg_control", &whole[..bytes])]).control, expected.control);
    }
    for bytes in [0, 1, 8, 40, 63] {
        let why = broken(&key(), &partition(&[("global/pg_control", &whole[..bytes])]));
        assert_eq!(why, "pg_control is cut off", "{bytes} bytes");
    }
}

#[test]
fn a_label_says_where_replay_begins_or_is_broken() {
    let whole = label();
    let read = |label: &str| held(&key(), &partition(&[("backup_label", label.as_bytes())]));
    let Held::Partition(PartitionHeld { label: expected, .. }) = &PARTS[0].held else { panic!() };
    let is_read = |label: &str| matches!(read(label), Ok(Held::Partition(held)) if held.label == *expected);
    assert!(is_read(&whole) && is_read(&whole.replace('\n', "\r\n")));
    for line in whole.lines() {
        let is_needed =
            ["START WAL LOCATION", "CHECKPOINT LOCATION"].iter().any(|begin| line.starts_with(begin));
        assert_eq!(is_read(&whole.replace(&format!("{line}\n"), "")), !is_needed, "without {line}");
    }
    for (from, to) in [
        ("START TIMELINE: 1", "START TIMELINE: 2"),
        ("START TIMELINE: 1", "START TIMELINE: x"),
        ("(file 00000001", "(file 0000000"),
        ("(file 000000010000", "(file 00000001000g"),
        ("(file 0000000100000000", "(file 0000000100000001"),
        ("START WAL LOCATION: 0/", "START WAL LOCATION: 0"),
        ("CHECKPOINT LOCATION: 0/", "CHECKPOINT LOCATION: 0/x"),
    ] {
        assert!(whole.contains(from), "{from}");
        assert!(matches!(read(&whole.replace(from, to)), Err(Unreadable::Broken(_))), "{to}");
    }
    // The name of a backup may have any encoding, and any length that is one.
    let longest = format!("{whole}{}", "x".repeat((64 << 10) - whole.len()));
    assert!(is_read(&longest));
    assert!(matches!(read(&format!("{longest}x")), Err(Unreadable::Broken(_))));
    let latin = [whole.as_bytes(), b"LABEL: M\xe4rz\n"].concat();
    let read = read_partition(&[("backup_label", &latin[..])]);
    assert_eq!(read.label, *expected);
}

#[test]
fn the_label_and_the_history_that_postgresql_has_written_are_read() {
    for object in [&*LABEL, &*HISTORY] {
        assert_eq!(held(&object.key, &object.packed).unwrap(), object.held);
        assert_eq!(held(object.plain_key(), &object.plain).unwrap(), object.held);
    }
    let ExpectedHistory { parent, at, .. } = EXPECTED.history;
    let switch = Switch { parent, at: Lsn(at) };
    assert_eq!(history(&HISTORY.key, &HISTORY.packed), Ok(vec![switch]));
    assert_eq!(history(HISTORY.plain_key(), &HISTORY.plain), Ok(vec![switch]));
}

#[test]
fn a_history_names_earlier_timelines_that_grow_or_is_broken() {
    let key = "wal_005/0000000A.history";
    for whole in [
        "",
        "# 1\n\n  \n",
        "1\t0/1100098\tno recovery target specified\n",
        "1\t0/1100098",
        "1 0/1 a\n\n  2\t0/1\tb\r\n9\tF/FFFFFFFF\tc",
        // As releases before 9.3 have written it.
        "1\t000000010000000000000002\tno recovery target specified\n",
    ] {
        assert_eq!(held(key, whole.as_bytes()).unwrap(), Held::History, "{whole}");
    }
    for wrong in [
        "1",
        "x\t0/1\n",
        "1\tx\n",
        "1\t0/1\n1\t0/2\n",
        "2\t0/1\n1\t0/2\n",
        "10\t0/1\n",
        "11\t0/1\n",
        "-1\t0/1\n",
        "4294967296\t0/1\n",
        "1\t0/100000000\n",
        "1\t0/1\nfour\n",
    ] {
        broken(key, wrong.as_bytes());
    }
}
