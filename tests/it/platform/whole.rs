//! The whole way, in one run, and in as many as there are places to kill it.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;

use deis_store_tests::agent::Options;
use serde_json::Value;

use super::Case;
use crate::clusters::a;
use crate::main_job::{buckets_are_equal, volumes_are_equal};
use crate::program::command;

/// The steps of a report that had something to do.
fn acted(report: &Value) -> Vec<String> {
    let steps = report["report"]["steps"].as_array().unwrap();
    let acted = steps.iter().filter(|step| step["already"] == false);
    acted.map(|step| step["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn one_command_brings_a_bare_cluster_to_a_platform_that_runs_with_the_database_of_the_old_one() {
    let case = Case::new(Options::default());
    let plan = case.restore(&["--dry-run"]).code(0).stdout;
    for words in [
        "deisctl install platform",
        "deis-store-monitor.service",
        "looked at when the store runs",
        "base-backup",
    ] {
        assert!(plan.contains(words), "{words}: {plan}");
    }
    assert_eq!(case.value("/deis/store/gateway/host"), None, "a dry run starts nothing");

    let report = case.restored(&[], 0);
    assert_eq!(report["report"]["verdict"], "good", "{report:#}");
    let acted = acted(&report);
    for step in [
        "units",
        "store-settings",
        "store-monitor",
        "store-gateway",
        "control-plane",
        "routers",
        "base-backup",
    ] {
        assert!(acted.iter().any(|acted| acted == step), "{step}: {report:#}");
    }
    let settings = case.bare.agent().store_settings_at_first_start().unwrap();
    assert_eq!(settings.get("pgNum").map(String::as_str), Some("64"), "set before the first monitor started");
    let left = report["report"]["left"].as_array().unwrap();
    let running = "select count(*) from api_app where structure::json->>'web' <> '0'";
    let running = case.bare.environment().postgres().unwrap().query("deis", running).unwrap();
    assert_eq!(left.len().to_string(), running, "each application with processes");
    assert!(left[0].as_str().unwrap().starts_with("deis scale web=0 -a app-"), "{left:?}");

    let (old, new) = (a(), case.bare.environment());
    buckets_are_equal(&old, new, "registry");
    volumes_are_equal(&old.volume, &new.volume, &case.snapshot);
    let dumps = [&old, new].map(|cluster| cluster.postgres().unwrap().dump().unwrap());
    assert!(dumps[0].contains("api_app") && dumps[0] == dumps[1], "the database is the old one");
    let counts = case.bare.agent().counts();
    assert_eq!((counts.installs, counts.restores, counts.initialisations, counts.base_backups), (1, 1, 0, 1));
    assert_eq!(case.value("/deis-store/restore/snapshot"), None, "the record is forgotten at the end");

    // It is no empty cluster any more: nothing is restored over a platform that runs.
    case.restore(&["--yes"]).code(5).says(&["the database is started", "to do:"]);
    assert_eq!(case.bare.agent().counts(), counts);
}

/// The steps in the order in which a run begins them, as its progress says.
const STEPS: [&str; 23] = [
    "units",
    "store-settings",
    "store-monitor",
    "store-daemon",
    "store-metadata",
    "store-gateway",
    "store-volume",
    "config",
    "db_wal",
    "registry",
    "volume",
    "latest",
    "no-database",
    "logger",
    "logspout",
    "control-plane",
    "database",
    "builder",
    "publisher",
    "routers",
    "controller",
    "base-backup",
    "left",
];

/// Runs a restore until it begins this step and some milliseconds more, and kills it. Whether it was still running.
fn killed_in(case: &Case, step: &str, after_ms: u64) -> bool {
    let b = case.bare.environment();
    let mut command = command();
    command
        .env("DEIS_STORE_ETCD", &b.etcd)
        .env("DEISCTL_TUNNEL", &b.tunnel)
        .env("DEIS_STORE_SSH_CONFIG", &b.ssh_config);
    command.args(["restore", &case.snapshot, "--yes", "--progress", "plain"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut said = Vec::new();
    for line in lines.map_while(Result::ok) {
        let begins = line == format!("{step} …");
        said.push(line);
        if begins {
            break;
        }
    }
    std::thread::sleep(Duration::from_millis(after_ms));
    let was_running = child.try_wait().unwrap().is_none();
    let _ = child.kill();
    child.wait().unwrap();
    // It would expire, half a minute later each time.
    let _ = case.bare.etcd().remove("/deis-store/restore-lock");
    assert!(said.iter().any(|line| *line == format!("{step} …")), "{step} was not begun: {said:#?}");
    was_running
}

#[test]
fn a_restore_that_is_killed_in_every_fourth_step_ends_as_one_that_was_not_and_does_nothing_twice() {
    kill_in_every(4);
}

#[test]
#[ignore = "tests/run --all runs it: it takes minutes"]
fn a_restore_that_is_killed_in_each_step_ends_as_one_that_was_not_and_does_nothing_twice() {
    kill_in_every(1);
}

/// Kills a restore in each step, or in each fourth one, the next run in the next of them, and lets the last one end.
fn kill_in_every(stride: usize) {
    let case = Case::new(Options::default());
    let steps: Vec<_> = STEPS.iter().enumerate().step_by(stride).collect();
    let killed =
        steps.iter().filter(|(index, step)| killed_in(&case, step, 37 * (*index as u64 % 4))).count();
    // Some of them may be over before they are killed.
    assert!(killed + 1 + steps.len() / 7 >= steps.len(), "{killed} runs were killed while they ran");
    // The last one may have ended before it was killed.
    if case.value("/deis-store/restore/snapshot").is_some() {
        let report = case.restored(&[], 0);
        assert_eq!(report["report"]["verdict"], "good", "{report:#}");
    }

    let (old, new) = (a(), case.bare.environment());
    buckets_are_equal(&old, new, "registry");
    volumes_are_equal(&old.volume, &new.volume, &case.snapshot);
    let dumps = [&old, new].map(|cluster| cluster.postgres().unwrap().dump().unwrap());
    assert!(dumps[0] == dumps[1], "the database is the old one");
    let counts = case.bare.agent().counts();
    assert_eq!((counts.restores, counts.initialisations, counts.reuses), (1, 0, 0), "{counts:#?}");
    assert!(counts.installs <= 2 && counts.stops.is_empty(), "{counts:#?}");
    assert!(counts.starts.values().all(|starts| *starts == 1), "{counts:#?}");
    assert_eq!(case.value("/deis-store/restore/snapshot"), None);
}
