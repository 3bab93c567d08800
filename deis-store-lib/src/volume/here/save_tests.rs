//! What becomes of a tree that changes, or cannot be read, while an archive is made of it.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt as _;

use super::archiver::Archiver;
use super::tree::{as_nobody, deep, mode_of, open_below, time_of};
use super::{Noted, Saved, save};
use crate::archive::tar::{Entry, EntryKind, Policy, Scan, Sink};
use crate::error::ErrorKind;

/// An archive that is made a block at a time.
struct Slowly {
    archiver: Archiver,
    archive: Vec<u8>,
}

impl Slowly {
    fn new(top: &Path) -> Self {
        Self { archiver: Archiver::new(top).unwrap(), archive: Vec::new() }
    }

    /// Goes on until the archive has these bytes.
    fn until(&mut self, bytes: &[u8]) {
        while !self.archive.windows(bytes.len()).any(|window| window == bytes) {
            assert!(self.block() > 0, "the archive has ended");
        }
    }

    fn block(&mut self) -> usize {
        let mut room = [0; 512];
        let filled = self.archiver.fill(&mut room).unwrap();
        self.archive.extend_from_slice(&room[..filled]);
        filled
    }

    fn rest(mut self) -> (Vec<(Entry, Vec<u8>)>, Saved) {
        while self.block() > 0 {}
        (Entries::of(&self.archive), self.archiver.finish())
    }
}

/// The entries of an archive with their content.
#[derive(Default)]
struct Entries(Vec<(Entry, Vec<u8>)>);

impl Entries {
    fn of(archive: &[u8]) -> Vec<(Entry, Vec<u8>)> {
        let (mut scan, mut entries) = (Scan::new(Policy::default()), Self::default());
        scan.push(archive, &mut entries).unwrap();
        let scanned = scan.finish().unwrap();
        assert_eq!((scanned.oddities.count(), scanned.summary.entries), (0, entries.0.len() as u64));
        entries.0
    }
}

impl Sink for Entries {
    fn entry(&mut self, entry: &Entry, _: u64) -> io::Result<()> {
        self.0.push((entry.clone(), Vec::new()));
        Ok(())
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.last_mut().unwrap().1.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        let (entry, content) = self.0.last().unwrap();
        assert_eq!(entry.kind.stored_bytes(), content.len() as u64);
        Ok(())
    }
}

fn all(top: &Path) -> (Vec<(Entry, Vec<u8>)>, Saved) {
    Slowly::new(top).rest()
}

fn content<'a>(entries: &'a [(Entry, Vec<u8>)], path: &str) -> Option<&'a [u8]> {
    entries.iter().find(|(entry, _)| entry.path == path.as_bytes()).map(|(_, content)| &content[..])
}

/// The paths that are noted, with the words that were expected.
fn noted(noted: &Noted, words: &str) -> Vec<String> {
    assert_eq!(noted.count, noted.first.len() as u64);
    let what = noted.first.iter().filter(|note| note.what.contains(words));
    what.map(|note| note.path.clone()).collect()
}

/// A place with the files `a` and `b` of a hundred thousand bytes, and an archive of which the first bytes of `a` are made.
fn at_the_first_file() -> (tempfile::TempDir, Slowly) {
    let place = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        fs::write(place.path().join(name), name.repeat(100_000)).unwrap();
        time_of(&place.path().join(name), 1_000_000_000, 0);
    }
    let mut slowly = Slowly::new(place.path());
    slowly.until(b"aaaaaaaa");
    (place, slowly)
}

#[test]
fn a_file_that_grows_is_saved_with_its_first_size_and_named() {
    let (place, slowly) = at_the_first_file();
    let mut log = OpenOptions::new().append(true).open(place.path().join("a")).unwrap();
    log.write_all(b"more").unwrap();
    let (entries, saved) = slowly.rest();
    assert_eq!(content(&entries, "a").unwrap(), "a".repeat(100_000).as_bytes());
    assert_eq!(noted(&saved.changed, "grew"), ["a"]);
    assert_eq!((saved.changed.count, saved.vanished.count, saved.is_complete()), (1, 0, true));
}

