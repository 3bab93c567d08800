//! Archives that are unpacked, and what is never written, wherever an archive or somebody else would have it.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

use bytes::BytesMut;
use tokio::io::AsyncReadExt as _;

use super::load::Loaded;
use super::tree::{
    as_nobody, block_on_as_nobody, deep, everything, is_root, mode_of, open_below, seen, time_of, whole,
};
use super::unpack::Unpacker;
use super::{Options, Owners, load_into, save};
use crate::archive::tar::{Entry, EntryKind, Extent, Modified, Policy, Sink, encode};
use crate::disk::Room;
use crate::error::{Error, ErrorKind, Result};
use crate::volume::members::Members;

const UNPACKING: &str = ".deis-store-unpacking";

fn entry(path: &str, kind: EntryKind) -> Entry {
    let mode = if kind == EntryKind::Directory { 0o750 } else { 0o640 };
    let owner = (rustix::process::geteuid().as_raw().into(), rustix::process::getegid().as_raw().into());
    Entry {
        path: path.into(),
        kind,
        mode,
        owner,
        modified: Modified { seconds: 1_000_000_000, nanoseconds: 5 },
    }
}

fn directory(path: &str) -> (Entry, &'static [u8]) {
    (entry(path, EntryKind::Directory), b"")
}

fn file(path: &str, content: &'static [u8]) -> (Entry, &'static [u8]) {
    (entry(path, EntryKind::File { size_bytes: content.len() as u64 }), content)
}

fn symbolic(path: &str, target: &str) -> (Entry, &'static [u8]) {
    (entry(path, EntryKind::Symlink(target.into())), b"")
}

fn hard(path: &str, first: &str) -> (Entry, &'static [u8]) {
    (entry(path, EntryKind::HardLink(first.into())), b"")
}

fn archive(entries: &[(Entry, &[u8])]) -> Vec<u8> {
    let mut out = BytesMut::new();
    for (entry, content) in entries {
        encode::entry(entry, &mut out);
        out.extend_from_slice(content);
        encode::padding(content.len() as u64, &mut out);
    }
    encode::end(out.len() as u64, &mut out);
    out.to_vec()
}

/// Unpacks entries with nothing that has looked at them before.
fn give(unpacker: &mut Unpacker, entries: &[(Entry, &[u8])]) -> Result<()> {
    let given = entries.iter().try_for_each(|(entry, content)| {
        unpacker.entry(entry, 0)?;
        content.chunks(100).try_for_each(|piece| unpacker.content(piece))?;
        unpacker.end()
    });
    given.map_err(|error: io::Error| error.downcast::<Error>().unwrap())
}

fn unpacker(top: &Path, options: Options) -> Unpacker {
    Unpacker::new(fs::File::open(top).unwrap().into(), top.to_owned(), options).unwrap()
}

/// The error with which entries are refused; nothing is outside then.
fn refused(entries: &[(Entry, &[u8])]) -> String {
    let (place, top) = place();
    let error = give(&mut unpacker(&top, everything()), entries).unwrap_err();
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "{error}");
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
    error.to_string()
}

/// A directory with nothing beside it.
fn place() -> (tempfile::TempDir, std::path::PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let top = place.path().join("top");
    fs::create_dir(&top).unwrap();
    (place, top)
}

async fn load(top: &Path, archive: &[u8]) -> Result<Loaded> {
    load_into(top, archive, whole(), everything()).await
}

fn names(top: &Path) -> Vec<String> {
    let all = seen(top).into_keys().filter(|path| !path.is_empty());
    all.map(|path| String::from_utf8(path).unwrap()).collect()
}

#[test]
fn what_is_in_it_twice_is_refused_by_name_but_for_a_directory() {
    let kinds = [file("x", b"1"), symbolic("x", "y"), hard("x", "first"), directory("x")];
    for one in &kinds {
        for other in &kinds {
            let entries = [file("first", b""), one.clone(), other.clone()];
            if one.0.kind == EntryKind::Directory && other.0.kind == EntryKind::Directory {
                let (_place, top) = place();
                give(&mut unpacker(&top, everything()), &entries).unwrap();
            } else {
                let error = refused(&entries);
                assert!(error.contains("the entry 'x' is in it twice"), "{error}");
            }
        }
    }
}

