//! A connection that breaks in the middle of a backup and of a restore: it is made anew, and both end well.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use deis_store_tests::faulty::{Fault, Operation};

use super::site::{PLATFORM, STORE, Site, wait_until};
use crate::program::{Ran, alone, ran};

const OBJECTS: usize = 150;
/// How long the host is away: longer than all attempts of a client of S3 together.
const AWAY: Duration = Duration::from_secs(14);
const SHORTLY_AWAY: Duration = Duration::from_millis(700);

fn key(number: usize) -> String {
    format!("registry/images/{number:03}/layer")
}

fn body(number: usize) -> Vec<u8> {
    format!("layer {number} ").repeat(1000).into_bytes()
}

/// Files of more bytes than are sent before the volume's stream stands still.
fn fill(volume: &Path) {
    fs::create_dir(volume.join("logs")).unwrap();
    for number in 0..40 {
        let line = format!("line {number} of an app\n");
        fs::write(volume.join(format!("logs/app-{number}.log")), line.repeat(1000)).unwrap();
    }
}

/// The run, of which this is done meanwhile.
fn while_it_runs(mut command: Command, work: impl FnOnce()) -> Ran {
    std::thread::scope(|threads| {
        let running = threads.spawn(move || ran(&mut command));
        work();
        running.join().unwrap()
    })
}

fn differences(one: &Path, other: &Path) -> String {
    let output = Command::new("diff").arg("-r").args([one, other]).output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn an_sshd_that_is_killed_in_the_middle_of_a_backup_and_of_a_restore_costs_neither_of_them() {
    let mut old = Site::start(PLATFORM);
    fill(&old.volume());
    for number in 0..OBJECTS {
        old.gateway.store("registry", &key(number), &body(number));
    }
    let slow = || Fault::Delayed(Duration::from_millis(100));
    old.gateway.on(Operation::GetObject, "", 0..usize::MAX, slow());
    old.stall("dump");
    old.stall("tar");
    let repository = old.scratch.path().join("repository");
    let parts = "sql,registry,volume,config";
    let backup = old.command(&[
        "backup",
        repository.to_str().unwrap(),
        "--only",
        parts,
        "--json",
        "--progress",
        "plain",
    ]);
    let seen = while_it_runs(backup, || {
        wait_until("the dump has begun", || old.is_stalled("dump"));
        old.restart(SHORTLY_AWAY);
        wait_until("objects are read", || old.gateway.asked_for(Operation::GetObject).len() >= 30);
        old.restart(AWAY);
        wait_until("the volume is read", || old.is_stalled("tar"));
        old.restart(SHORTLY_AWAY);
    })
    .code(0);
    let seen = seen.says(&["broke: it is made anew", "is there again after", "once more from its beginning"]);
    let report = seen.json();
    assert_eq!(report["report"]["verdict"], "good", "{report:#}");
    let snapshot = report["report"]["snapshot"].as_str().unwrap();
    alone(&["verify", snapshot]).code(0);

    let mut new = Site::start(STORE);
    new.gateway.make_bucket("registry");
    new.gateway.on(Operation::PutObject, "", 0..usize::MAX, slow());
    new.stall("tar");
    let parts = "registry,volume";
    let restore =
        new.command(&["restore", snapshot, "--only", parts, "--yes", "--json", "--progress", "plain"]);
    while_it_runs(restore, || {
        wait_until("objects are written", || new.gateway.asked_for(Operation::PutObject).len() >= 30);
        new.restart(SHORTLY_AWAY);
        wait_until("the volume is written", || new.is_stalled("tar"));
        new.restart(SHORTLY_AWAY);
    })
    .code(0)
    .says(&["is there again after", "unpacked once more from its beginning"]);
    for number in 0..OBJECTS {
        assert_eq!(new.gateway.stored("registry", &key(number)), Some(body(number)), "{number}");
    }
    assert_eq!(differences(&old.volume(), &new.volume()), "");
}
