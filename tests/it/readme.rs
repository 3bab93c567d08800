//! Every command of the README is run as it stands.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use deis_store_tests::environment::Environment;
use tempfile::NamedTempFile;

use crate::clusters::{a, a_with_own_etcd};
use crate::program::{on, path};

const README: &str = include_str!("../../README.md");
const SECURITY: &str = include_str!("../../SECURITY.md");

const SCHEDULE: &str = include_str!("../../docs/schedule.md");
const VOLUME: &str = include_str!("../../docs/volume.md");

/// The blocks of the README that use the program.
fn blocks() -> impl Iterator<Item = &'static str> {
    blocks_of(README, "sh")
}

/// The blocks of a document, in this language, that use the program.
pub(crate) fn blocks_of(document: &'static str, language: &str) -> impl Iterator<Item = &'static str> {
    let begin = format!("```{language}\n");
    let blocks: Vec<&str> = document.split(&begin).skip(1).collect();
    let blocks = blocks.into_iter().map(|rest| rest.split("```").next().unwrap_or_default());
    let command = |line: &str| line.trim_start().trim_start_matches("ExecStart=").starts_with("deis-store ");
    blocks.filter(move |block| block.lines().any(command))
}

#[test]
fn every_command_of_the_readme_works_as_typed() {
    let cluster = a_with_own_etcd(&[("/deis/router/gzip", "on")]);
    let scratch = tempfile::tempdir().unwrap();
    let (doctor, others): (Vec<_>, Vec<_>) = blocks().partition(|block| block.contains("deis-store doctor"));
    let (restore, others): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|block| block.contains("deis-store restore"));
    assert_eq!(restore.len(), 1, "the restore is run by the test of the main job, on the one empty cluster");
    assert!(others.len() >= 4, "the README shows commands");
    // As on any day but the first: there is already a snapshot, and a directory that an interrupted run has left.
    let backup = scratch.path().join("backup");
    on(&cluster.environment, &["backup", backup.to_str().unwrap(), "--only", "config"]).code(0);
    std::fs::create_dir(backup.join("2015-01-01T00-00-00Z.unfinished")).unwrap();
    for block in others {
        run(block, &cluster.environment, scratch.path());
    }
    // All is well with a platform that runs.
    assert_eq!(doctor.len(), 1);
    let told = run(doctor[0], &a(), scratch.path());
    assert!(told.lines().all(|line| line.starts_with("good")), "{told}");
}

#[test]
fn every_command_of_the_schedule_works_as_typed() {
    let (cluster, scratch) = (a(), tempfile::tempdir().unwrap());
    let commands: Vec<String> = blocks_of(SCHEDULE, "sh").map(str::to_owned).collect();
    assert_eq!(commands.len(), 3);
    let of_units =
        blocks_of(SCHEDULE, "ini").flat_map(str::lines).filter_map(|line| line.strip_prefix("ExecStart="));
    let of_jobs = blocks_of(SCHEDULE, "yaml")
        .flat_map(str::lines)
        .map(str::trim)
        .filter(|line| line.starts_with("deis-store "));
    let lines: Vec<String> = of_units.chain(of_jobs).map(str::to_owned).collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    for block in commands.iter().chain(&lines) {
        run(block, &cluster, scratch.path());
    }
}

#[test]
fn every_command_of_the_volumes_document_works_as_typed() {
    let (cluster, scratch) = (a(), tempfile::tempdir().unwrap());
    let commands: Vec<_> = blocks_of(VOLUME, "sh").collect();
    assert_eq!(commands.len(), 1);
    run(commands[0], &cluster, scratch.path());
    assert!(scratch.path().join("one/app.log").exists() && scratch.path().join("empty/app.log").exists());
}

#[test]
fn every_test_that_a_promise_of_security_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut sources = String::new();
    for directory in ["deis-store-lib/src", "deis-store-cli/src", "tests/it", "tests/src"] {
        read_all(&root.join(directory), &mut sources);
    }
    let table = SECURITY.split_once("| promise | tests |").expect("SECURITY.md has the table").1;
    let rows: Vec<&str> = table.lines().skip(2).collect();
    assert!(rows.len() >= 15, "{rows:?}");
    for row in rows {
        let mut named = row.rsplit_once(" | ").unwrap().1.split('`').skip(1).step_by(2).peekable();
        assert!(named.peek().is_some(), "no test holds this: {row}");
        for name in named {
            assert!(sources.contains(&format!("fn {name}(")), "no test is named {name}: {row}");
        }
    }
}

fn read_all(directory: &Path, all: &mut String) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, all);
        } else if path.extension().is_some_and(|suffix| suffix == "rs") {
            all.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

/// Runs the one block that uses this command.
pub(crate) fn run_block_of(command: &str, cluster: &Environment, scratch: &Path) -> String {
    let block = blocks().find(|block| block.contains(command)).expect("the README shows the command");
    run(block, cluster, scratch)
}

/// Runs a block in a directory. The names of the examples are replaced by those of the test: a repository in that
/// directory, and the cluster's host.
fn run(block: &str, cluster: &Environment, scratch: &Path) -> String {
    let script = block
        .replace("/backup", scratch.join("backup").to_str().unwrap())
        .replace("core@203.0.113.10", &cluster.tunnel)
        .replace("core@198.51.100.20", &cluster.tunnel);
    assert!(!script.contains("core@"), "an address that the test does not know");
    let ssh_config = cluster.ssh_config.to_str().unwrap();
    let variables = [
        ("DEIS_STORE_ETCD", cluster.etcd.as_str()),
        ("DEIS_STORE_SSH_CONFIG", ssh_config),
        ("DEISCTL_TUNNEL", &cluster.tunnel),
    ];
    run_script(&script, scratch, &variables)
}

/// Runs commands in a directory, with the program in the PATH and these variables; says what they print. If they fail, what they
/// have started is killed.
pub(crate) fn run_script(script: &str, scratch: &Path, variables: &[(&str, &str)]) -> String {
    let programs = path().parent().unwrap().to_str().unwrap().to_owned();
    let outputs = [(); 2].map(|()| NamedTempFile::new().unwrap());
    let [stdout, stderr] = outputs.each_ref().map(|output| output.reopen().unwrap());
    let mut bash = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .env_clear()
        .env("PATH", format!("{programs}:/usr/sbin:/usr/bin:/sbin:/bin"))
        .env("HOME", scratch)
        .envs(variables.iter().copied())
        .current_dir(scratch)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .unwrap();
    let status = bash.wait().unwrap();
    let text =
        |output: NamedTempFile| String::from_utf8_lossy(&std::fs::read(output.path()).unwrap()).into_owned();
    let [stdout, stderr] = outputs.map(text);
    if !status.success() {
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", bash.id())]).status();
    }
    assert!(status.success(), "{script}\n{stdout}\n{stderr}");
    stdout
}
