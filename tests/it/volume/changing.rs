//! Files that change while a directory is saved: the archive is valid, the file is named, and all others are as they were.
//!
//! The archive goes to a pipe that nobody reads, so that the program stops within the first large file: it has no room for
//! a second one in its memory. There the test changes a file, and only then reads on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use deis_store_tests::random::Sequence;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use super::tree::{Kind, Tree, content_of, read};
use crate::program::{Ran, command};

/// The size of each file: more than the program holds in memory, and of bytes that do not compress.
const FILE_BYTES: usize = 96 << 20;
const NAMES: [&str; 2] = ["one.log", "two.log"];

/// A command that saves this directory to its standard output: from here, or from a host.
type Save = fn(&Path) -> Command;

fn from_here(directory: &Path) -> Command {
    let mut command = command();
    command.args(["volume", "save", "-", "--path"]).arg(directory);
    command
}

/// A program that saves a directory with two large files and a small one, and stands still in the first of the two.
struct Saving {
    scratch: TempDir,
    child: Child,
    /// The large file that is being read, and the other one.
    read: String,
    next: String,
}

impl Saving {
    fn begin(save: Save) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("directory");
        fs::create_dir(&directory).unwrap();
        for (seed, name) in (0..).zip(NAMES) {
            fs::write(directory.join(name), content(seed)).unwrap();
        }
        fs::write(directory.join("zero.log"), "small\n").unwrap();
        fs::write(scratch.path().join("secret"), "secret\n").unwrap();
        let child = save(&directory).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let read = read_by_another_process(&directory);
        let next = NAMES.into_iter().find(|name| *name != read).unwrap().to_owned();
        Self { scratch, child, read, next }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join("directory").join(name)
    }

    /// Reads the archive to its end, and unpacks it with GNU tar.
    fn finish(mut self) -> Saved {
        let archive = self.scratch.path().join("archive");
        let (mut stdout, mut stderr) = (self.child.stdout.take().unwrap(), self.child.stderr.take().unwrap());
        let said = scope(|scope| {
            let said = scope.spawn(move || {
                let mut said = String::new();
                stderr.read_to_string(&mut said).unwrap();
                said
            });
            io::copy(&mut stdout, &mut File::create(&archive).unwrap()).unwrap();
            said.join().unwrap()
        });
        let ran = Ran { code: self.child.wait().unwrap().code(), stdout: String::new(), stderr: said };
        let unpacked = self.scratch.path().join("unpacked");
        fs::create_dir(&unpacked).unwrap();
        let tar =
            Command::new("tar").args(["-xzpf"]).arg(&archive).arg("-C").arg(&unpacked).output().unwrap();
        assert!(tar.status.success() && tar.stderr.is_empty(), "{tar:?}");
        Saved { tree: read(&unpacked), unpacked, ran, scratch: self.scratch }
    }
}

/// What a run has saved.
struct Saved {
    scratch: TempDir,
    ran: Ran,
    tree: Tree,
    unpacked: PathBuf,
}

impl Saved {
    /// It is done, says so of these files, and of no other one.
    #[track_caller]
    fn names(self, named: &[&str]) -> Self {
        let ran = self.ran.code(0);
        for name in NAMES {
            assert_eq!(ran.stderr.contains(name), named.contains(&name), "{name}: {ran:#?}");
        }
        assert!(!ran.stderr.contains("zero.log"), "{ran:#?}");
        Self { ran, ..self }
    }

    #[track_caller]
    fn has(self, name: &str, content: &[u8]) -> Self {
        assert!(
            content_of(&self.unpacked, name.as_bytes()) == content,
            "{name} is {:?}",
            self.tree.get(name.as_bytes())
        );
        self
    }

    /// It has the size that was seen first, and begins so.
    #[track_caller]
    fn begins(self, name: &str, content: &[u8]) -> Self {
        let saved = content_of(&self.unpacked, name.as_bytes());
        assert!(saved.len() == FILE_BYTES && saved.starts_with(content), "{name} has {} bytes", saved.len());
        self
    }

    /// No file that is outside of the directory is in the archive.
    fn has_no_secret(self) -> Self {
        let secret = fs::read(self.scratch.path().join("secret")).unwrap();
        for (path, file) in &self.tree {
            if let Kind::File { size_bytes, .. } = file.kind
                && size_bytes == secret.len() as u64
            {
                assert!(content_of(&self.unpacked, path) != secret, "{}", path.escape_ascii());
            }
        }
        self
    }
}

/// Bytes that do not compress: what comes again is too far back for deflate.
fn content(seed: u64) -> Vec<u8> {
    const PIECE_BYTES: usize = 1 << 20;
    let mut numbers = Sequence::new(seed);
    let piece: Vec<u8> = (0..PIECE_BYTES / 8).flat_map(|_| numbers.next_number().to_le_bytes()).collect();
    piece.repeat(FILE_BYTES / PIECE_BYTES)
}

/// The content of the file of this name, before anything changed it.
fn first(name: &str) -> Vec<u8> {
    content(NAMES.iter().position(|known| *known == name).unwrap() as u64)
}

/// The large file of a directory that another process has open, and goes on having open: it stands still.
fn read_by_another_process(directory: &Path) -> String {
    let begun = Instant::now();
    let (mut seen, mut times) = (None, 0);
    loop {
        assert!(begun.elapsed() < Duration::from_mins(1), "nothing reads {}", directory.display());
        sleep(Duration::from_millis(50));
        let now = opened_by_others(directory);
        times = if now.is_some() && now == seen { times + 1 } else { 0 };
        seen = now;
        if let (Some(name), 10..) = (&seen, times) {
            return name.clone();
        }
    }
}