#[test]
fn a_file_that_is_cut_off_is_filled_up_with_zeros_and_named() {
    let (place, slowly) = at_the_first_file();
    File::options().write(true).open(place.path().join("a")).unwrap().set_len(70_000).unwrap();
    let (entries, saved) = slowly.rest();
    let (kept, gone) = content(&entries, "a").unwrap().split_at(70_000);
    assert!(kept.iter().all(|byte| *byte == b'a') && gone == vec![0; 30_000]);
    assert_eq!(content(&entries, "b").unwrap(), "b".repeat(100_000).as_bytes());
    assert_eq!((saved.changed.count, noted(&saved.changed, "shrank")), (1, vec!["a".to_owned()]));
}

#[test]
fn a_file_that_is_removed_or_replaced_as_it_is_read_is_saved_as_it_was_and_named() {
    for replaced in [false, true] {
        let (place, slowly) = at_the_first_file();
        fs::remove_file(place.path().join("a")).unwrap();
        if replaced {
            fs::write(place.path().join("a"), "new").unwrap();
        }
        let (entries, saved) = slowly.rest();
        assert_eq!(content(&entries, "a").unwrap(), "a".repeat(100_000).as_bytes());
        assert_eq!(noted(&saved.changed, "removed or replaced"), ["a"]);
        assert_eq!(noted(&saved.changed, "what is in it"), ["."]);
    }
}

#[test]
fn a_file_that_is_written_over_as_it_is_read_is_named() {
    let (place, slowly) = at_the_first_file();
    let file = File::options().write(true).open(place.path().join("a")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"x", 90_000).unwrap();
    let (entries, saved) = slowly.rest();
    assert_eq!(content(&entries, "a").unwrap().len(), 100_000);
    assert_eq!(noted(&saved.changed, "changed as it was read"), ["a"]);
}

#[test]
fn what_goes_before_it_is_reached_has_vanished_and_what_takes_its_place_is_saved() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    fs::write(path("a"), "a".repeat(10_000)).unwrap();
    for name in ["file", "file to directory", "file to link"] {
        fs::write(path(name), "old").unwrap();
    }
    for name in ["directory", "directory to file"] {
        fs::create_dir(path(name)).unwrap();
        fs::write(path(name).join("below"), "old").unwrap();
    }
    symlink("old", path("link to file")).unwrap();
    let mut slowly = Slowly::new(place.path());
    slowly.until(b"aaaaaaaa");
    for name in ["file", "file to directory", "file to link", "link to file"] {
        fs::remove_file(path(name)).unwrap();
    }
    for name in ["directory", "directory to file"] {
        fs::remove_dir_all(path(name)).unwrap();
    }
    fs::create_dir(path("file to directory")).unwrap();
    symlink("new", path("file to link")).unwrap();
    fs::write(path("directory to file"), "new").unwrap();
    fs::write(path("link to file"), "new").unwrap();
    let (entries, saved) = slowly.rest();
    assert_eq!(noted(&saved.vanished, "removed before"), ["directory", "file"]);
    let kinds: Vec<_> = entries.iter().skip(2).map(|(entry, _)| (&entry.path[..], &entry.kind)).collect();
    let link = EntryKind::Symlink(b"new".to_vec());
    let file = EntryKind::File { size_bytes: 3 };
    assert_eq!(
        kinds,
        [
            (&b"directory to file"[..], &file),
            (b"file to directory", &EntryKind::Directory),
            (b"file to link", &link),
            (b"link to file", &file)
        ]
    );
}

#[test]
fn a_directory_that_goes_before_its_names_are_read_is_missing_and_no_mere_change() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("d")).unwrap();
    fs::write(place.path().join("d/file"), "x").unwrap();
    let mut slowly = Slowly::new(place.path());
    slowly.until(b"d/");
    fs::remove_dir_all(place.path().join("d")).unwrap();
    let (_, saved) = slowly.rest();
    assert_eq!(noted(&saved.failed, "cannot be read"), ["d"]);
    assert_eq!((saved.vanished.count, saved.is_complete()), (0, false));
}