#[test]
fn nothing_is_written_below_what_the_archive_has_as_a_link_or_file() {
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().to_str().unwrap();
    for first in [symbolic("x", target), symbolic("x", "."), symbolic("x", "nowhere"), file("x", b"1")] {
        for below in
            [file("x/y", b"2"), directory("x/y"), directory("x/y/z"), symbolic("x/y", "z"), hard("x/y", "f")]
        {
            let error = refused(&[file("f", b""), first.clone(), below]);
            assert!(error.contains("the entry 'x/y") && error.contains("lies below"), "{error}");
        }
        assert!(names(outside.path()).is_empty());
    }
}

#[test]
fn a_path_that_leads_elsewhere_is_refused_also_if_nothing_has_looked_at_it_before() {
    for path in ["..", "../x", "a/../x", "/x", "a//x", "a/", ".", "a/./x", "a\0b", "a/\0"] {
        for entry in [file(path, b"x"), directory(path), symbolic(path, "x"), hard(path, "f")] {
            let error = refused(&[file("f", b""), entry]);
            assert!(error.contains("leads nowhere"), "{path:?} {error}");
        }
    }
    assert!(refused(&[file("", b"x")]).contains("leads nowhere"));
    for path in ["../x", "a/../f", "/etc/passwd", "", "f/", "f/x", "a\0b"] {
        refused(&[file("f", b""), directory("a"), hard("x", path)]);
    }
}

#[test]
fn a_hard_link_is_to_a_file_that_came_before_and_to_nothing_else() {
    let entries = [
        file("d/f", b"content"),
        symbolic("link", "d/f"),
        symbolic("dir", "d"),
        symbolic("outside", "/etc/passwd"),
        directory("e"),
    ];
    for (target, why) in [
        ("link", "is no file"),
        ("outside", "is no file"),
        ("dir/f", "is no file"),
        ("e", "is no file"),
        ("later", "has not come before"),
        ("e/f", "has not come before"),
        ("x", "has not come before"),
    ] {
        let error = refused(&[&entries[..], &[hard("x", target)]].concat());
        assert!(error.contains("the entry 'x' is a hard link to") && error.contains(why), "{target} {error}");
    }
    let (_place, top) = place();
    give(
        &mut unpacker(&top, everything()),
        &[&entries[..], &[hard("e/a", "d/f"), hard("b", "e/a")]].concat(),
    )
    .unwrap();
    let metadata = fs::metadata(top.join("b")).unwrap();
    assert_eq!((metadata.nlink(), metadata.ino()), (3, fs::metadata(top.join("d/f")).unwrap().ino()));
}

#[test]
fn a_symlink_needs_a_target_that_a_system_takes() {
    for target in ["", "a\0b", &"t".repeat(4096), &"t".repeat(100_000)] {
        assert!(refused(&[symbolic("x", target)]).contains("the entry 'x' is a symlink to"));
    }
}

#[test]
fn a_link_that_somebody_puts_there_meanwhile_is_not_followed() {
    let (outside, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir(outside.path().join("deeper")).unwrap();
    fs::write(outside.path().join("f"), "outside").unwrap();
    let before = seen(outside.path());
    let path = |name: &str| place.path().join(name);
    let mut unpacker = unpacker(place.path(), everything());
    let swap = |name: &str| {
        fs::rename(path(name), path(&format!("{name} moved"))).unwrap();
        symlink(outside.path(), path(name)).unwrap();
    };

    // It is held open: what comes goes to where it is by now.
    give(&mut unpacker, &[directory("held"), file("held/a", b"1")]).unwrap();
    swap("held");
    give(&mut unpacker, &[file("held/b", b"2")]).unwrap();
    assert_eq!(fs::read(path("held moved/b")).unwrap(), b"2");

    give(&mut unpacker, &[directory("left"), file("left/a", b"1"), file("other", b"")]).unwrap();
    swap("left");
    for entry in [file("left/b", b"x"), file("left/deeper/b", b"x"), hard("y", "left/f"), directory("left")] {
        let error = give(&mut unpacker, std::slice::from_ref(&entry)).unwrap_err();
        assert!(error.to_string().contains("left") || error.to_string().contains("'y'"), "{error}");
    }

    // A link where a file is about to come, and one where a directory gets its mode.
    symlink(outside.path().join("f"), path("f")).unwrap();
    assert!(give(&mut unpacker, &[file("f", b"x")]).unwrap_err().to_string().contains("twice"));
    give(&mut unpacker, &[directory("dressed"), file("last", b"")]).unwrap();
    swap("dressed");
    let error = unpacker.finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disk);
    assert_eq!(seen(outside.path()), before);
}

