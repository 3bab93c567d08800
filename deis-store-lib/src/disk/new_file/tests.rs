//! Files that are written, left, gone on with and committed.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::{Duration, SystemTime};

use super::*;
use crate::disk::{Entry, partial_name};
use crate::key_path::{decode, encode};

fn root() -> (tempfile::TempDir, Root) {
    let directory = tempfile::tempdir().unwrap();
    let root = Root::open(directory.path()).unwrap();
    (directory, root)
}

fn write(root: &Root, key: &str) -> Committed {
    let mut file = root.new_object(key, "").unwrap();
    file.write_all(key.as_bytes()).unwrap();
    file.commit(0o400, None, false).unwrap()
}

fn read(root: &Root, path: &[String]) -> String {
    io::read_to_string(root.open_file(path).unwrap()).unwrap()
}

fn names(root: &Root) -> Vec<String> {
    root.list().unwrap().into_iter().map(|Entry { name, .. }| name.into_string().unwrap()).collect()
}

struct Seen(Vec<u8>);

impl Tap for Seen {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

#[test]
fn a_committed_file_has_its_bytes_mode_time_and_digest() {
    let (directory, root) = root();
    let mut file = root.new_file(&["d", "f"]).unwrap();
    file.write_all(b"abc").unwrap();
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_445_412_481);
    let committed = file.commit(0o400, Some(modified), true).unwrap();
    assert_eq!(committed, Committed { path: encode("d/f"), size_bytes: 3, sha256: Some(Sha256::of(b"abc")) });
    let metadata = directory.path().join("d/f").metadata().unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o400);
    assert_eq!(metadata.modified().unwrap(), modified);
    assert_eq!(read(&root, &committed.path), "abc");
}

#[test]
fn pieces_of_any_size_are_hashed_as_one() {
    let (_directory, root) = root();
    let bytes: Vec<u8> = (0..=255).cycle().take(5000).collect();
    let (mut file, mut seen) = (root.new_file(&["f"]).unwrap(), Seen(Vec::new()));
    let mut rest = bytes.as_slice();
    for size in [0, 1, 62, 1, 64, 63, 65, 128, 1000, 3616] {
        file.write_tapped(&Bytes::copy_from_slice(&rest[..size]), &mut seen).unwrap();
        rest = &rest[size..];
    }
    assert!(rest.is_empty() && seen.0 == bytes);
    let committed = file.commit(0o400, None, false).unwrap();
    assert_eq!((committed.size_bytes, committed.sha256), (5000, Some(Sha256::of(&bytes))));
}

#[test]
fn without_a_digest_the_bytes_are_written_and_shown_all_the_same() {
    let (_directory, root) = root();
    let (mut file, mut seen) = (root.new_file(&["f"]).unwrap().without_digest(), Seen(Vec::new()));
    file.write_tapped(&Bytes::from("ab"), &mut seen).unwrap();
    file.write_all(b"c").unwrap();
    let committed = file.commit(0o400, None, false).unwrap();
    assert_eq!(committed, Committed { path: encode("f"), size_bytes: 3, sha256: None });
    assert_eq!((read(&root, &committed.path).as_str(), seen.0.as_slice()), ("abc", &b"ab"[..]));
}

#[test]
fn until_it_is_committed_nothing_has_the_final_name_and_dropping_leaves_nothing() {
    let (_directory, root) = root();
    let mut file = root.new_file(&["f"]).unwrap();
    file.write_all(b"half").unwrap();
    assert_eq!(names(&root), [partial_name("f", "")]);
    drop(file);
    assert!(names(&root).is_empty());
}

#[test]
fn what_a_crash_left_does_not_block() {
    let (directory, root) = root();
    std::fs::write(directory.path().join(partial_name("k", "")), "left by a crash").unwrap();
    assert_eq!(read(&root, &write(&root, "k").path), "k");
    symlink("/etc/passwd", directory.path().join(partial_name("l", ""))).unwrap();
    assert_eq!(read(&root, &write(&root, "l").path), "l");
    assert_eq!(names(&root), ["k", "l"]);
}

#[test]
fn an_older_file_stays_whole_until_it_is_replaced() {
    let (_directory, root) = root();
    write(&root, "k");
    let mut file = root.new_object("k", "").unwrap();
    file.write_all(b"new").unwrap();
    assert_eq!(read(&root, &encode("k")), "k");
    file.commit(0o600, None, false).unwrap();
    assert_eq!(read(&root, &encode("k")), "new");
}

