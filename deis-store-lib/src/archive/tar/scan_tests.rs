//! What becomes of the entries of an archive, and where each is.

use tokio::io::AsyncReadExt as _;

use super::made::{Kept, Tar, passed, record, scanned, summed};
use super::policy::Limits;
use super::{EntryKind, Inspected, Policy, Special, check};
use crate::error::ErrorKind;

#[tokio::test]
async fn what_is_no_file_is_left_out_by_name_and_the_rest_is_unpacked() {
    let archive = Tar::default()
        .entry(b'V', "Backup of ../x", "", 0)
        .entry(b'5', "./", "", 0o755)
        .entry(b'3', "./mem", "", 0o666)
        .entry(b'4', "./sda", "", 0o666)
        .entry(b'6', "./fifo", "", 0o666)
        .entry(b'1', "./second", "./fifo", 0o666)
        .entry(b'1', "./third", "second", 0o666)
        .file("x", b"x")
        .entry(b'1', "./x", "x", 0o644)
        .file("fifo", b"now a file")
        .entry(b'1', "./fourth", "fifo", 0o644)
        .end();
    for piece_bytes in [1, 512, 1 << 20] {
        let (kept, scanned) = scanned(&archive, Policy::default(), piece_bytes);
        assert_eq!(kept.paths(), ["", "x", "fifo", "fourth"]);
        let scanned = scanned.unwrap();
        assert_eq!((scanned.summary.entries, scanned.oddities.count()), (11, 7));
        let named: Vec<_> = scanned.oddities.list().iter().map(|odd| odd.name.as_str()).collect();
        assert_eq!(named, ["Backup of ../x", "./mem", "./sda", "./fifo", "./second", "./third", "./x"]);
        assert!(
            scanned
                .oddities
                .list()
                .iter()
                .all(|odd| odd.what.ends_with("left out") || odd.what.ends_with("too"))
        );
    }
}

#[tokio::test]
async fn rights_of_others_are_dropped_by_name_unless_they_are_asked_for() {
    let archive = Tar::default()
        .entry(b'5', "./", "", 0o7777)
        .with(b'0', ("./uid", ""), 0o4755, b"x")
        .with(b'0', ("./all", ""), 0o7755, b"x")
        .entry(b'1', "./hard", "uid", 0o2755)
        .entry(b'2', "./link", "uid", 0o7777)
        .end();
    let modes = |special| {
        let (kept, scanned) = scanned(&archive, Policy { special, ..Policy::default() }, 512);
        let modes: Vec<_> = kept.entries.iter().map(|(entry, _)| entry.mode).collect();
        (modes, scanned.unwrap().oddities)
    };
    let (modes_dropped, oddities) = modes(Special::Drop);
    assert_eq!(modes_dropped, [0o3777, 0o755, 0o755, 0o755, 0o777]);
    let named: Vec<_> = oddities.list().iter().map(|odd| format!("{} {}", odd.name, odd.what)).collect();
    let dropped = |of: &str| format!("{of}, which is dropped");
    let expected =
        ["./ is setuid", "./uid is setuid", "./all is setuid and setgid and sticky", "./hard is setgid"];
    assert_eq!(named, expected.map(dropped));
    let (modes_kept, oddities) = modes(Special::Keep);
    assert_eq!((modes_kept, oddities.count()), (vec![0o7777, 0o4755, 0o7755, 0o2755, 0o777], 0));
}

#[tokio::test]
async fn attributes_that_are_not_heeded_are_counted_and_named_once() {
    let archive = Tar::default()
        .with(b'g', ("g", ""), 0, record("GNU.volume.label", "x").as_bytes())
        .pax(&[("SCHILY.xattr.user.x", "y"), ("atime", "1"), ("comment", "x"), ("hdrcharset", "BINARY")])
        .file("a", b"")
        .pax(&[("SCHILY.xattr.user.x", "z"), ("SCHILY.acl.access", "y"), ("hdrcharset", "latin1")])
        .file("b", b"")
        .end();
    let oddities = scanned(&archive, Policy::default(), 512).1.unwrap().oddities;
    let named: Vec<_> = oddities.list().iter().map(|odd| (odd.name.as_str(), odd.what.as_str())).collect();
    let expected = [
        ("a", "has the attribute SCHILY.xattr.user.x, which is not heeded"),
        ("a", "has the attribute GNU.volume.label, which is not heeded"),
        ("b", "has the attribute SCHILY.acl.access, which is not heeded"),
        ("b", "has the attribute hdrcharset, which is not heeded"),
    ];
    assert_eq!((named, oddities.count()), (expected.to_vec(), 5));
}