#[test]
fn more_than_there_is_room_for_is_refused_before_anything_of_it_is_written() {
    let room = |bytes, files| Options { room: Some(Room { bytes, files }), ..everything() };
    let (_place, top) = place();
    let mut unpacker = unpacker(&top, room(10, Some(6)));
    let bomb = (entry("bomb", EntryKind::File { size_bytes: 1 << 40 }), &b""[..]);
    let hole =
        EntryKind::Sparse { size_bytes: 1 << 40, extents: vec![Extent { at_bytes: 1 << 30, bytes: 2 }] };
    give(&mut unpacker, &[file("a", b"12345678")]).unwrap();
    for entry in [bomb, file("b", b"123")] {
        let error = give(&mut unpacker, std::slice::from_ref(&entry)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Guard);
        assert!(error.to_string().contains(&*String::from_utf8_lossy(&entry.0.path)), "{error}");
    }
    assert_eq!(names(&top), ["a"]);
    // Holes need no room, and nor does a further name. A directory is a file as any other, also one that has no entry.
    give(&mut unpacker, &[(entry("hole", hole), b"12"), hard("h", "a"), symbolic("s", "a"), directory("d")])
        .unwrap();
    assert_eq!(unpacker.done_for_tests(), (5, 10));
    give(&mut unpacker, &[file("e/empty", b"")]).unwrap();
    assert_eq!(give(&mut unpacker, &[file("f", b"")]).unwrap_err().kind(), ErrorKind::Guard);
}

#[test]
fn bytes_that_were_not_announced_or_did_not_come_are_an_error() {
    let (_place, top) = place();
    let mut unpacker = unpacker(&top, everything());
    let extents = vec![Extent { at_bytes: 0, bytes: 1 }, Extent { at_bytes: 5, bytes: 1 }];
    for kind in [EntryKind::File { size_bytes: 2 }, EntryKind::Sparse { size_bytes: 10, extents }] {
        for content in [&b"1"[..], b"123", b""] {
            let name = format!("{} {}", content.len(), matches!(kind, EntryKind::File { .. }));
            let error = give(&mut unpacker, &[(entry(&name, kind.clone()), content)]).unwrap_err();
            assert!(error.to_string().contains(&name), "{error}");
        }
    }
}

#[test]
fn what_the_disk_refuses_names_the_entry() {
    let (_place, top) = place();
    let mut unpacker = unpacker(&top, everything());
    let long = "n".repeat(256);
    let huge = EntryKind::Sparse { size_bytes: i64::MAX as u64, extents: vec![] };
    for entry in [file(&long, b""), directory(&long), symbolic(&long, "x"), file(&format!("{long}/x"), b"")] {
        let error = give(&mut unpacker, &[entry]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Disk);
        assert!(error.place().path().unwrap().contains(&long), "{error:?}");
    }
    let error = give(&mut unpacker, &[(entry("huge", huge), b"")]).unwrap_err();
    assert!(error.place().path().unwrap().ends_with("top/huge"), "{error:?}");
}

