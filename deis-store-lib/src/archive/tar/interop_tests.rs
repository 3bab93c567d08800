//! What GNU tar and Python have packed comes through this reader as it was.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use tempfile::TempDir;

use super::made::{passed, scanned};
use super::{EntryKind, Policy};
use crate::remote::{Local, run};

/// What the test's own programs print.
async fn output_of(command: &[&str]) -> Vec<u8> {
    let output = run(&Local::default(), command).await.unwrap();
    assert!(output.exit.success(), "{command:?}: {}", output.exit.stderr);
    output.stdout
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A directory with one of each sort. Where a format has no room for the long names and times, there are none.
fn tree(has_room: bool) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &[u8]| directory.path().join(std::ffi::OsStr::from_bytes(name));
    std::fs::create_dir_all(path(b"logs/empty")).unwrap();
    std::fs::write(path(b"logs/a.log"), "line\n".repeat(1000)).unwrap();
    std::fs::write(path(b"no \xff UTF-8"), [b'x'; 513]).unwrap();
    std::fs::write(path(b"new\nline"), "").unwrap();
    std::os::unix::fs::symlink("/nowhere", path(b"link")).unwrap();
    std::fs::hard_link(path(b"logs/a.log"), path(b"same")).unwrap();
    std::fs::set_permissions(path(b"logs"), std::os::unix::fs::PermissionsExt::from_mode(0o3775)).unwrap();
    for length in 90..if has_room { 100 } else { 98 } {
        std::fs::write(path(&vec![b'n'; length]), "x").unwrap();
    }
    if has_room {
        let long = ["deep/".repeat(40).as_bytes(), &[b'\xfe'; 255]].concat();
        let long = path(&long);
        std::fs::create_dir_all(long.parent().unwrap()).unwrap();
        std::fs::write(&long, "long").unwrap();
        std::fs::hard_link(&long, path(b"same as long")).unwrap();
        std::os::unix::fs::symlink("t".repeat(500), path(b"long link")).unwrap();
        let old = std::time::UNIX_EPOCH - std::time::Duration::from_secs(100);
        std::fs::File::open(path(b"new\nline")).unwrap().set_modified(old).unwrap();
    }
    directory
}

/// What is below a directory, by its kind, mode, number of names, time, size, name, target and content.
async fn listing(directory: &Path, time: &str) -> Vec<String> {
    let below = "( -type d -printf".split(' ').map(str::to_owned);
    let line = |size: &str| format!("%P|%y %m {time} {size} %l|\\0");
    let find: Vec<_> = ["find", text(directory)].map(str::to_owned).into_iter().chain(below).collect();
    let find =
        [find, vec![line(""), ")".to_owned(), "-o".to_owned(), "-printf".to_owned(), line("%n %s")]].concat();
    let find: Vec<&str> = find.iter().map(String::as_str).collect();
    let sums = "cd \"$1\" && find . -type f -print0 | sort -z | xargs -0 sha256sum";
    let sums = output_of(&["env", "LC_ALL=C", "sh", "-c", sums, "sh", text(directory)]).await;
    let found = output_of(&find).await;
    let mut lines: Vec<String> =
        found.split(|byte| *byte == 0).map(|line| line.escape_ascii().to_string()).collect();
    lines.sort();
    lines.push(sums.escape_ascii().to_string());
    lines
}

