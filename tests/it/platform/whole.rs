//! The whole way, in one run, and in as many as there are places to kill it.

use deis_store_tests::agent::Options;
use serde_json::Value;

use super::Case;
use crate::clusters::a;
use crate::main_job::{buckets_are_equal, volumes_are_equal};

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
    assert_eq!(left.len(), 240, "four of five applications have processes");
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
