//! `sync` in all directions, `put -r` and `get -r`, each killed at system calls all over its way. Nothing has
//! a key or a name but what is whole, and the next run finishes the work.
//!
//! Calls are counted over all threads: strace writes a line for each, and delays each, so that the process is dead before it
//! has made many more.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::{Place, files, write};
use crate::program::{Ran, ran};

/// What changes something, or waits for an answer.
const CALLS: &str =
    "connect,sendto,sendmsg,writev,write,recvfrom,fsync,syncfs,renameat,renameat2,mkdirat,unlinkat";
const DELAY: &str = "delay_enter=1500";

/// How often each word is killed.
const KILLS: usize = 16;

type Files = BTreeMap<String, Vec<u8>>;

fn some_files() -> Files {
    let body = |seed: usize| (0..seed * 900).map(|index| u8::try_from(index * seed % 251).unwrap()).collect();
    let small = (1..=9).map(|seed| (format!("wal_005/{seed:02}"), body(seed)));
    small.chain([("base/big".to_owned(), vec![7; 1 << 20]), ("new".to_owned(), b"new".to_vec())]).collect()
}

/// A word that is killed again and again.
struct Word<'a> {
    place: &'a Place,
    words: Vec<String>,
}

impl Word<'_> {
    /// Runs it until it has made so many calls, and kills it; the calls that it has made, if it ended before.
    fn killed_after(&self, calls: usize) -> Result<(), usize> {
        let fifo = self.place.scratch.path().join("calls");
        let _ = fs::remove_file(&fifo);
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0)
            .unwrap();
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qqq", "-e", "signal=none", "-e", &format!("trace={CALLS}")]);
        strace.args(["-e", &format!("inject={CALLS}:{DELAY}"), "-o"]).arg(&fifo);
        let mut command = self.place.within(&strace);
        command.arg("s3").args(&self.words).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (mut made, mut first) = (0, None);
        for line in BufReader::new(fs::File::open(&fifo).unwrap()).lines() {
            let line = line.unwrap();
            // The first call is the main thread's.
            let pid =
                *first.get_or_insert_with(|| line.split_whitespace().next().unwrap().parse::<i32>().unwrap());
            made += 1;
            if made == calls {
                let pid = rustix::process::Pid::from_raw(pid).unwrap();
                // It may just have ended.
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
        let status = child.wait().unwrap();
        if status.success() { Err(made) } else { Ok(()) }
    }

    fn run(&self) -> Ran {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        ran(&mut self.place.words(&words))
    }
}

/// Kills a word all over its way. `prepare` makes all as it was before, `whole` looks at what a killed run has left, and
/// `done` at the end.
fn kill(word: &Word<'_>, prepare: impl Fn(), whole: impl Fn(&str), done: impl Fn(&str)) {
    prepare();
    let calls = word.killed_after(usize::MAX).unwrap_err();
    done("not killed");
    let mut kills = 0;
    for number in 1..=KILLS {
        prepare();
        let after = (calls * number / (KILLS + 1)).max(1);
        kills += usize::from(word.killed_after(after).is_ok());
        let context = format!("{:?} killed after {after} of {calls} calls", word.words);
        word.place.gateway.settle().unwrap();
        whole(&context);
        word.run().code(0);
        done(&context);
    }
    eprintln!("{:?}: {kills} kills within {calls} calls", word.words);
    assert!(kills * 4 > KILLS * 3, "only {kills} runs were killed");
}

/// A place whose bucket has these objects.
fn filled(files: &Files) -> Place {
    let objects: Vec<(&str, &[u8])> =
        files.iter().map(|(key, body)| (key.as_str(), body.as_slice())).collect();
    Place::with(&objects)
}

fn make_tree(place: &Place, files: &Files) {
    let _ = fs::remove_dir_all(place.directory());
    for (path, body) in files {
        write(&place.directory().join(path), body);
    }
}

/// Asserts that every object is as it was, or as it shall be.
fn objects_are_whole(place: &Place, bucket: &str, files: &Files, old: Option<&[u8]>, context: &str) {
    for (key, body) in files {
        let there = place.gateway.stored(bucket, key);
        assert!(
            there.is_none() || there.as_ref() == Some(body) || there.as_deref() == old,
            "{key}: {context}"
        );
    }
}

fn objects_are(place: &Place, bucket: &str, files: &Files, context: &str) {
    for (key, body) in files {
        assert!(place.gateway.stored(bucket, key).as_ref() == Some(body), "{key}: {context}");
    }
}

