//! Each archive of `tests/fixtures/tar` does what its row says, twice in a row, and changes nothing outside of its directory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::thread::scope;

use super::expected::{Outcome, Row, faults_of_any_run, fixtures, rows};
use super::sandbox::{Canary, Sandbox};
use super::tree::{Times, differences, lines};
use super::{list, load};
use crate::program::Ran;

/// How many archives are loaded at a time.
const WORKERS: usize = 3;

/// The exit code when the directory is not empty.
const OCCUPIED: i32 = 5;

/// What is wrong when an archive is loaded twice in a row. `load` loads an archive into the sandbox's directory, which is
/// empty, by whatever way: so the same archives show what a restore does on a host.
pub(crate) fn faults_of_loading(
    row: &Row,
    sandbox: &Sandbox,
    load: &dyn Fn(&Path, &Path) -> Ran,
) -> Vec<String> {
    twice_in_a_row(row, sandbox, || {
        let empty = sandbox.mode_and_owner();
        let ran = load(&row.path(), sandbox.target());
        let mut faults = row.faults_of_run(&ran);
        faults.extend(row.faults_of_tree(sandbox.target()));
        if row.outcome == Outcome::Refused && empty != sandbox.mode_and_owner() {
            faults.push("the directory itself has another mode or owner".to_owned());
        }
        if faults.is_empty() && row.leaves_something() {
            faults.extend(faults_of_loading_over(row, sandbox, load));
        }
        faults
    })
}

/// What is wrong when this is done twice in a row, each time into an empty directory: what it finds itself, and what it has changed
/// outside.
pub(super) fn twice_in_a_row(row: &Row, sandbox: &Sandbox, once: impl Fn() -> Vec<String>) -> Vec<String> {
    let before = sandbox.surroundings();
    for time in ["the first time", "the second time"] {
        let mut faults = once();
        sandbox.clear();
        let changed = differences(&before, &sandbox.surroundings());
        if !changed.is_empty() {
            faults.push(format!("it has changed what is outside: {changed:#?}"));
        }
        if !faults.is_empty() {
            return faults.into_iter().map(|fault| format!("{}, {time}: {fault}", row.archive)).collect();
        }
    }
    Vec::new()
}

/// What is wrong when an archive is loaded once more, over what it has left: nothing may change.
fn faults_of_loading_over(row: &Row, sandbox: &Sandbox, load: &dyn Fn(&Path, &Path) -> Ran) -> Vec<String> {
    let before = lines(&sandbox.tree(), Times::Nanoseconds);
    let ran = load(&row.path(), sandbox.target());
    let mut faults = faults_of_any_run(&ran, &[OCCUPIED]);
    let changed = differences(&before, &lines(&sandbox.tree(), Times::Nanoseconds));
    if !changed.is_empty() {
        faults.push(format!("loaded over itself, it has changed: {changed:#?}"));
    }
    faults
}

/// All of them are unpacked without the program in `host.rs`.
#[test]
fn each_sixth_archive_does_what_its_row_says_and_no_harm() {
    no_harm(rows().into_iter().step_by(6).collect());
}

#[test]
#[ignore = "tests/run --all runs it: all 394 archives take minutes"]
fn each_archive_does_what_its_row_says_and_no_harm() {
    no_harm(rows());
}

fn no_harm(rows: Vec<Row>) {
    let _canary = Canary::new();
    let (rows, faults) = (Mutex::new(rows), Mutex::new(Vec::new()));
    scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let sandbox = Sandbox::new();
                loop {
                    let Some(row) = rows.lock().unwrap().pop() else { break };
                    let mut found = faults_of_loading(&row, &sandbox, &load);
                    let listed = faults_of_any_run(&list(&row.path()), &row.list);
                    found.extend(listed.into_iter().map(|fault| format!("{}, listed: {fault}", row.archive)));
                    faults.lock().unwrap().extend(found);
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{} faults: {faults:#?}", faults.len());
}

/// The archives of a directory.
fn archives_in(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let archives = files.map(|file| (file.file_name().into_string().unwrap(), file.path()));
    let archives = archives.filter(|(name, _)| name.contains(".tar"));
    archives.map(|(name, path)| (name, fs::read(path).unwrap())).collect()
}

#[test]
fn the_archives_are_as_their_recipe_makes_them_and_each_has_a_row() {
    let scratch = tempfile::tempdir().unwrap();
    let made = Command::new("/usr/bin/python3").arg(fixtures().join("make.py")).arg(scratch.path()).status();
    assert!(made.unwrap().success());
    let (made, committed) = (archives_in(scratch.path()), archives_in(&fixtures()));
    let names = |archives: &BTreeMap<String, Vec<u8>>| archives.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(differences(&names(&committed), &names(&made)), Vec::<String>::new());
    let other: Vec<&String> =
        made.iter().filter(|(name, bytes)| committed[*name] != **bytes).map(|(name, _)| name).collect();
    assert!(other.is_empty(), "{other:?}");
    let rows: Vec<String> = rows().into_iter().map(|row| row.archive).collect();
    assert_eq!(differences(&names(&committed), &rows.iter().cloned().collect()), Vec::<String>::new());
    assert_eq!(rows.len(), committed.len(), "an archive has two rows");
}
