//! A host's directory: what its tar packs comes here, and what comes from here is unpacked by it, and nothing does harm.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, OnceLock};

use deis_store::remote::{Local, Remote};
use deis_store::run::Run;
use deis_store::volume::{Directory, LoadOptions, load_file};

use super::expected::{Outcome, rows};
use super::sandbox::{Canary, Sandbox};
use super::tree::{Times, differences, lines, read};
use crate::program::ran;
use crate::reaching::site::{STORE, Site};

/// A host that all tests of this file share.
fn site() -> &'static Site {
    static SITE: OnceLock<Site> = OnceLock::new();
    SITE.get_or_init(|| Site::start(STORE))
}

/// A command that saves a directory of the host to its standard output.
pub(super) fn from_host(directory: &Path) -> Command {
    let mut command = site().command(&["volume", "save", "-", "--compress", "here", "--path"]);
    command.arg(directory);
    command
}

/// A host's tar is given a fresh archive, so that nothing that an archive has reaches it.
#[test]
fn each_archive_does_no_harm_where_a_hosts_tar_unpacks_it_twice_in_a_row() {
    let _canary = Canary::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let sandbox = Sandbox::new();
    let host: Arc<dyn Remote> = Arc::new(Local::default());
    let directory = Directory::on(host, sandbox.target().to_str().unwrap());
    let (options, run, mut faults) = (LoadOptions::default(), Run::default(), Vec::new());
    for row in rows() {
        let archive = row.path();
        let before = sandbox.surroundings();
        for _ in 0..2 {
            let load = load_file(&directory, &archive, &options, &run);
            match (runtime.block_on(load), row.outcome == Outcome::Refused) {
                (Ok(_), true) => faults.push(format!("{} was loaded", row.archive)),
                (Err(error), false) => faults.push(format!("{}: {error}", row.archive)),
                (Ok(_), false) => faults.extend(row.faults_of_tree(sandbox.target())),
                (Err(_), true) if fs::read_dir(sandbox.target()).unwrap().next().is_some() => {
                    faults.push(format!("{} left something", row.archive));
                }
                (Err(_), true) => {}
            }
            sandbox.clear();
            let changed = differences(&before, &sandbox.surroundings());
            if !changed.is_empty() {
                faults.push(format!("{} has changed what is outside: {changed:#?}", row.archive));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults: {faults:#?}", faults.len());
}

#[test]
fn a_directory_of_a_host_comes_here_and_goes_back_by_ssh_wherever_it_is_compressed() {
    let scratch = tempfile::tempdir_in(site().scratch.path()).unwrap();
    let path = |name: &str| scratch.path().join(name);
    fs::create_dir_all(path("from/logs/empty")).unwrap();
    for number in 0..200 {
        fs::write(path(&format!("from/logs/{number}.log")), format!("line {number}\n").repeat(5000)).unwrap();
    }
    fs::hard_link(path("from/logs/1.log"), path("from/linked")).unwrap();
    std::os::unix::fs::symlink("/nowhere", path("from/link")).unwrap();
    for compress in ["here", "there"] {
        let (archive, to) = (path(&format!("{compress}.tar.gz")), path(&format!("to-{compress}")));
        fs::create_dir(&to).unwrap();
        let words = ["volume", "save", archive.to_str().unwrap(), "--compress", compress, "--path"];
        ran(site().command(&words).arg(path("from"))).code(0);
        let load = ["volume", "load", archive.to_str().unwrap(), "--path", to.to_str().unwrap()];
        site().on(&load).code(5).says(&["--yes"]);
        site().on(&[&load[..], &["--yes"]].concat()).code(0);
        let (from, to) = (read(&path("from")), read(&to));
        let changed = differences(&lines(&from, Times::Seconds), &lines(&to, Times::Seconds));
        assert!(changed.is_empty(), "{compress}: {changed:#?}");
        let member = path(&format!("member-{compress}"));
        fs::create_dir(&member).unwrap();
        let load = ["volume", "load", archive.to_str().unwrap(), "--path", member.to_str().unwrap(), "--yes"];
        site().on(&[&load[..], &["--member", "logs/7.log"]].concat()).code(0);
        assert_eq!(fs::read(member.join("logs/7.log")).unwrap(), b"line 7\n".repeat(5000));
        assert_eq!(fs::read_dir(member.join("logs")).unwrap().count(), 1);
    }
}