#[test]
fn a_killed_sync_upward_leaves_whole_objects_and_the_next_one_finishes() {
    let (place, all) = (Place::with(&[]), some_files());
    make_tree(&place, &all);
    let source = format!("{}/", place.directory().to_str().unwrap());
    let words = ["sync", &source, super::BUCKET, "--delete-removed"].map(str::to_owned).to_vec();
    let prepare = || {
        for key in all.keys() {
            place.gateway.delete("db_wal", key);
        }
        place.gateway.store("db_wal", "wal_005/07", b"older");
        place.gateway.store("db_wal", "gone", b"gone");
    };
    let whole = |context: &str| objects_are_whole(&place, "db_wal", &all, Some(b"older"), context);
    let done = |context: &str| {
        objects_are(&place, "db_wal", &all, context);
        assert_eq!(place.gateway.stored("db_wal", "gone"), None, "{context}");
    };
    kill(&Word { place: &place, words }, prepare, whole, done);
}

#[test]
fn a_killed_put_leaves_whole_objects_and_the_next_one_finishes() {
    let (place, all) = (Place::with(&[]), some_files());
    make_tree(&place, &all);
    let source = format!("{}/", place.directory().to_str().unwrap());
    let words = ["put", "-r", &source, "s3://db_wal/"].map(str::to_owned).to_vec();
    let prepare = || {
        for key in all.keys() {
            place.gateway.delete("db_wal", key);
        }
    };
    let whole = |context: &str| objects_are_whole(&place, "db_wal", &all, None, context);
    kill(&Word { place: &place, words }, prepare, whole, |context| {
        objects_are(&place, "db_wal", &all, context);
    });
}

#[test]
fn a_killed_get_leaves_whole_files_and_the_next_one_finishes() {
    let all = some_files();
    let place = filled(&all);
    let target = place.directory().to_str().unwrap().to_owned();
    let words = ["get", "-r", "--force", super::BUCKET, &target].map(str::to_owned).to_vec();
    let prepare = || {
        let _ = fs::remove_dir_all(place.directory());
        write(&place.directory().join("wal_005/07"), b"older");
    };
    let whole = |context: &str| {
        for (path, body) in files(&place.directory()) {
            let partial = path.contains("%part.");
            assert!(partial || all.get(&path) == Some(&body) || body == b"older", "{path}: {context}");
        }
    };
    let done = |context: &str| {
        let mut there = files(&place.directory());
        there.retain(|path, _| !path.contains("%part."));
        assert!(there == all, "{context}: {:?}", there.keys());
    };
    kill(&Word { place: &place, words }, prepare, whole, done);
}

#[test]
fn a_killed_sync_downward_leaves_whole_files_and_the_next_one_finishes() {
    let all = some_files();
    let place = filled(&all);
    let target = place.directory().to_str().unwrap().to_owned();
    let words = ["sync", super::BUCKET, &target, "--delete-removed"].map(str::to_owned).to_vec();
    let prepare = || {
        let _ = fs::remove_dir_all(place.directory());
        write(&place.directory().join("wal_005/07"), b"older");
        write(&place.directory().join("gone"), b"gone");
    };
    let whole = |context: &str| {
        for (path, body) in files(&place.directory()) {
            let known = path.contains("%part.") || path == "gone" || body == b"older";
            assert!(known || all.get(&path) == Some(&body), "{path}: {context}");
        }
    };
    let done = |context: &str| assert!(files(&place.directory()) == all, "{context}");
    kill(&Word { place: &place, words }, prepare, whole, done);
}

#[test]
fn a_killed_sync_between_two_clusters_leaves_whole_objects_and_the_next_one_finishes() {
    let all = some_files();
    let (from, to) = (filled(&all), Place::with(&[]));
    let cfg = crate::s3cmd::S3cmd::at(to.gateway.url().trim_start_matches("http://"), "AK", "SK");
    let spool = from.scratch.path().join("spool");
    fs::create_dir(&spool).unwrap();
    let file = cfg.path("s3cfg");
    let words =
        ["sync", super::BUCKET, super::BUCKET, "--to-s3cfg", &file, "--spool", spool.to_str().unwrap()];
    let words = words.map(str::to_owned).to_vec();
    let prepare = || {
        for key in all.keys() {
            to.gateway.delete("db_wal", key);
        }
        to.gateway.store("db_wal", "wal_005/07", b"older");
    };
    let whole = |context: &str| {
        to.gateway.settle().unwrap();
        objects_are_whole(&to, "db_wal", &all, Some(b"older"), context);
        assert_eq!(fs::read_dir(&spool).unwrap().count(), 0, "{context}: what was on its way has a name");
    };
    kill(&Word { place: &from, words }, prepare, whole, |context| objects_are(&to, "db_wal", &all, context));
}