#[tokio::test]
async fn a_limit_that_is_passed_is_named_with_its_place() {
    let archive = Tar::default()
        .file("a", &[b'x'; 600])
        .file("b/c", b"")
        .entry(b'2', "link", "target", 0)
        .file("d", b"EVIL")
        .end();
    let limits = Limits::default();
    for (limits, text) in [
        (Limits { archive_bytes: 2047, ..limits }, "more than 2047 bytes, which is the limit, at byte 1536"),
        (Limits { entries: 3, ..limits }, "more than 3 entries, which is the limit, at byte 2560"),
        (Limits { path_bytes: 2, ..limits }, "'b/c' has a path or target of more than 2 bytes"),
        (Limits { path_bytes: 5, ..limits }, "'link' has a path or target of more than 5 bytes"),
        (Limits { depth: 1, ..limits }, "'b/c' lies more than 1 directories deep"),
    ] {
        for piece_bytes in [100, 512, 1 << 20] {
            let (kept, end) = scanned(&archive, Policy { limits, ..Policy::default() }, piece_bytes);
            let error = super::read_error(end.unwrap_err()).to_string();
            assert!(error.contains(text), "{error}: {text}");
            assert!(!kept.paths().contains(&"d".to_owned()));
        }
    }
    let archive_bytes = archive.len() as u64;
    let limits = Limits { archive_bytes, entries: 4, path_bytes: 6, depth: 2 };
    scanned(&archive, Policy { limits, ..Policy::default() }, 100).1.unwrap();
}

#[tokio::test]
async fn what_is_in_honest_volumes_passes() {
    let (big, bigger) = ("x".repeat(4000), "x".repeat(4001));
    let honest = || {
        Tar::default().entry(b'5', "./", "", 0o1777).entry(b'5', "./shared/", "", 0o2775).entry(
            b'5',
            "././//./odd",
            "",
            0o700,
        )
    };
    let archive = honest().with(b'0', ("./..not/...up/..", ""), 0, b"").end();
    assert!(check(&archive[..]).await.is_err(), "the last one has a `..`");
    let archive = honest()
        .file("./..not/...up", b"x")
        .file("./new\nline", b"x")
        .entry(b'2', "./link", "../../etc/passwd", 0o777)
        .entry(b'2', "./dangling", "/nowhere", 0o777)
        .file("./linked", b"x")
        .entry(b'1', "./hard", "./linked", 0o644)
        .with(b'L', ("././@LongLink", ""), 0, big.as_bytes())
        .file("./short", b"x")
        .pax(&[("mtime", "1.5"), ("path", &bigger), ("SCHILY.xattr.user.x", "y"), ("size", "3")])
        .file("./short", b"xyz")
        .with(b'g', ("g", ""), 0, record("comment", "abc").as_bytes())
        .entry(b'0', "a file whose name ends like a directory's/", "", 0o755)
        .file("./last", &[b'x'; 1024])
        .entry(b'5', "./shared/", "", 0o2775)
        .end();
    let (expected, whole) = scanned(&archive, Policy::default(), 512);
    assert_eq!((whole.unwrap().summary.entries, expected.entries.len()), (14, 14));
    assert_eq!(&expected.paths()[..4], ["", "shared", "odd", "..not/...up"]);
    assert_eq!(expected.entries[11].0.kind, EntryKind::Directory);
    for piece_bytes in [1, 511, 1 << 20] {
        let (passed, result) = passed(&archive, piece_bytes).await;
        result.unwrap();
        let (rewritten, whole) = scanned(&passed, Policy::default(), piece_bytes);
        assert_eq!((rewritten.entries, whole.unwrap().summary.entries), (expected.entries.clone(), 14));
    }
}

#[tokio::test]
async fn a_name_that_comes_twice_is_refused_before_a_load_too() {
    let archive = Tar::default()
        .file("a", b"1")
        .file("./a", b"22")
        .entry(b'1', "link", "nothing", 0o644)
        .file("a/below", b"3")
        .file("b", b"4")
        .end();
    let mut inspected = Inspected::new(&archive[..], Kept::default());
    inspected.read_to_end(&mut Vec::new()).await.unwrap();
    let (seen, kept) = inspected.finish().unwrap();
    let names: Vec<&str> = seen.refused.iter().map(|refused| refused.name.as_str()).collect();
    assert_eq!(names, ["./a", "link", "a/below"]);
    assert_eq!((kept.paths(), seen.summary.entries), (vec!["a".to_owned(), "b".to_owned()], 5));
    let error = check(&archive[..]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().contains("the entry './a' is in the archive twice"), "{error}");
    let (kept, end) = scanned(&archive, Policy::default(), 512);
    let seen = (kept.entries.len(), end.unwrap().refused.len());
    assert_eq!(seen, (5, 0), "who unpacks it otherwise may take the last one");
}