#[test]
fn two_writers_of_one_file_never_commit_a_half() {
    let (_directory, root) = root();
    let mut first = root.new_object("k", "").unwrap();
    first.write_all(b"ha").unwrap();
    assert_eq!(root.new_object("k", "").unwrap_err().kind(), ErrorKind::Locked);
    first.write_all(b"lf").unwrap();
    first.commit(0o600, None, false).unwrap();
    assert_eq!((names(&root), read(&root, &encode("k"))), (vec!["k".to_owned()], "half".to_owned()));
}

#[test]
fn where_another_one_has_taken_the_temporary_name_away_nothing_is_committed_or_removed() {
    let (directory, root) = root();
    let first = root.new_object("k", "").unwrap();
    let temporary = directory.path().join(partial_name("k", ""));
    std::fs::remove_file(&temporary).unwrap();
    std::fs::write(&temporary, "another's").unwrap();
    assert_eq!(first.commit(0o600, None, false).unwrap_err().kind(), ErrorKind::Locked);
    assert_eq!(std::fs::read_to_string(temporary).unwrap(), "another's");
}

const ETAG: &str = "900150983cd24fb0d6963f7d28e17f72";

#[test]
fn what_a_run_has_left_is_gone_on_with_by_the_next_one() {
    let (_directory, root) = root();
    let mut first = root.resume_object("d/k", ETAG).unwrap();
    first.write_all(b"a").unwrap();
    drop(first);
    assert_eq!(root.kind(&["d", "k"]).unwrap(), None);

    let mut seen = Seen(Vec::new());
    let mut second = root.resume_object("d/k", ETAG).unwrap();
    assert_eq!(second.left_bytes().unwrap(), 1);
    second.reread(&mut seen).unwrap();
    second.write_tapped(&Bytes::from("bc"), &mut seen).unwrap();
    assert_eq!(second.left_bytes().unwrap(), 0);
    let committed = second.commit(0o600, None, false).unwrap();
    assert_eq!((committed.sha256, seen.0.as_slice()), (Some(Sha256::of(b"abc")), &b"abc"[..]));
    assert_eq!(read(&root, &committed.path), "abc");
    assert_eq!(names(&root.subdirectory("d", false).unwrap()), ["k"]);
}

#[test]
fn what_was_left_is_of_no_use_for_other_bytes_and_can_be_thrown_away() {
    let (_directory, root) = root();
    root.resume_object("k", ETAG).unwrap().write_all(b"left").unwrap();
    let other = root.resume_object("k", &ETAG.replace('9', "8")).unwrap();
    assert_eq!(other.left_bytes().unwrap(), 0);
    drop(other);
    assert_eq!(names(&root), [partial_name("k", ETAG)], "an empty one does not stay");
    let mut again = root.resume_object("k", ETAG).unwrap();
    again.empty().unwrap();
    again.write_all(b"new").unwrap();
    again.commit(0o600, None, false).unwrap();
    assert_eq!(read(&root, &encode("k")), "new");
    root.resume_object("l", ETAG).unwrap().write_all(b"left").unwrap();
    root.resume_object("l", ETAG).unwrap().discard();
    assert_eq!(names(&root), ["k"]);
}

#[test]
fn two_runs_never_write_to_the_same_half() {
    let (_directory, root) = root();
    let mut first = root.resume_object("k", ETAG).unwrap();
    first.write_all(b"half").unwrap();
    assert_eq!(root.resume_object("k", ETAG).unwrap_err().kind(), ErrorKind::Locked);
    first.write_all(b" and half").unwrap();
    first.commit(0o600, None, false).unwrap();
    assert_eq!(read(&root, &encode("k")), "half and half");
}

#[test]
fn what_is_planted_where_the_half_would_be_is_replaced_and_not_written_to() {
    let (directory, root) = root();
    let (half, other) = (directory.path().join(partial_name("k", ETAG)), directory.path().join("other"));
    std::fs::write(&other, "other").unwrap();
    for plant in [symlink::<_, _> as fn(_, _) -> _, |other, half| std::fs::hard_link(other, half)] {
        plant(other.clone(), half.clone()).unwrap();
        let mut file = root.resume_object("k", ETAG).unwrap();
        file.write_all(b"new").unwrap();
        file.commit(0o600, None, false).unwrap();
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "other");
    }
}