fn opened_by_others(directory: &Path) -> Option<String> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let others = processes.filter(|process| process.file_name() != *std::process::id().to_string());
    // A process may end while it is looked at.
    let handles = others
        .filter_map(|process| fs::read_dir(process.path().join("fd")).ok())
        .flatten()
        .filter_map(Result::ok);
    let files = handles.filter_map(|handle| fs::read_link(handle.path()).ok());
    files.filter(|file| file.parent() == Some(directory)).find_map(|file| {
        let name = file.file_name()?.to_str()?.to_owned();
        NAMES.contains(&name.as_str()).then_some(name)
    })
}

fn an_appended_file_has_the_size_first_seen(save: Save) {
    let saving = Saving::begin(save);
    let (read, next) = (saving.read.clone(), saving.next.clone());
    OpenOptions::new().append(true).open(saving.path(&read)).unwrap().write_all(b"more\n").unwrap();
    saving.finish().names(&[&read]).has(&read, &first(&read)).has(&next, &first(&next));
}

fn a_file_that_grows_without_end_ends_in_the_archive(save: Save) {
    let saving = Saving::begin(save);
    let (read, done) = (saving.read.clone(), AtomicBool::new(false));
    let mut file = OpenOptions::new().append(true).open(saving.path(&read)).unwrap();
    let saved = scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                file.write_all(&[b'x'; 4096]).unwrap();
                sleep(Duration::from_millis(1));
            }
        });
        let saved = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| saving.finish()));
        done.store(true, Ordering::Relaxed);
        saved
    });
    saved.unwrap().names(&[&read]).has(&read, &first(&read));
}

fn a_truncated_file_is_filled_up(save: Save) {
    let saving = Saving::begin(save);
    let (read, next) = (saving.read.clone(), saving.next.clone());
    File::options().write(true).open(saving.path(&read)).unwrap().set_len(4096).unwrap();
    saving.finish().names(&[&read]).begins(&read, &first(&read)[..4096]).has(&next, &first(&next));
}

fn a_file_overwritten_in_place_is_named(save: Save) {
    let saving = Saving::begin(save);
    let (read, next) = (saving.read.clone(), saving.next.clone());
    let file = File::options().write(true).open(saving.path(&read)).unwrap();
    file.write_all_at(b"overwritten", FILE_BYTES as u64 - 100).unwrap();
    saving.finish().names(&[&read]).begins(&read, &first(&read)[..4096]).has(&next, &first(&next));
}

fn a_replaced_file_is_saved_as_it_was_and_named(save: Save) {
    let saving = Saving::begin(save);
    let (read, next) = (saving.read.clone(), saving.next.clone());
    let new = saving.scratch.path().join("new");
    fs::write(&new, "another one\n").unwrap();
    fs::rename(&new, saving.path(&read)).unwrap();
    saving.finish().names(&[&read]).has(&read, &first(&read)).has(&next, &first(&next));
}

fn a_file_removed_while_it_is_read_is_saved_as_it_was_and_named(save: Save) {
    let saving = Saving::begin(save);
    let (read, next) = (saving.read.clone(), saving.next.clone());
    fs::remove_file(saving.path(&read)).unwrap();
    saving.finish().names(&[&read]).has(&read, &first(&read)).has(&next, &first(&next));
}

fn a_file_removed_before_its_turn_is_left_out_and_named(save: Save) {
    let saving = Saving::begin(save);
    let (read, next) = (saving.read.clone(), saving.next.clone());
    fs::remove_file(saving.path(&next)).unwrap();
    let saved = saving.finish().names(&[&next]).has(&read, &first(&read));
    assert!(!saved.tree.contains_key(next.as_bytes()));
}

fn a_file_replaced_by_a_link_out_is_not_followed(save: Save) {
    let saving = Saving::begin(save);
    let (read, next) = (saving.read.clone(), saving.next.clone());
    fs::remove_file(saving.path(&next)).unwrap();
    symlink("../secret", saving.path(&next)).unwrap();
    let mut saved = saving.finish().has(&read, &first(&read)).has_no_secret();
    saved.ran = saved.ran.code(0);
    let kind = saved.tree.get(next.as_bytes()).map(|file| &file.kind);
    assert!(kind.is_none_or(|kind| *kind == Kind::Symlink(b"../secret".to_vec())), "{kind:?}");
}

fn a_file_replaced_by_a_fifo_is_not_waited_for(save: Save) {
    let saving = Saving::begin(save);
    let (read, next) = (saving.read.clone(), saving.next.clone());
    fs::remove_file(saving.path(&next)).unwrap();
    mknodat(CWD, saving.path(&next), FileType::Fifo, Mode::RWXU, 0).unwrap();
    saving.finish().names(&[&next]).has(&read, &first(&read));
}

/// A test of each of these, saved so.
macro_rules! tests {
    ($module:ident, $save:expr) => {
        mod $module {
            tests!(
                @each $save;
                an_appended_file_has_the_size_first_seen
                a_file_that_grows_without_end_ends_in_the_archive
                a_truncated_file_is_filled_up
                a_file_overwritten_in_place_is_named
                a_replaced_file_is_saved_as_it_was_and_named
                a_file_removed_while_it_is_read_is_saved_as_it_was_and_named
                a_file_removed_before_its_turn_is_left_out_and_named
                a_file_replaced_by_a_link_out_is_not_followed
                a_file_replaced_by_a_fifo_is_not_waited_for
            );
        }
    };
    (@each $save:expr; $($test:ident)*) => {
        $(
            #[test]
            fn $test() {
                super::$test($save);
            }
        )*
    };
}

tests!(here, super::from_here);
tests!(host, crate::volume::host::from_host);
