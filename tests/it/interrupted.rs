//! Interrupted runs: they leave nothing that looks finished, and the next run goes on from there.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use deis_store_tests::process::send_signal;

use crate::clusters::a;
use crate::program::{alone, command, on, ran};

fn backup(repository: &Path) -> Command {
    let a = a();
    let mut command = command();
    command.env("AWS_ACCESS_KEY_ID", &a.access_key).env("AWS_SECRET_ACCESS_KEY", &a.secret_key);
    command.args(["--gateway", &a.gateways[0], "backup", repository.to_str().unwrap()]);
    command
}

/// A backup that has begun to write objects.
fn begun(repository: &Path) -> Child {
    let mut command = backup(repository);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    while !unfinished(repository).iter().any(|name| repository.join(name).join("db_wal").exists()) {
        assert!(Instant::now() < end, "the backup begins to write");
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

fn names(repository: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(repository) else { return Vec::new() };
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("20"))
        .collect()
}

fn unfinished(repository: &Path) -> Vec<String> {
    names(repository).into_iter().filter(|name| name.ends_with(".unfinished")).collect()
}

#[test]
fn a_backup_that_is_asked_to_stop_leaves_nothing_that_looks_finished_and_the_next_one_goes_on() {
    for signal in ["TERM", "INT"] {
        let scratch = tempfile::tempdir().unwrap();
        let mut child = begun(scratch.path());
        deis_store_tests::process::signal(signal, &child.id().to_string());
        assert_eq!(child.wait().unwrap().code(), Some(130), "{signal}");
        assert_eq!(names(scratch.path()), unfinished(scratch.path()), "{signal}");
        ran(&mut backup(scratch.path())).code(0);
        assert_eq!((names(scratch.path()).len(), unfinished(scratch.path()).len()), (1, 0), "{signal}");
    }
}

#[test]
fn a_backup_that_is_killed_is_never_taken_for_a_finished_one() {
    let scratch = tempfile::tempdir().unwrap();
    let mut child = begun(scratch.path());
    send_signal("KILL", child.id());
    assert_eq!(child.wait().unwrap().code(), None);
    let left = unfinished(scratch.path());
    assert_eq!(names(scratch.path()), left);
    let path = scratch.path().join(&left[0]);
    alone(&["verify", path.to_str().unwrap()]).code(4).says(&["did not finish", "to do:"]);

    let next = on(&a(), &["backup", scratch.path().to_str().unwrap(), "--only", "config"]);
    next.code(0).says(&[&left[0], "interrupted run"]);
    assert_eq!(names(scratch.path()).len(), 2);
}
