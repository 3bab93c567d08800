//! Archives that would write outside of their directory, or that could be read in two ways: none passes a byte of the entry.

use tokio::io::AsyncReadExt as _;

use super::header::BLOCK_BYTES;
use super::made::{Kept, Tar, in_pieces, passed, record, scanned, summed};
use super::{Inspected, Policy, check};
use crate::error::ErrorKind;

/// What comes before: a harmless file.
fn good() -> Tar {
    Tar::default().entry(b'5', "./", "", 0o755).file("./harmless", b"harmless")
}

/// Archives after whose first entries comes what would be outside of the directory, or a link.
fn escaping() -> Vec<(&'static str, Tar)> {
    let long = |name: &str| {
        good().with(b'L', ("././@LongLink", ""), 0o644, name.as_bytes()).file("./short", b"EVIL")
    };
    let far = "../".repeat(60) + "etc/cron.d/evil";
    vec![
        ("a name with ..", good().file("../evil", b"EVIL")),
        ("a name with .. in its middle", good().file("./a/../../evil", b"EVIL")),
        ("a name that ends in ..", good().entry(b'5', "a/..", "", 0o755)),
        ("an absolute name", good().file("/etc/cron.d/evil", b"EVIL")),
        ("two slashes", good().file("//etc/cron.d/evil", b"EVIL")),
        ("a long name with ..", long(&far)),
        ("a long absolute name", long("/etc/cron.d/evil\0")),
        ("a pax path with ..", good().pax(&[("path", "../evil")]).file("./short", b"EVIL")),
        (
            "a sparse name with ..",
            good().pax(&[("GNU.sparse.name", "../evil"), ("path", "x")]).file("./short", b"EVIL"),
        ),
        ("a name in a ustar prefix", {
            let mut tar = good().file("evil", b"EVIL");
            edited(&mut tar, 2, |block| {
                block[257..265].copy_from_slice(b"ustar\x0000");
                block[345..347].copy_from_slice(b"..");
            });
            tar
        }),
        ("a file below a symlink", good().entry(b'2', "./link", "/etc", 0o777).file("./link/evil", b"EVIL")),
        (
            "a file below a symlink to here",
            good().entry(b'2', "link", ".", 0o777).file("./link/evil", b"EVIL"),
        ),
        ("a file deep below a symlink", good().entry(b'2', "a/l", "/", 0o777).file("a//./l/b/evil", b"EVIL")),
        (
            "a file in place of a symlink",
            good().entry(b'2', "./link", "/etc/passwd", 0o777).file("link", b"EVIL"),
        ),
        (
            "a directory in place of a symlink",
            good().entry(b'2', "link", "/etc", 0o777).entry(b'5', "link/", "", 0o755),
        ),
        ("a symlink in place of the directory", good().entry(b'2', ".", "/etc", 0o777)),
        ("a file in place of the directory", good().file("./", b"").file(".", b"EVIL")),
        ("a hard link to outside", good().entry(b'1', "./evil", "/etc/passwd", 0o644)),
        ("a hard link to outside by ..", good().entry(b'1', "./evil", "../../etc/passwd", 0o644)),
        (
            "a hard link by way of a symlink",
            good().entry(b'2', "l", "/etc", 0o777).entry(b'1', "evil", "l/passwd", 0o644),
        ),
        (
            "a hard link to a symlink",
            good().entry(b'2', "l", "/etc/passwd", 0o777).entry(b'1', "evil", "./l", 0o644),
        ),
        (
            "a long hard link",
            good().with(b'K', ("l", ""), 0, far.as_bytes()).entry(b'1', "evil", "harmless", 0o644),
        ),
        (
            "a pax hard link",
            good().pax(&[("linkpath", "/etc/passwd")]).entry(b'1', "evil", "harmless", 0o644),
        ),
        ("a name of ours", good().file("./.deis-store-unpacking", b"EVIL")),
        ("a symlink with a name of ours", good().entry(b'2', ".deis-store-unpacking", "/etc", 0o777)),
        ("a name of ours further down", good().file("logs/.deis-store-x/evil", b"EVIL")),
    ]
}