/// Rewrites an archive, and has GNU tar unpack that.
async fn unpacked(archive: &[u8]) -> TempDir {
    let (fresh, result) = passed(archive, 10_000).await;
    result.unwrap();
    let (file, directory) = (tempfile::NamedTempFile::new().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(file.path(), fresh).unwrap();
    output_of(&["tar", "-xpf", text(file.path()), "--numeric-owner", "-C", text(directory.path())]).await;
    directory
}

#[tokio::test]
async fn what_gnu_tar_packs_comes_through_as_it_was_in_each_of_its_formats() {
    for (format, has_room, time) in [
        ("gnu", true, "%Ts"),
        ("oldgnu", true, "%Ts"),
        ("posix", true, "%T@"),
        ("ustar", false, "%Ts"),
        ("v7", false, "%Ts"),
    ] {
        let from = tree(has_room);
        let format = format!("--format={format}");
        let tar = ["tar", "-cpf", "-", "--numeric-owner", &format, "-C", text(from.path()), "."];
        let archive = output_of(&tar).await;
        let to = unpacked(&archive).await;
        let (expected, found) = (listing(from.path(), time).await, listing(to.path(), time).await);
        assert!(expected.len() > 15 && expected == found, "{format}: {expected:#?} {found:#?}");
    }
}

/// Packs a directory as Python does in one of its formats.
const PYTHON: &str = "
import sys, tarfile
formats = {'gnu': tarfile.GNU_FORMAT, 'pax': tarfile.PAX_FORMAT, 'ustar': tarfile.USTAR_FORMAT}
with tarfile.open(sys.argv[1], 'w', format=formats[sys.argv[2]]) as archive:
    archive.add(sys.argv[3], '.')
";

#[tokio::test]
async fn what_python_packs_comes_through_as_it_was_in_each_of_its_formats() {
    for (format, has_room) in [("gnu", true), ("pax", true), ("ustar", false)] {
        let (from, file) = (tree(has_room), tempfile::NamedTempFile::new().unwrap());
        output_of(&["python3", "-c", PYTHON, text(file.path()), format, text(from.path())]).await;
        let to = unpacked(&std::fs::read(file.path()).unwrap()).await;
        // Python writes times of its pax headers as it prints a number with a point.
        let (expected, found) = (listing(from.path(), "%Ts").await, listing(to.path(), "%Ts").await);
        assert!(expected.len() > 15 && expected == found, "{format}: {expected:#?} {found:#?}");
    }
}

#[tokio::test]
async fn a_sparse_file_comes_through_with_its_holes_in_each_form() {
    let from = tempfile::tempdir().unwrap();
    let sized = |name: &str, size: u64| {
        let file = std::fs::File::create(from.path().join(name)).unwrap();
        file.set_len(size).unwrap();
        file
    };
    let many = sized("many holes", (60 << 20) + 5);
    for place in (0..60u64).map(|n| n << 20).chain([60 << 20]) {
        many.write_all_at(b"line\n", place).unwrap();
    }
    sized("a hole at its end", 10 << 20).write_all_at(b"line\n", 1 << 20).unwrap();
    sized("a hole alone", 9 << 30);
    sized("no hole", 5).write_all_at(b"line\n", 0).unwrap();
    drop(many);
    for form in [
        &["--format=gnu"][..],
        &["--format=oldgnu"],
        &["--format=posix", "--sparse-version=0.0"],
        &["--format=posix", "--sparse-version=0.1"],
        &["--format=posix", "--sparse-version=1.0"],
    ] {
        let tar = [&["tar", "-cSf", "-"], form, &["-C", text(from.path()), "."]].concat();
        let archive = output_of(&tar).await;
        assert!(archive.len() < 1 << 20, "it is sparse: {}", archive.len());
        for piece_bytes in [512, 1000, 1 << 20] {
            let (kept, end) = scanned(&archive, Policy::default(), piece_bytes);
            let seen = end.unwrap();
            let (entries, bytes) = (seen.summary.entries, seen.summary.file_bytes);
            assert_eq!((entries, bytes), (5, (9 << 30) + (70 << 20) + 10), "{form:?}");
            assert_eq!((seen.refused.len(), seen.oddities.count()), (0, 0), "{form:?}");
            let sparse: Vec<_> = kept
                .entries
                .iter()
                .filter_map(|(entry, _)| match &entry.kind {
                    EntryKind::Sparse { extents, .. } => Some((entry.path.clone(), extents.len())),
                    _ => None,
                })
                .collect();
            let extents = |name: &[u8]| sparse.iter().find(|(path, _)| path == name).map(|(_, count)| *count);
            assert_eq!(extents(b"many holes"), Some(61), "{form:?}");
            assert_eq!((extents(b"a hole alone"), extents(b"no hole")), (Some(0), None), "{form:?}");
        }
        let to = unpacked(&archive).await;
        for name in ["many holes", "a hole at its end", "no hole"] {
            let read = |directory: &TempDir| std::fs::read(directory.path().join(name)).unwrap();
            assert!(read(&from) == read(&to), "{form:?} {name}");
        }
        let restored = to.path().join("a hole alone").metadata().unwrap();
        let blocks = std::os::unix::fs::MetadataExt::blocks(&restored);
        assert!(restored.len() == 9 << 30 && blocks < 100, "{form:?} {blocks}");
    }
}
