//! What goes out comes back: by our own hand, and by way of GNU tar.

use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use tokio::io::AsyncReadExt as _;

use super::tree::{assert_same, everything, nasty, seen, time_of, to_the_second, whole};
use super::{Saved, load_into, save};

async fn archive(from: &Path) -> (Vec<u8>, Saved) {
    let (mut saving, mut archive) = (save(from).await.unwrap(), Vec::new());
    saving.read_to_end(&mut archive).await.unwrap();
    (archive, saving.finish().unwrap())
}

/// What GNU tar makes with these arguments of some input.
async fn tar(arguments: &[&str], directory: &Path, input: Vec<u8>) -> Vec<u8> {
    let (arguments, directory) = (arguments.join(" "), directory.to_owned());
    tokio::task::spawn_blocking(move || {
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                &format!("LC_ALL=C tar --warning=no-timestamp -C \"$0\" --numeric-owner {arguments}"),
            ])
            .arg(directory);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let feeder = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, &input));
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && feeder.join().unwrap().is_ok(), "{arguments}");
        output.stdout
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn a_nasty_tree_goes_out_and_comes_back_as_it_was() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    nasty(from.path());
    let (archive, saved) = archive(from.path()).await;
    assert_eq!((saved.changed.count, saved.failed.count, saved.skipped.count), (0, 0, 0), "{saved:?}");
    assert_eq!(saved.archive.archive_bytes, archive.len() as u64);
    assert!(archive.len() < 8 << 20, "holes are no content: {}", archive.len());
    let loaded = load_into(to.path(), &archive[..], whole(), everything()).await.unwrap();
    assert_eq!(loaded.archive.summary.archive_bytes, archive.len() as u64);
    assert_eq!(loaded.unpacked.entries, saved.archive.entries);
    assert!(loaded.dressed);
    let seen_there = seen(from.path());
    assert_eq!(seen_there.len() as u64, saved.archive.entries);
    assert_same(&seen_there, &seen(to.path()));
    assert!(archive == self::archive(to.path()).await.0, "the same tree is the same archive");
}

#[tokio::test]
async fn gnu_tar_unpacks_ours_as_it_was() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    nasty(from.path());
    let (archive, _) = archive(from.path()).await;
    tar(&["-xpSf - --same-owner"], to.path(), archive).await;
    assert_same(&seen(from.path()), &seen(to.path()));
}

#[tokio::test]
async fn an_archive_of_gnu_tar_is_unpacked_as_it_was() {
    let from = tempfile::tempdir().unwrap();
    nasty(from.path());
    let there = seen(from.path());
    for format in ["gnu", "posix"] {
        let to = tempfile::tempdir().unwrap();
        let archive = tar(&["-cpSf - ", "--format", format, "."], from.path(), Vec::new()).await;
        load_into(to.path(), &archive[..], whole(), everything()).await.unwrap();
        let here = seen(to.path());
        if format == "gnu" {
            assert_same(&to_the_second(there.clone()), &to_the_second(here));
        } else {
            assert_same(&there, &here);
        }
    }
}

#[derive(Clone, Debug)]
enum Thing {
    File(Vec<u8>),
    Directory,
    Symlink(String),
    HardLink(usize),
}

fn thing() -> impl Strategy<Value = (Vec<String>, Thing, (i64, i64))> {
    let path = prop::collection::vec(prop_oneof!["[a-c]", "[a-b]{95,110}", "\\PC{1,8}"], 1..5);
    let thing = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..1500).prop_map(Thing::File),
        Just(Thing::Directory),
        "\\PC{1,120}".prop_map(Thing::Symlink),
        any::<usize>().prop_map(Thing::HardLink),
    ];
    (path, thing, (-4_000_000_000i64..10_000_000_000, 0i64..1_000_000_000))
}

fn build(top: &Path, things: &[(Vec<String>, Thing, (i64, i64))]) {
    let mut files = Vec::new();
    for (path, thing, (seconds, nanoseconds)) in things {
        if path.iter().any(|name| name.contains('/') || name == "." || name == "..") {
            continue;
        }
        let full = top.join(path.iter().collect::<std::path::PathBuf>());
        // Where the names are taken by something else, there is nothing.
        let made = std::fs::create_dir_all(full.parent().unwrap()).and_then(|()| match thing {
            Thing::File(bytes) if !full.exists() => {
                std::fs::write(&full, bytes).map(|()| files.push(full.clone()))
            }
            Thing::Directory => std::fs::create_dir_all(&full),
            Thing::Symlink(target) => std::os::unix::fs::symlink(target, &full),
            Thing::HardLink(at) if !files.is_empty() => std::fs::hard_link(&files[at % files.len()], &full),
            _ => Ok(()),
        });
        if made.is_ok() && full.symlink_metadata().is_ok() {
            time_of(&full, *seconds, *nanoseconds);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_tree_comes_back_as_it_was(things in prop::collection::vec(thing(), 0..25)) {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        build(from.path(), &things);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let saved = runtime.block_on(async {
            let (archive, saved) = archive(from.path()).await;
            load_into(to.path(), &archive[..], whole(), everything()).await.unwrap();
            saved
        });
        assert_same(&seen(from.path()), &seen(to.path()));
        prop_assert_eq!(saved.changed.count + saved.vanished.count + saved.failed.count, 0);
    }
}