#[test]
fn owners_that_no_system_has_and_owners_that_this_user_cannot_give_are_refused() {
    let (_place, top) = place();
    for owner in [(1 << 32, 0), (0, u64::from(u32::MAX)), (u64::MAX, u64::MAX)] {
        let mut entry = file("x", b"");
        entry.0.owner = owner;
        if is_root() {
            assert!(refused(&[entry.clone()]).contains("'x' belongs to"));
        }
        let options = Options { owners: Owners::Mine, ..everything() };
        let _ = fs::remove_file(top.join("x"));
        give(&mut unpacker(&top, options), &[entry]).unwrap();
    }
    let error = as_nobody(move || {
        let options = Options { owners: Owners::Keep, ..everything() };
        Unpacker::new(fs::File::open("/").unwrap().into(), "/".into(), options).unwrap_err()
    });
    assert_eq!(error.kind(), ErrorKind::Denied);
}

#[test]
fn directories_get_what_they_get_when_all_is_in_them_and_the_later_entry_counts() {
    let (_place, top) = place();
    let mut closed = directory("closed");
    closed.0.mode = 0;
    let mut later = directory("twice");
    later.0.mode = 0o701;
    let mut unpacker = unpacker(&top, everything());
    give(
        &mut unpacker,
        &[
            closed,
            file("closed/f", b"1"),
            directory("closed/d"),
            directory("twice"),
            file("parents/of/f", b""),
            later,
            file("closed/d/f", b"2"),
            file("twice/f", b"3"),
        ],
    )
    .unwrap();
    unpacker.finish().unwrap();
    let metadata = |path: &str| fs::metadata(top.join(path)).unwrap();
    for (path, mode) in [("closed", 0), ("closed/d", 0o750), ("twice", 0o701)] {
        let found = metadata(path);
        assert_eq!(
            (found.mode() & 0o7777, found.mtime(), found.mtime_nsec()),
            (mode, 1_000_000_000, 5),
            "{path}"
        );
    }
    for path in ["parents", "parents/of"] {
        assert_eq!(metadata(path).mode() & 0o700, 0o700, "{path}");
        assert_eq!(metadata(path).uid(), rustix::process::geteuid().as_raw());
    }
    mode_of(&top.join("closed"), 0o700);
}

#[test]
fn few_handles_are_open_however_deep_it_goes() {
    let (_place, top) = place();
    let mut unpacker = unpacker(&top, everything());
    let mut most = 0;
    for (number, depth) in (1..=1000).chain((1..=1000).rev()).enumerate() {
        let path = deep(depth);
        let path = path.to_str().unwrap();
        let first = format!("{path}/{number}");
        give(&mut unpacker, &[directory(path), file(&first, b"x")]).unwrap();
        give(&mut unpacker, &[hard(&format!("{first} again"), &first)]).unwrap();
        most = most.max(open_below(&top));
    }
    unpacker.finish().unwrap();
    assert!((20..40).contains(&most), "{most}");
    assert_eq!(fs::metadata(top.join(deep(1000))).unwrap().mtime(), 1_000_000_000);
}

#[tokio::test]
async fn members_are_unpacked_alone_and_those_that_never_came_are_named() {
    let (_place, top) = place();
    let entries = [
        directory(""),
        directory("a"),
        file("a/f", b"1"),
        file("a/g", b"2"),
        file("b", b"3"),
        hard("c", "b"),
    ];
    let members = |paths: &[&str]| Options { members: Some(Members::new(paths).unwrap()), ..everything() };
    let load =
        |paths: &[&str]| load_into(&top, std::io::Cursor::new(archive(&entries)), whole(), members(paths));
    let loaded = load(&["a/f", "b", "x", "a/f/g"]).await.unwrap();
    assert_eq!(names(&top), ["a", "a/f", "b"]);
    assert_eq!((loaded.unpacked.entries, loaded.unpacked.passed_over), (2, 4));
    assert_eq!(loaded.unpacked.file_bytes, 2, "of what was wanted alone");
    assert_eq!(loaded.unpacked.missing, ["a/f/g", "x"]);
    assert_ne!(fs::metadata(&top).unwrap().mtime(), 1_000_000_000, "the directory itself is no member");
    fs::remove_dir_all(&top).unwrap();
    fs::create_dir(&top).unwrap();
    let error = load(&["c"]).await.unwrap_err();
    assert!(
        error.to_string().contains("'c' is a hard link to 'b', which is not among the members"),
        "{error}"
    );
    assert!(names(&top).is_empty());
}