/// Archives after whose first entries comes what is of no use, or could be read in two ways.
fn doubtful() -> Vec<(&'static str, Tar)> {
    vec![
        ("an empty name", good().file("", b"EVIL")),
        ("an empty long name", good().with(b'L', ("l", ""), 0, b"\0").file("x", b"EVIL")),
        ("a long name with a NUL", good().with(b'L', ("l", ""), 0, b"a\0/../b\0").file("x", b"EVIL")),
        ("a path that is too long", good().pax(&[("path", &"xy".repeat(2049))]).file("x", b"EVIL")),
        ("a path that is too deep", good().pax(&[("path", &("x/".repeat(1000) + "x"))]).file("x", b"EVIL")),
        ("a symlink to nothing", good().entry(b'2', "l", "", 0o777).file("x", b"EVIL")),
        (
            "a symlink that is too long",
            good().pax(&[("linkpath", &"x/".repeat(2049))]).entry(b'2', "l", "x", 0),
        ),
        ("a hard link to the directory itself", good().entry(b'1', "evil", "./", 0o644)),
        ("a hard link to an empty name", good().entry(b'1', "evil", "", 0o644)),
        ("a device outside", good().entry(b'3', "../mem", "", 0o666)),
        ("a device with content", good().with(b'3', ("mem", ""), 0o666, b"EVIL")),
        ("a fifo with content", good().with(b'6', ("fifo", ""), 0o666, b"EVIL")),
        ("a device in place of the directory", good().entry(b'3', "./", "", 0o666)),
        ("a label with content", good().with(b'V', ("label", ""), 0, b"EVIL")),
        ("a type of which nothing is known", good().with(b'Z', ("odd", ""), 0o644, b"EVIL")),
        ("a directory of an incremental archive", good().with(b'D', ("d", ""), 0o755, b"EVIL")),
        ("the rest of a file", good().with(b'M', ("m", ""), 0o644, b"EVIL")),
        ("a user that is none", good().pax(&[("uid", "4294967295")]).file("x", b"EVIL")),
        ("a negative size", {
            let mut tar = good().file("x", b"EVIL");
            edited(&mut tar, 2, |block| block[124..136].fill(0xff));
            tar
        }),
        ("a negative user", {
            let mut tar = good().file("x", b"EVIL");
            edited(&mut tar, 2, |block| block[108..116].fill(0xff));
            tar
        }),
        ("two sizes", good().pax(&[("size", "1024")]).sized(b'0', ("./x", ""), (0o644, 0), b"")),
        (
            "two names",
            good().with(b'L', ("l", ""), 0, b"a").with(b'L', ("l", ""), 0, b"b").file("x", b"EVIL"),
        ),
        (
            "two kinds of names",
            good().with(b'L', ("l", ""), 0, b"a").pax(&[("path", "b")]).file("x", b"EVIL"),
        ),
        ("one name twice", good().pax(&[("path", "a"), ("path", "../b")]).file("x", b"EVIL")),
        ("one time twice", good().pax(&[("mtime", "1"), ("mtime", "2")]).file("x", b"EVIL")),
        ("a time that is none", good().pax(&[("mtime", "yesterday")]).file("x", b"EVIL")),
        (
            "two sizes beyond a header",
            good().pax(&[("size", "8589934593")]).sized(b'0', ("x", ""), (0o644, 4), b"EVIL"),
        ),
        (
            "a global header after a pax header",
            good()
                .pax(&[("mtime", "1")])
                .with(b'g', ("g", ""), 0, record("comment", "x").as_bytes())
                .file("x", b"EVIL"),
        ),
        ("a global user", good().with(b'g', ("g", ""), 0, record("uid", "0").as_bytes()).file("x", b"EVIL")),
        (
            "one of several archives",
            good().with(b'g', ("g", ""), 0, record("GNU.volume.filename", "x").as_bytes()).file("x", b"EVIL"),
        ),
        ("a name with a NUL", good().pax(&[("path", "a\0/../b")]).file("x", b"EVIL")),
        (
            "a global name",
            good().with(b'g', ("g", ""), 0, record("path", "../b").as_bytes()).file("x", b"EVIL"),
        ),
        ("a directory with content", good().with(b'5', ("d/", ""), 0o755, b"EVIL")),
        ("a symlink with content", good().with(b'2', ("l", "x"), 0o777, b"EVIL")),
        ("a name without an end", good().sized(b'L', ("l", ""), (0, (1 << 33) - 1), b"EVIL")),
        ("a size beyond all files", good().pax(&[("size", "18446744073709551615")]).file("x", b"EVIL")),
        ("a pax header that is too long", good().sized(b'x', ("x", ""), (0, (1 << 20) + 1), b"EVIL")),
        ("a pax header before the end", good().pax(&[("path", "EVIL")])),
        ("a wrong checksum", {
            let mut tar = good().file("x", b"EVIL");
            let at = tar.0.len() - 2 * BLOCK_BYTES;
            tar.0[at] = b'y';
            tar
        }),
    ]
}