#[test]
fn a_directory_that_is_swapped_for_a_link_leads_nowhere() {
    let (place, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = |name: &str| place.path().join(name);
    fs::write(outside.path().join("secret"), "secret").unwrap();
    for directory in ["now", "then"] {
        fs::create_dir(path(directory)).unwrap();
        fs::write(path(directory).join("a"), "a".repeat(10_000)).unwrap();
        fs::write(path(directory).join("secret"), "ours").unwrap();
    }
    let mut slowly = Slowly::new(place.path());
    slowly.until(b"aaaaaaaa");
    for directory in ["now", "then"] {
        fs::rename(path(directory), path(&format!("was {directory}"))).unwrap();
        symlink(outside.path(), path(directory)).unwrap();
    }
    let (entries, saved) = slowly.rest();
    assert_eq!(content(&entries, "now/secret").unwrap(), b"ours", "it is read by its handle");
    let then = entries.iter().find(|(entry, _)| entry.path == b"then").unwrap();
    assert_eq!(then.0.kind, EntryKind::Symlink(outside.path().as_os_str().as_bytes().to_vec()));
    assert!(entries.iter().all(|(_, content)| content != b"secret"));
    assert_eq!(noted(&saved.changed, "what is in it"), ["."]);
}

#[test]
fn a_directory_far_up_that_is_swapped_for_a_link_leads_nowhere_either() {
    let (place, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let below = place.path().join(deep(40));
    fs::create_dir_all(&below).unwrap();
    fs::write(below.join("a"), "a".repeat(10_000)).unwrap();
    fs::create_dir_all(outside.path().join(deep(40))).unwrap();
    for at in 0..40 {
        fs::write(place.path().join(deep(at)).join("secret"), "ours").unwrap();
        fs::write(outside.path().join(deep(at)).join("secret"), "secret").unwrap();
    }
    let mut slowly = Slowly::new(place.path());
    slowly.until(b"aaaaaaaa");
    fs::rename(place.path().join("d"), place.path().join("was")).unwrap();
    symlink(outside.path().join("d"), place.path().join("d")).unwrap();
    let (entries, saved) = slowly.rest();
    assert!(entries.iter().all(|(_, content)| content != b"secret"));
    assert_eq!(content(&entries, "secret").unwrap(), b"ours");
    assert!(content(&entries, "d/secret").is_none());
    assert!(saved.vanished.count + saved.failed.count > 20, "{saved:?}");
}

#[test]
fn what_no_archive_is_made_of_is_named_and_the_rest_is_saved() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    fs::create_dir_all(path("d/.deis-store-unpacking/below")).unwrap();
    fs::create_dir_all(path(".deis-store-unpacking/below")).unwrap();
    fs::write(path(".deis-store-x"), "").unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, path("d/fifo\n"), rustix::fs::Mode::RUSR).unwrap();
    let (entries, saved) = all(place.path());
    assert_eq!(entries.len(), 2);
    assert_eq!(
        noted(&saved.failed, "another name"),
        [".deis-store-x", "d/.deis-store-unpacking"],
        "it may be somebody's data"
    );
    assert_eq!(noted(&saved.skipped, "interrupted load"), [".deis-store-unpacking"]);
    assert_eq!(noted(&saved.skipped, "a socket"), ["socket"]);
    assert_eq!(noted(&saved.skipped, "a fifo"), ["d/fifo\\n"]);
    assert_eq!((saved.skipped.count, saved.archive.entries, saved.is_complete()), (3, 2, false));
}

#[test]
fn what_cannot_be_read_is_named_and_the_archive_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    mode_of(place.path(), 0o755);
    for name in ["a", "closed", "listed", "z"] {
        fs::create_dir(path(name)).unwrap();
        fs::write(path(name).join("file"), "x").unwrap();
    }
    fs::write(path("none"), "secret").unwrap();
    for (name, mode) in [("none", 0), ("closed", 0o711), ("listed", 0o744), ("a/file", 0o444)] {
        mode_of(&path(name), mode);
    }
    let top = place.path().to_owned();
    let (entries, saved) = as_nobody(move || all(&top));
    let paths: Vec<_> =
        entries.iter().map(|(entry, _)| String::from_utf8_lossy(&entry.path).into_owned()).collect();
    assert_eq!(paths, ["", "a", "a/file", "listed", "z", "z/file"]);
    assert_eq!(noted(&saved.failed, "Permission denied"), ["closed", "listed/file", "none"]);
    assert!(!saved.is_complete());
}

