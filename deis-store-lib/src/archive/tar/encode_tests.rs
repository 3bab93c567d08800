//! What is encoded is read as it was, by this reader and by others.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::made::{Kept, archive_of, scanned};
use super::{Entry, EntryKind, Extent, Modified, Policy, Special, encode};
use crate::remote::{Local, run};

/// A component of a path: any bytes but NUL and the slash.
fn component() -> impl Strategy<Value = Vec<u8>> {
    let bytes = || prop_oneof![1..=b'.', b'0'..=255u8];
    let names = prop_oneof![8 => vec(bytes(), 1..40), 1 => vec(bytes(), 90..110), 1 => vec(bytes(), 255)];
    names.prop_map(|name| if name.starts_with(b".") { [b"x", &name[..]].concat() } else { name })
}

fn path() -> impl Strategy<Value = Vec<u8>> {
    vec(component(), 1..6).prop_map(|components| components.join(&b'/'))
}

fn sparse() -> impl Strategy<Value = EntryKind> {
    let parts = vec((0..1u64 << 36, 1..4u64), 0..60);
    let last = prop_oneof![Just(0), 1..2000u64];
    (parts, last, prop_oneof![Just(0), 0..1u64 << 40]).prop_map(|(parts, last, rest)| {
        let mut end = 0;
        let parts = parts.into_iter().map(|(hole, blocks)| (hole, blocks * 512));
        let extents = parts.chain((last > 0).then_some((5, last))).map(|(hole, bytes)| {
            let at_bytes = end + hole;
            end = at_bytes + bytes;
            Extent { at_bytes, bytes }
        });
        let extents = extents.collect();
        EntryKind::Sparse { size_bytes: end + rest, extents }
    })
}

fn kind() -> impl Strategy<Value = EntryKind> {
    prop_oneof![
        (0..3000u64).prop_map(|size_bytes| EntryKind::File { size_bytes }),
        sparse(),
        Just(EntryKind::Directory),
        vec(1..=255u8, 1..300).prop_map(EntryKind::Symlink),
        path().prop_map(EntryKind::HardLink),
    ]
}

fn owner() -> impl Strategy<Value = u64> {
    prop_oneof![0..70_000u64, (1u64 << 21) - 2..(1 << 21) + 2, Just(0xffff_fffe)]
}

fn modified() -> impl Strategy<Value = Modified> {
    let seconds = prop_oneof![0..1i64 << 32, (1i64 << 33) - 2..(1 << 33) + 2, -10..10i64, any::<i64>()];
    (seconds, prop_oneof![Just(0), 0..1_000_000_000u32])
        .prop_map(|(seconds, nanoseconds)| Modified { seconds, nanoseconds })
}

