//! Archives in which something was changed at random: whatever is given of them is what an entry may be.

use proptest::collection::vec;
use proptest::prelude::*;

use super::header::BLOCK_BYTES;
use super::made::{Kept, Tar, record, scanned, summed};
use super::{Entry, EntryKind, OnRefusal, Policy};

/// Some of all that an archive may have, with a sparse file of each form.
fn all_sorts() -> Vec<u8> {
    let name = "n".repeat(200);
    let mut old = Tar::default().with(b'S', ("old sparse", ""), 0o644, &[b'x'; 600]);
    let map = [(0u64, 512u64), (5000, 88), (9000, 0)];
    let mut slots = Vec::new();
    for (at, bytes) in map {
        slots.extend(format!("{at:011o}\0{bytes:011o}\0").into_bytes());
    }
    old.0[386..386 + slots.len()].copy_from_slice(&slots);
    old.0[483..494].copy_from_slice(format!("{:011o}", 9000).as_bytes());
    summed((&mut old.0[..BLOCK_BYTES]).try_into().unwrap());
    let mut head = b"2\n512\n512\n9000\n5\n".to_vec();
    head.resize(BLOCK_BYTES, 0);
    head.extend([b'x'; 517]);
    let pairs = [("GNU.sparse.size", "600"), ("GNU.sparse.offset", "5"), ("GNU.sparse.numbytes", "7")];
    old.entry(b'5', "./", "", 0o755)
        .file("./a", &[b'x'; 700])
        .entry(b'2', "./link", "/etc", 0o777)
        .entry(b'1', "./hard", "./a", 0o644)
        .entry(b'3', "./dev", "", 0o644)
        .with(b'L', ("././@LongLink", ""), 0, name.as_bytes())
        .with(b'K', ("././@LongLink", ""), 0, name.as_bytes())
        .entry(b'2', "./n", "x", 0o777)
        .pax(&[("path", "b/c"), ("mtime", "-1.5"), ("uid", "70000"), ("SCHILY.xattr.user.x", "y")])
        .file("b", b"content")
        .pax(&pairs)
        .file("pairs", b"content")
        .pax(&[("GNU.sparse.size", "600"), ("GNU.sparse.map", "5,7,600,0")])
        .file("list", b"content")
        .pax(&[("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "9005")])
        .file("head", &head)
        .with(b'g', ("g", ""), 0, record("comment", "x").as_bytes())
        .file("last", b"")
        .end()
}

/// Where the archive has headers. It has no content that looks like one.
fn headers(archive: &[u8]) -> Vec<usize> {
    let starts = (0..archive.len()).step_by(BLOCK_BYTES);
    starts.filter(|at| archive[at + 257..].starts_with(b"ustar")).collect()
}

#[derive(Clone, Debug)]
enum Change {
    /// In the header of this number, which gets its sum.
    Header(usize, usize, Vec<u8>),
    Anywhere(usize, Vec<u8>),
    Cut(usize),
    /// A part is there once more, or is not there.
    Twice(usize, usize),
    Without(usize, usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let bytes = || {
        let byte =
            prop_oneof![Just(0u8), Just(b'0'), b'0'..=b'9', Just(b'/'), Just(b'.'), Just(0xff), any::<u8>()];
        vec(byte, 1..14)
    };
    // The fields of numbers, names, the kind and the map begin at these places.
    let places =
        [0, 1, 2, 100, 108, 116, 124, 130, 134, 136, 156, 157, 257, 263, 345, 386, 398, 410, 482, 483];
    let place = prop_oneof![4 => proptest::sample::select(places.to_vec()), 1 => 0..500usize];
    let change = prop_oneof![
        6 => (0..32usize, place, bytes()).prop_map(|(header, at, bytes)| Change::Header(header, at, bytes)),
        6 => (any::<usize>(), bytes()).prop_map(|(at, bytes)| Change::Anywhere(at, bytes)),
        1 => any::<usize>().prop_map(Change::Cut),
        1 => (0..40usize, 1..5usize).prop_map(|(at, blocks)| Change::Twice(at, blocks)),
        1 => (0..40usize, 1..5usize).prop_map(|(at, blocks)| Change::Without(at, blocks)),
    ];
    vec(change, 1..4)
}

fn apply(archive: &mut Vec<u8>, change: Change) {
    let blocks = |archive: &[u8], at: usize, blocks: usize| {
        let at = (at * BLOCK_BYTES).min(archive.len());
        at..(at + blocks * BLOCK_BYTES).min(archive.len())
    };
    match change {
        Change::Header(number, at, bytes) => {
            let headers = headers(archive);
            let Some(start) = headers.get(number % headers.len().max(1)) else { return };
            let block = &mut archive[*start..start + BLOCK_BYTES];
            let end = (at + bytes.len()).min(BLOCK_BYTES);
            block[at..end].copy_from_slice(&bytes[..end - at]);
            summed(block.try_into().unwrap());
        }
        Change::Anywhere(at, bytes) => {
            let at = at % archive.len().max(1);
            archive.iter_mut().skip(at).zip(bytes).for_each(|(byte, new)| *byte = new);
        }
        Change::Cut(at) => archive.truncate(at % archive.len().max(1)),
        Change::Twice(at, count) => {
            let part = archive[blocks(archive, at, count)].to_vec();
            let at = (at * BLOCK_BYTES).min(archive.len());
            archive.splice(at..at, part);
        }
        Change::Without(at, count) => {
            archive.drain(blocks(archive, at, count));
        }
    }
    archive.truncate(archive.len() / BLOCK_BYTES * BLOCK_BYTES);
}

fn assert_is_an_entry(entry: &Entry, special: u32) {
    let is_path = |path: &[u8]| {
        path.split(|byte| *byte == b'/').all(|part| {
            !matches!(part, b"" | b"." | b"..") && !part.contains(&0) && !part.starts_with(b".deis-store-")
        })
    };
    let path = &entry.path[..];
    assert!(is_path(path) || path.is_empty() && entry.kind == EntryKind::Directory, "{entry:?}");
    assert!(path.len() <= 4096 && entry.mode & !0o7777 == 0 && entry.mode & special == 0, "{entry:?}");
    assert!(entry.owner.0 < 0xffff_ffff && entry.owner.1 < 0xffff_ffff, "{entry:?}");
    assert!(entry.modified.nanoseconds < 1_000_000_000, "{entry:?}");
    match &entry.kind {
        EntryKind::HardLink(target) => assert!(is_path(target) && target != path, "{entry:?}"),
        EntryKind::Symlink(target) => assert!(!target.is_empty() && !target.contains(&0), "{entry:?}"),
        EntryKind::Sparse { size_bytes, extents } => {
            let mut end = 0;
            for (number, extent) in extents.iter().enumerate() {
                assert!(extent.bytes > 0 && extent.at_bytes >= end, "{entry:?}");
                assert!(number + 1 == extents.len() || extent.bytes.is_multiple_of(512), "{entry:?}");
                end = extent.at_bytes + extent.bytes;
            }
            assert!(end <= *size_bytes && i64::try_from(*size_bytes).is_ok(), "{entry:?}");
        }
        EntryKind::File { size_bytes } => assert!(i64::try_from(*size_bytes).is_ok(), "{entry:?}"),
        EntryKind::Directory => {}
    }
}

fn assert_all_are_entries(kept: &Kept) {
    for (entry, _) in &kept.entries {
        let special = match entry.kind {
            EntryKind::Directory => 0o4000,
            _ => 0o7000,
        };
        assert_is_an_entry(entry, special);
    }
}

#[test]
fn all_sorts_are_read() {
    let (kept, end) = scanned(&all_sorts(), Policy::default(), 512);
    let seen = end.unwrap();
    assert_eq!((seen.summary.entries, kept.entries.len(), seen.oddities.count()), (12, 11, 2));
    let is_sparse = |(entry, _): &&(Entry, Vec<u8>)| matches!(entry.kind, EntryKind::Sparse { .. });
    assert_eq!(kept.entries.iter().filter(is_sparse).count(), 4);
    assert_all_are_entries(&kept);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn whatever_is_changed_what_is_given_is_what_an_entry_may_be(
        changes in changes(),
        piece_bytes in prop_oneof![1..700usize, Just(1 << 20)],
        is_noted: bool,
    ) {
        let mut archive = all_sorts();
        for change in changes {
            apply(&mut archive, change);
        }
        let on_refusal = if is_noted { OnRefusal::Note } else { OnRefusal::Stop };
        let policy = Policy { on_refusal, ..Policy::default() };
        let (kept, end) = scanned(&archive, policy, piece_bytes);
        assert_all_are_entries(&kept);
        let (in_one, end_in_one) = scanned(&archive, policy, 1 << 20);
        prop_assert_eq!(&in_one.entries, &kept.entries);
        let text = |end: std::io::Result<_>| end.map(|_: super::Scanned| ()).map_err(|error| error.to_string());
        prop_assert_eq!(text(end), text(end_in_one));
    }

    #[test]
    fn bytes_of_any_sort_never_panic(bytes in vec(any::<u8>(), 0..3000), piece_bytes in 1..700usize) {
        prop_assert!(scanned(&bytes, Policy::default(), piece_bytes).1.is_err());
    }
}