/// Sparse files after harmless ones, whose holes nobody could know.
fn hollow() -> Vec<(&'static str, Tar)> {
    let told = |records: &[(&str, &str)]| good().pax(records).file("x", b"EVIL");
    let at_head = |map: &str| {
        let form = [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "9000")];
        let mut content = map.as_bytes().to_vec();
        content.resize(BLOCK_BYTES, 0);
        good().pax(&form).file("x", &[&content[..], b"EVIL"].concat())
    };
    let old = |edit: fn(&mut [u8; BLOCK_BYTES])| {
        let mut tar = good().with(b'S', ("x", ""), 0o644, b"EVIL");
        edited(&mut tar, 2, |block| {
            block[386..410].copy_from_slice(b"00000000000\x0000000000004\0");
            block[483..495].copy_from_slice(b"00000001000\0");
            edit(block);
        });
        tar
    };
    for whole in [
        old(|_| {}),
        at_head("1\n0\n4\n"),
        told(&[("GNU.sparse.size", "9000"), ("GNU.sparse.map", "0,4,9000,0")]),
    ] {
        scanned(&whole.end(), Policy::default(), 512).1.expect("it is read without a disease");
    }
    vec![
        ("a form of another version", told(&[("GNU.sparse.major", "2"), ("GNU.sparse.size", "9")])),
        ("a form of star", told(&[("SCHILY.realsize", "9000")])),
        ("a form of Solaris", told(&[("SUN.holesdata", " 0 10 20")])),
        ("a form that is new", told(&[("GNU.sparse.size", "9000"), ("GNU.sparse.holes", "1")])),
        ("no map", told(&[("GNU.sparse.size", "9000")])),
        ("a map that overlaps", told(&[("GNU.sparse.size", "9000"), ("GNU.sparse.map", "0,512,511,4")])),
        ("a map of more than there is", told(&[("GNU.sparse.size", "9000"), ("GNU.sparse.map", "0,5")])),
        ("a map beyond the file", told(&[("GNU.sparse.size", "9000"), ("GNU.sparse.map", "8998,4")])),
        ("a map of what is no file", good().pax(&[("GNU.sparse.size", "0")]).entry(b'2', "x", "EVIL", 0)),
        ("a map at the head that overlaps", at_head("2\n0\n512\n5\n4\n")),
        ("a map at the head of less than there is", at_head("1\n0\n3\n")),
        ("a map at the head without an end", at_head("3\n0\n4\n")),
        ("a map at the head of parts without end", at_head("18446744073709551615\n0\n4\n")),
        ("a map at the head of no numbers", at_head("EVIL")),
        ("an old map with another mark", old(|block| block[257..265].copy_from_slice(b"ustar\x0000"))),
        ("an old map that goes on after its end", old(|block| block[434..458].fill(b'1'))),
        ("an old map that is continued after its end", old(|block| block[482] = 1)),
        ("an old map beyond the file", old(|block| block[483..495].copy_from_slice(b"00000000003\0"))),
        ("an old map of less than there is", old(|block| block[408] = b'3')),
    ]
}

fn hostile() -> impl Iterator<Item = (&'static str, Tar)> {
    escaping().into_iter().chain(doubtful()).chain(hollow())
}

/// Changes a header, which is so many blocks before the end.
fn edited(tar: &mut Tar, blocks: usize, edit: impl FnOnce(&mut [u8; BLOCK_BYTES])) {
    let at = tar.0.len() - blocks * BLOCK_BYTES;
    let block: &mut [u8; BLOCK_BYTES] = (&mut tar.0[at..at + BLOCK_BYTES]).try_into().unwrap();
    edit(block);
    summed(block);
}

#[tokio::test]
async fn no_byte_of_an_entry_that_must_not_be_unpacked_passes() {
    for (disease, tar) in hostile() {
        let archive = tar.end();
        for piece_bytes in [1, 100, 512, 4096, 1 << 20] {
            let (passed, result) = passed(&archive, piece_bytes).await;
            assert!(result.is_err(), "{disease} is taken");
            assert!(!passed.windows(4).any(|window| window == b"EVIL"), "{disease}");
            let (kept, end) = scanned(&passed, Policy::default(), 512);
            assert!(end.is_err(), "{disease} is given an end");
            let is_harmless = |path: &String| matches!(&path[..], "" | "harmless" | "link" | "a/l" | "l");
            assert!(kept.paths().iter().all(is_harmless), "{disease}: {:?}", kept.paths());
        }
        let error = check(&archive[..]).await.unwrap_err();
        let kinds = [ErrorKind::Damaged, ErrorKind::Guard, ErrorKind::Unsupported];
        assert!(kinds.contains(&error.kind()) && error.advice().is_some(), "{disease}: {error}");
        let text = error.to_string();
        assert!(text.contains("the entry '") || text.contains(", at byte "), "{disease}: {text}");
    }
}

#[tokio::test]
async fn a_backup_names_what_a_restore_would_refuse() {
    for (disease, name) in [
        ("an absolute name", "/etc/cron.d/evil"),
        ("a type of which nothing is known", "odd"),
        ("a directory of an incremental archive", "d"),
        ("a hard link to outside", "./evil"),
    ] {
        let archive = hostile().find(|(known, _)| *known == disease).unwrap().1;
        let archive = archive.file("last", b"last").end();
        let mut inspected = Inspected::new(in_pieces(&archive, 700), Kept::default());
        let mut passed = Vec::new();
        inspected.read_to_end(&mut passed).await.unwrap();
        assert!(passed == archive, "{disease}");
        let (scanned, kept) = inspected.finish().unwrap();
        let names: Vec<&str> = scanned.refused.iter().map(|refused| refused.name.as_str()).collect();
        assert_eq!((scanned.summary.entries, &names[..]), (4, &[name][..]), "{disease}");
        assert_eq!(kept.paths(), ["", "harmless", "last"], "{disease}");
    }
}