#[tokio::test]
async fn an_unpacking_that_breaks_off_leaves_nothing_and_the_next_one_begins_afresh() {
    let entries = [directory("d"), file("d/f", b"1"), file("x", b"2")];
    let whole = archive(&entries);
    let evil = archive(&[&entries[..], &[file("x", b"2")]].concat());
    let (_place, top) = place();
    for _ in 0..2 {
        for broken in [&whole[..600], &whole[..2048], b"no archive", b"", &evil] {
            let error = load(&top, broken).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
            assert!(names(&top).is_empty());
        }
        let reader = whole[..1024].chain(Failing);
        let error = load_into(&top, reader, super::tree::whole(), everything()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert!(names(&top).is_empty());
    }
    fs::create_dir_all(top.join(UNPACKING).join("d")).unwrap();
    fs::write(top.join(UNPACKING).join("d/old"), "old").unwrap();
    load(&top, &whole).await.unwrap();
    assert_eq!(names(&top), ["d", "d/f", "x"]);
    assert_eq!(load(&top, &whole).await.unwrap_err().kind(), ErrorKind::Occupied);
}

#[tokio::test]
async fn an_archive_that_is_refused_is_not_waited_for() {
    static LARGE: [u8; 1 << 20] = [0; 1 << 20];
    let (_place, top) = place();
    let evil = archive(&[file("x", b"1"), file("x", b"2"), file("large", &LARGE)]);
    // The rest of it never comes.
    let (reader, mut writer) = tokio::io::duplex(4 << 20);
    tokio::io::AsyncWriteExt::write_all(&mut writer, &evil[..700_000]).await.unwrap();
    let loading = load_into(&top, reader, whole(), everything());
    let loaded = tokio::time::timeout(std::time::Duration::from_mins(1), loading).await.unwrap();
    assert!(loaded.unwrap_err().to_string().contains("twice"));
    assert!(names(&top).is_empty());
}

/// A reader whose source has gone.
struct Failing;

impl tokio::io::AsyncRead for Failing {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::task::Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

#[tokio::test]
async fn one_that_is_dropped_leaves_its_mark_and_one_that_runs_locks_the_others_out() {
    let (_place, top) = place();
    let whole = archive(&[directory("d"), file("d/f", b"1")]);
    let (reader, mut writer) = tokio::io::duplex(64);
    let first = tokio::spawn({
        let top = top.clone();
        async move { load_into(&top, reader, super::tree::whole(), everything()).await }
    });
    tokio::io::AsyncWriteExt::write_all(&mut writer, &whole[..1000]).await.unwrap();
    assert_eq!(load(&top, &whole).await.unwrap_err().kind(), ErrorKind::Locked);
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert_eq!(names(&top)[0], UNPACKING);
    load(&top, &whole).await.unwrap();
    assert_eq!(names(&top), ["d", "d/f"]);
}

#[tokio::test]
async fn what_a_volume_has_of_itself_gives_way_if_it_is_empty() {
    let entries = [directory("logs"), file("logs/app.log", b"1"), directory("lost+found")];
    let (_place, top) = place();
    fs::create_dir(top.join("logs")).unwrap();
    fs::create_dir(top.join("lost+found")).unwrap();
    load(&top, &archive(&entries)).await.unwrap();
    assert_eq!(names(&top), ["logs", "logs/app.log", "lost+found"]);

    for (entries, taken) in [(&entries[..], "lost+found/x"), (&[file("logs", b"")], "logs")] {
        let (_place, top) = place();
        fs::create_dir_all(top.join(taken)).unwrap();
        let before = seen(&top);
        let error = load(&top, &archive(entries)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Occupied, "{error}");
        assert_eq!(seen(&top).keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn the_directory_itself_gets_its_mode_and_time_at_the_end() {
    let (_place, top) = place();
    let mut itself = directory("");
    itself.0.mode = 0o1711;
    assert!(load(&top, &archive(&[itself, file("f", b"1")])).await.unwrap().dressed);
    let metadata = fs::metadata(&top).unwrap();
    assert_eq!(
        (metadata.mode() & 0o7777, metadata.mtime(), metadata.mtime_nsec()),
        (0o1711, 1_000_000_000, 5)
    );
    let missing = load(&top.join("missing"), &archive(&[])).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

#[test]
fn a_user_without_rights_unpacks_all_but_owners_and_what_they_would_give() {
    let place = tempfile::tempdir().unwrap();
    mode_of(place.path(), 0o777);
    let top = place.path().join("top");
    let with =
        |mode, (entry, content): (Entry, &'static [u8])| (Entry { mode, owner: (0, 0), ..entry }, content);
    let archive = archive(&[
        with(0o555, directory("")),
        with(0, directory("none")),
        with(0, directory("none/none")),
        with(0o400, file("none/none/f", b"1")),
        with(0o555, directory("read")),
        with(0o6755, file("read/setuid", b"2")),
        with(0o3777, directory("sticky")),
        with(0o777, symbolic("link", "read")),
    ]);
    let again = archive.clone();
    let path = top.clone();
    let loaded = block_on_as_nobody(async move {
        fs::create_dir(&path).unwrap();
        // It breaks off, with directories that do not let their user in.
        let fresh = path.join(UNPACKING);
        fs::create_dir_all(fresh.join("a/b")).unwrap();
        fs::write(fresh.join("a/b/f"), "x").unwrap();
        mode_of(&fresh.join("a/b"), 0o500);
        mode_of(&fresh.join("a"), 0);
        let options = || Options { owners: Owners::Mine, room: None, members: None };
        load_into(&path, &archive[..2048], whole(), options()).await.unwrap_err();
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
        load_into(&path, &again[..], whole(), options()).await.unwrap()
    });
    assert!(loaded.dressed);
    let modes: Vec<_> = names(&top)
        .iter()
        .map(|name| (name.clone(), fs::symlink_metadata(top.join(name)).unwrap()))
        .map(|(name, metadata)| format!("{name} {:o} {}", metadata.mode() & 0o7777, metadata.mtime()))
        .collect();
    assert_eq!(
        modes,
        [
            "link 777 1000000000",
            "none 0 1000000000",
            "none/none 0 1000000000",
            "none/none/f 400 1000000000",
            "read 555 1000000000",
            "read/setuid 755 1000000000",
            "sticky 1777 1000000000"
        ]
    );
    assert_eq!(fs::metadata(&top).unwrap().mode() & 0o777, 0o555);
}

#[test]
fn what_nobody_saves_nobody_loads() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for place in [&from, &to] {
        mode_of(place.path(), 0o777);
    }
    fs::create_dir(from.path().join("d")).unwrap();
    fs::write(from.path().join("d/f"), "content").unwrap();
    for path in ["d/f", "d", ""] {
        time_of(&from.path().join(path), 1_200_000_000, 9);
    }
    let (here, there) = (from.path().to_owned(), to.path().to_owned());
    let loaded = block_on_as_nobody(async move {
        let (mut saving, mut archive) = (save(&here).await.unwrap(), Vec::new());
        saving.read_to_end(&mut archive).await.unwrap();
        assert!(saving.finish().unwrap().is_complete());
        let options = Options { owners: Owners::Mine, room: None, members: None };
        load_into(&there, &archive[..], Policy::default(), options).await.unwrap()
    });
    // It belongs to root, who has let nobody write to it.
    assert_eq!(loaded.dressed, !is_root());
    assert_eq!(fs::read(to.path().join("d/f")).unwrap(), b"content");
    assert_eq!(fs::metadata(to.path().join("d")).unwrap().mtime(), 1_200_000_000);
}