#[test]
fn a_path_that_no_archive_may_have_is_named() {
    let place = tempfile::tempdir().unwrap();
    let name = "n".repeat(250);
    let mut directory =
        rustix::fs::open(place.path(), rustix::fs::OFlags::PATH, rustix::fs::Mode::empty()).unwrap();
    for _ in 0..20 {
        rustix::fs::mkdirat(&directory, &*name, rustix::fs::Mode::RWXU).unwrap();
        directory =
            rustix::fs::openat(&directory, &*name, rustix::fs::OFlags::PATH, rustix::fs::Mode::empty())
                .unwrap();
    }
    let (entries, saved) = all(place.path());
    assert_eq!((entries.len(), saved.failed.count), (17, 1));
    assert!(saved.failed.first[0].what.contains("longer"));
    assert_eq!(saved.failed.first[0].path.len(), 17 * 251 - 1);
}

#[test]
fn entries_come_in_the_order_of_their_names_and_hard_links_after_their_file() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &[u8]| place.path().join(OsStr::from_bytes(name));
    fs::create_dir(path(b"d")).unwrap();
    for name in [&b"d-"[..], b"d/z", b"\xff", b"d0", b"D"] {
        fs::write(path(name), name).unwrap();
    }
    fs::hard_link(path(b"\xff"), path(b"d/a")).unwrap();
    let (entries, _) = all(place.path());
    let paths: Vec<_> = entries.iter().map(|(entry, _)| &entry.path[..]).collect();
    assert_eq!(paths, [&b""[..], b"D", b"d", b"d/a", b"d/z", b"d-", b"d0", b"\xff"]);
    assert_eq!(entries[7].0.kind, EntryKind::HardLink(b"d/a".to_vec()));
    assert_eq!(content(&entries, "d/a").unwrap(), b"\xff");
}

#[test]
fn few_handles_are_open_however_deep_it_goes() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir_all(place.path().join(deep(1000))).unwrap();
    for at in [0, 1, 500, 983, 984, 999] {
        fs::write(place.path().join(deep(at)).join("a file"), "x").unwrap();
    }
    let mut slowly = Slowly::new(place.path());
    let mut most = 0;
    while slowly.block() > 0 {
        most = most.max(open_below(place.path()));
    }
    assert!((10..25).contains(&most), "{most}");
    let saved = slowly.archiver.finish();
    assert_eq!((saved.archive.entries, saved.failed.count, saved.vanished.count), (1007, 0, 0));
}

#[tokio::test]
async fn a_reader_that_is_dropped_stops_the_work() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("x"), vec![b'x'; 5 << 20]).unwrap();
    let mut saving = save(place.path()).await.unwrap();
    saving.read_exact(&mut [0; 2000]).await.unwrap();
    assert!(open_below(place.path()) > 0);
    drop(saving);
    let begun = Instant::now();
    while open_below(place.path()) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_reader_gives_what_the_archiver_makes_and_its_end_alone_is_a_result() {
    let place = tempfile::tempdir().unwrap();
    for (name, size) in [("a", (3 << 20) + 5), ("b", 100), ("c", 1 << 20)] {
        fs::write(place.path().join(name), vec![b'x'; size]).unwrap();
    }
    let mut slowly = Slowly::new(place.path());
    while slowly.block() > 0 {}
    let (mut saving, mut archive) = (save(place.path()).await.unwrap(), Vec::new());
    saving.read_to_end(&mut archive).await.unwrap();
    assert!(archive == slowly.archive);
    assert_eq!(saving.finish().unwrap(), slowly.archiver.finish());
    let mut saving = save(place.path()).await.unwrap();
    saving.read_exact(&mut [0; 2000]).await.unwrap();
    assert_eq!(saving.finish().unwrap_err().kind(), ErrorKind::Internal);
    let missing = save(&place.path().join("missing")).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn an_archive_that_ends_with_a_piece_has_an_end() {
    // The reader takes a piece that is not full for the last.
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("a"), vec![b'x'; (1 << 20) - 512 * 4]).unwrap();
    let mut slowly = Slowly::new(place.path());
    while slowly.block() > 0 {}
    let (mut saving, mut archive) = (save(place.path()).await.unwrap(), Vec::new());
    saving.read_to_end(&mut archive).await.unwrap();
    assert!(archive == slowly.archive);
    saving.finish().unwrap();
}