#[test]
fn a_planted_symlink_at_the_target_is_neither_followed_nor_replaced() {
    let (directory, root) = root();
    symlink("/etc/passwd", directory.path().join("k")).unwrap();
    let error = root.new_object("k", "").unwrap().commit(0o600, None, false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Occupied);
    assert_eq!(names(&root), ["k"]);
}

#[test]
fn whichever_comes_later_of_file_and_directory_takes_the_suffix_and_keeps_it() {
    for (keys, paths) in [
        (["a", "a/b", "a/b/c"], ["a", "a%+/b", "a%+/b%+/c"]),
        (["a/b/c", "a/b", "a"], ["a/b/c", "a/b%+", "a%+"]),
        (["d/", "d//x", "d"], ["d/%-", "d/%-%+/x", "d%+"]),
    ] {
        let (_directory, root) = root();
        // The second time everything is found where it was put.
        for _ in 0..2 {
            for (key, path) in keys.iter().zip(paths) {
                let committed = write(&root, key);
                assert_eq!(committed.path.join("/"), path);
                assert_eq!(decode(&committed.path).as_deref(), Some(*key));
            }
        }
        for (key, path) in keys.iter().zip(paths) {
            let path: Vec<_> = path.split('/').map(str::to_owned).collect();
            assert_eq!(read(&root, &path), *key);
        }
    }
}

#[test]
fn a_directory_made_while_the_file_was_written_gives_it_the_suffix() {
    let (_directory, root) = root();
    let file = root.new_object("a", "").unwrap();
    write(&root, "a/b");
    assert_eq!(file.commit(0o400, None, false).unwrap().path, ["a%+"]);
}

#[test]
fn the_longest_name_with_suffix_fits() {
    let (_directory, root) = root();
    let key = "x".repeat(240);
    write(&root, &format!("{key}/y"));
    assert_eq!(write(&root, &key).path, [format!("{key}%+")]);
}

fn begun(root: &Root) -> NewFile {
    let mut file = root.new_file(&["f"]).unwrap();
    file.write_all(b"new").unwrap();
    file
}

const TIME: SystemTime = SystemTime::UNIX_EPOCH;

#[test]
fn a_name_that_is_taken_while_the_file_is_written_is_not_replaced() {
    let (directory, root) = root();
    let file = begun(&root);
    std::fs::write(directory.path().join("f"), "theirs").unwrap();
    let error = file.commit_as_named(0o600, Some(TIME), false).unwrap_err();
    assert_eq!((error.kind(), error.place().path().unwrap().ends_with("/f")), (ErrorKind::Occupied, true));
    assert_eq!((read(&root, &encode("f")).as_str(), names(&root)), ("theirs", vec!["f".to_owned()]));
    assert_eq!(
        begun(&root).rename_to_free(),
        Err(Errno::EXIST),
        "the file system decides, not a look before"
    );
    begun(&root).commit_as_named(0o640, Some(TIME), true).unwrap();
    let metadata = directory.path().join("f").metadata().unwrap();
    assert_eq!((metadata.permissions().mode() & 0o777, metadata.modified().unwrap()), (0o640, TIME));
    assert_eq!((read(&root, &encode("f")).as_str(), names(&root)), ("new", vec!["f".to_owned()]));
}

#[test]
fn a_file_that_was_named_gets_no_other_name() {
    let (directory, root) = root();
    std::fs::write(directory.path().join("f%+"), "theirs").unwrap();
    begun(&root).commit_as_named(0o600, Some(TIME), false).unwrap();
    assert_eq!((read(&root, &encode("f")).as_str(), names(&root).len()), ("new", 2));
    std::fs::remove_file(directory.path().join("f")).unwrap();
    for obstacle in ["directory", "symlink"] {
        let place = directory.path().join("f");
        match obstacle {
            "directory" => std::fs::create_dir(&place).unwrap(),
            _ => symlink("elsewhere", &place).unwrap(),
        }
        for replaces in [false, true] {
            let error = begun(&root).commit_as_named(0o600, Some(TIME), replaces).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Occupied, "{obstacle} {replaces}");
        }
        std::fs::remove_dir(&place).or_else(|_| std::fs::remove_file(&place)).unwrap();
    }
    assert_eq!(names(&root), ["f%+"]);
}