#[tokio::test]
async fn content_that_is_cut_off_never_ends_an_archive() {
    let archive = Tar::default().file("a", b"whole").file("b", &[b'x'; 2000]).end();
    for cut in [0, 1, 512, 1024, 1025, 1536, 2000, 3500, archive.len() - 1024, archive.len() - 1] {
        for piece_bytes in [100, 1 << 20] {
            let (passed, result) = passed(&archive[..cut], piece_bytes).await;
            assert!(result.is_err(), "{cut}");
            assert!(scanned(&passed, Policy::default(), 512).1.is_err(), "{cut}");
        }
    }
    passed(&archive, 100).await.1.unwrap();
}

#[tokio::test]
async fn where_an_entry_begins_is_with_the_headers_before_its_own() {
    let archive = Tar::default()
        .file("a", b"x")
        .with(b'L', ("l", ""), 0, b"long")
        .pax(&[("mtime", "1")])
        .file("b", &[0; 512])
        .with(b'g', ("g", ""), 0, record("comment", "abc").as_bytes())
        .entry(b'5', "c", "", 0)
        .end();
    for piece_bytes in [1, 1 << 20] {
        let (kept, end) = scanned(&archive, Policy::default(), piece_bytes);
        end.unwrap();
        assert_eq!(kept.at_bytes, [0, 1024, 1024 + 5 * 512 + 512 + 1024]);
        let (from_there, end) = scanned(&archive[1024..], Policy::default(), piece_bytes);
        end.unwrap();
        assert_eq!(from_there.entries[..], kept.entries[1..]);
    }
}

#[tokio::test]
async fn an_error_of_the_sink_ends_the_reading_and_is_told_as_it_is() {
    #[derive(Debug)]
    struct Full;
    impl super::Sink for Full {
        fn entry(&mut self, _: &super::Entry, _: u64) -> std::io::Result<()> {
            Err(std::io::Error::other(crate::Error::new(ErrorKind::Disk, "the disk is full")))
        }
        fn content(&mut self, _: &[u8]) -> std::io::Result<()> {
            panic!("after an error")
        }
        fn end(&mut self) -> std::io::Result<()> {
            panic!("after an error")
        }
    }
    let archive = Tar::default().file("a", b"x").end();
    let error = super::read(&archive[..], Policy::default(), &mut Full).await.unwrap_err();
    assert_eq!((error.kind(), error.to_string()), (ErrorKind::Disk, "the disk is full".to_owned()));
    let mut inspected = Inspected::new(&archive[..], Full);
    inspected.read_to_end(&mut Vec::new()).await.unwrap();
    assert_eq!(inspected.finish().unwrap_err().kind(), ErrorKind::Disk);
}

#[tokio::test]
async fn a_size_that_has_no_room_in_a_header_is_read_in_each_form() {
    let size = (1u64 << 33) + 7;
    let binary = [&[0x80, 0, 0, 0][..], &size.to_be_bytes()].concat();
    let big = |pax: bool, header: &[u8]| {
        let tar = if pax { Tar::default().pax(&[("size", &size.to_string())]) } else { Tar::default() };
        let mut tar = tar.sized(b'0', ("big", ""), (0o644, 0), b"");
        let at = tar.0.len() - 512;
        tar.0[at + 124..at + 124 + header.len()].copy_from_slice(header);
        summed((&mut tar.0[at..]).try_into().unwrap());
        tar.0
    };
    for archive in [big(false, &binary), big(true, &binary), big(true, b"00000000000")] {
        let (kept, end) = scanned(&[&archive[..], b"x"].concat(), Policy::default(), 512);
        assert_eq!(kept.entries[0].0.kind, EntryKind::File { size_bytes: size });
        let error = end.unwrap_err().to_string();
        assert!(error.contains("cut off within a file: the entry 'big'"), "{error}");
    }
    assert!(scanned(&big(true, b"00000000007"), Policy::default(), 512).0.entries.is_empty());
}