/// An entry, none of which lies below another one's path if their numbers differ.
fn entry(number: usize) -> impl Strategy<Value = Entry> {
    (path(), kind(), 0..0o10000u32, (owner(), owner()), modified()).prop_map(
        move |(path, kind, mode, owner, modified)| {
            let mode = if matches!(kind, EntryKind::Symlink(_)) { mode & 0o777 } else { mode };
            let path = [format!("{number} ").as_bytes(), &path].concat();
            Entry { path, kind, mode, owner, modified }
        },
    )
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    (0..12usize).prop_flat_map(|count| (0..count).map(entry).collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn what_is_encoded_is_read_as_it_was(entries in entries(), piece_bytes in 1..5000usize) {
        let entries: Vec<_> = entries.into_iter().map(with_content).collect();
        let archive = archive_of(&entries);
        let policy = Policy { special: Special::Keep, ..Policy::default() };
        let (kept, end) = scanned(&archive, policy, piece_bytes);
        let seen = end.unwrap();
        prop_assert_eq!(&kept.entries, &entries);
        prop_assert_eq!((seen.summary.archive_bytes, archive.len() % 10240), (archive.len() as u64, 0));
        prop_assert_eq!((seen.oddities.count(), seen.refused.len()), (0, 0));
    }
}

fn with_content(entry: Entry) -> (Entry, Vec<u8>) {
    let bytes = usize::try_from(entry.kind.stored_bytes()).unwrap();
    let content =
        (0..=250u8).cycle().map(|byte| byte ^ entry.path.first().unwrap_or(&0)).take(bytes).collect();
    (entry, content)
}

#[test]
fn a_header_of_its_own_is_written_only_for_what_has_no_room() {
    let plain = Entry {
        path: b"a".to_vec(),
        kind: EntryKind::File { size_bytes: 5 },
        mode: 0o644,
        owner: ((1 << 21) - 1, 0),
        modified: Modified { seconds: (1 << 33) - 1, nanoseconds: 0 },
    };
    let encoded = |entry: &Entry| {
        let mut out = BytesMut::new();
        encode::entry(entry, &mut out);
        out
    };
    let length = |change: fn(&mut Entry)| {
        let mut entry = plain.clone();
        change(&mut entry);
        encoded(&entry).len()
    };
    assert_eq!(length(|_| {}), 512);
    assert_eq!(length(|entry| entry.path = vec![b'a'; 98]), 512);
    assert_eq!(length(|entry| entry.path = vec![b'a'; 99]), 3 * 512);
    assert_eq!(length(|entry| entry.kind = EntryKind::Symlink(vec![b'a'; 100])), 512);
    assert_eq!(length(|entry| entry.kind = EntryKind::Symlink(vec![b'a'; 101])), 3 * 512);
    assert_eq!(length(|entry| entry.kind = EntryKind::File { size_bytes: 1 << 33 }), 512);
    assert_eq!(length(|entry| entry.kind = EntryKind::File { size_bytes: u64::MAX >> 1 }), 512);
    assert_eq!(length(|entry| entry.owner.1 = 1 << 21), 3 * 512);
    assert_eq!(length(|entry| entry.modified.seconds += 1), 3 * 512);
    assert_eq!(length(|entry| entry.modified.seconds = -1), 3 * 512);
    assert_eq!(length(|entry| entry.modified.nanoseconds = 1), 3 * 512);
    let plain = encoded(&plain);
    assert_eq!((&plain[..4], &plain[257..265]), (&b"./a\0"[..], &b"ustar\x0000"[..]));
}

#[test]
fn padding_fills_a_block_and_the_end_fills_a_record() {
    for (bytes, padding) in [(0, 0), (1, 511), (511, 1), (512, 0), (513, 511), (u64::MAX, 1)] {
        let mut out = BytesMut::new();
        encode::padding(bytes, &mut out);
        assert!(out.len() == padding && out.iter().all(|byte| *byte == 0), "{bytes}");
    }
    for (bytes, end) in [(0, 10240), (512, 9728), (9216, 1024), (9728, 10752), (10240, 10240)] {
        let mut out = BytesMut::new();
        encode::end(bytes, &mut out);
        assert!(out.len() == end && out.iter().all(|byte| *byte == 0), "{bytes}");
    }
}

/// One of each sort that other programs could stumble over.
fn nasty() -> Vec<(Entry, Vec<u8>)> {
    let entry = |path: &[u8], kind, mode| Entry {
        path: path.to_vec(),
        kind,
        mode,
        owner: (0, 0),
        modified: Modified { seconds: 1_441_238_400, nanoseconds: 0 },
    };
    let file = |path: &[u8], size_bytes| entry(path, EntryKind::File { size_bytes }, 0o640);
    let at =
        |entry: Entry, seconds, nanoseconds| Entry { modified: Modified { seconds, nanoseconds }, ..entry };
    let sparse = |path: &[u8], size_bytes, extents: &[(u64, u64)]| {
        let extents = extents.iter().map(|(at_bytes, bytes)| Extent { at_bytes: *at_bytes, bytes: *bytes });
        entry(path, EntryKind::Sparse { size_bytes, extents: extents.collect() }, 0o600)
    };
    let many: Vec<_> = (0..200).map(|number| (number * 10_000, 512)).collect();
    let long = "Länge/".repeat(30) + &"n".repeat(255);
    let entries = vec![
        entry(b"", EntryKind::Directory, 0o1777),
        entry(b"empty", EntryKind::Directory, 0o2750),
        entry(&[b'd'; 97], EntryKind::Directory, 0o700),
        entry(&[b'd'; 98], EntryKind::Directory, 0o700),
        file(&[b'f'; 98], 1),
        file(&[b'g'; 99], 1),
        file(long.as_bytes(), 700),
        // The hundredth byte of the name is a slash.
        file(&[&[b'h'; 97][..], b"/file"].concat(), 10),
        file(b"no \xff UTF-8 \xc3", 513),
        file(b" spaces\nand lines\t", 512),
        file(b"empty file", 0),
        at(file(b"nanoseconds", 1), 1_441_238_400, 123_456_789),
        at(file(b"before 1970", 1), -2, 500_000_000),
        at(file(b"at 1970", 1), 0, 0),
        at(file(b"far", 1), (1 << 33) + 5, 0),
        Entry { owner: (3_000_000, 0xffff_fffe), ..file(b"owner", 1) },
        entry(b"link", EntryKind::Symlink(b"/etc/\xff/../x".to_vec()), 0o777),
        entry(b"long link", EntryKind::Symlink(vec![b'l'; 4000]), 0o777),
        entry(b"hard", EntryKind::HardLink(long.clone().into_bytes()), 0o640),
        sparse(b"hole at its end", 100_000, &[(0, 512), (50_000, 1000)]),
        sparse(b"hole at its head", 100_000, &[(99_999, 1)]),
        sparse(b"hole alone", 100_000, &[]),
        sparse(b"nothing at all", 0, &[]),
        at(sparse(b"no hole \xff", 1100, &[(0, 1024), (1024, 76)]), -5, 1),
        sparse(&[&b"s"[..], &[b'\xfe'; 200], b"/", &[b's'; 255]].concat(), 3_000_000, &many),
    ];
    entries.into_iter().map(with_content).collect()
}

/// The content as it is on the disk, with its holes.
fn whole(entry: &Entry, content: &[u8]) -> Vec<u8> {
    let EntryKind::Sparse { size_bytes, extents } = &entry.kind else { return content.to_vec() };
    let mut whole = vec![0; usize::try_from(*size_bytes).unwrap()];
    let mut rest = content;
    for extent in extents {
        let (at, bytes) = (usize::try_from(extent.at_bytes).unwrap(), usize::try_from(extent.bytes).unwrap());
        whole[at..at + bytes].copy_from_slice(&rest[..bytes]);
        rest = &rest[bytes..];
    }
    whole
}

#[tokio::test]
async fn gnu_tar_unpacks_what_is_encoded() {
    let (directory, archive) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
    std::fs::write(archive.path(), archive_of(&nasty())).unwrap();

    let (file, to) = (archive.path().to_str().unwrap(), directory.path().to_str().unwrap());
    let output = run(&Local::default(), &["tar", "-xpf", file, "--numeric-owner", "-C", to]).await.unwrap();
    assert!(output.exit.success(), "{}", output.exit.stderr);
    let is_root = rustix::process::geteuid().is_root();
    for (entry, content) in nasty() {
        let path = directory.path().join(Path::new(std::ffi::OsStr::from_bytes(&entry.path)));
        let found = path.symlink_metadata().unwrap_or_else(|error| panic!("{path:?}: {error}"));
        match &entry.kind {
            EntryKind::Symlink(target) => {
                assert_eq!(path.read_link().unwrap().as_os_str().as_bytes(), target);
                continue;
            }
            EntryKind::Directory => assert!(found.is_dir()),
            EntryKind::HardLink(_) => assert_eq!(found.nlink(), 2),
            _ => assert!(std::fs::read(&path).unwrap() == whole(&entry, &content), "{path:?}"),
        }
        assert_eq!(found.mode() & 0o7777, entry.mode, "{path:?}");
        let time = (found.mtime(), found.mtime_nsec());
        assert_eq!(time, (entry.modified.seconds, entry.modified.nanoseconds.into()), "{path:?}");
        let owner = (u64::from(found.uid()), u64::from(found.gid()));
        assert!(!is_root || owner == entry.owner, "{path:?} {owner:?}");
    }
}

/// Says of each member what Python reads of it.
const PYTHON: &str = r"
import hashlib, math, os, sys, tarfile
for member in tarfile.open(sys.argv[1]):
    kind = 's' if member.issym() else 'l' if member.islnk() else 'd' if member.isdir() else 'f'
    content = hashlib.sha256(tarfile.open(sys.argv[1]).extractfile(member).read()).hexdigest() if kind == 'f' else ''
    print(os.fsencode(member.name).hex(), kind, oct(member.mode), member.uid, member.gid,
          math.floor(float(member.mtime) * 1e6), os.fsencode(member.linkname).hex(), content, sep=',')
";

#[tokio::test]
async fn python_reads_what_is_encoded() {
    let archive = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(archive.path(), archive_of(&nasty())).unwrap();
    let python = ["python3", "-c", PYTHON, archive.path().to_str().unwrap()];
    let output = run(&Local::default(), &python).await.unwrap();
    assert!(output.exit.success(), "{}", output.exit.stderr);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let below = |path: &[u8]| if path.is_empty() { b".".to_vec() } else { [b"./", path].concat() };
    let expected = nasty().into_iter().map(|(entry, content)| {
        let (kind, link, sum) = match &entry.kind {
            EntryKind::Symlink(target) => ('s', hex(target), String::new()),
            EntryKind::HardLink(target) => ('l', hex(&below(target)), String::new()),
            EntryKind::Directory => ('d', String::new(), String::new()),
            _ => ('f', String::new(), hex(&Sha256::digest(whole(&entry, &content)))),
        };
        let Modified { seconds, nanoseconds } = entry.modified;
        let time = seconds * 1_000_000 + i64::from(nanoseconds / 1000);
        let (name, (user, group)) = (hex(&below(&entry.path)), entry.owner);
        format!("{name},{kind},0o{:o},{user},{group},{time},{link},{sum}", entry.mode)
    });
    let found = String::from_utf8(output.stdout).unwrap();
    assert_eq!(found.lines().map(str::to_owned).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[test]
fn what_others_may_stumble_over_is_read_here() {
    let (kept, end) = scanned(&archive_of(&nasty()), Policy::default(), 700);
    end.unwrap();
    let Kept { entries, .. } = kept;
    assert_eq!(entries, nasty());
}
