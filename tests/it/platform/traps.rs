//! Each trap of a restore by hand, set on purpose: the restore names it, does no harm, and goes on when it is mended.

use std::time::Duration;

use deis_store::http::Body;
use deis_store::s3::ObjectKey;
use deis_store::s3::op::PutObject;
use deis_store_tests::agent::{Fault, Options, Release, UNITS};
use futures_util::TryStreamExt as _;
use md5::Digest as _;

use super::Case;
use crate::clusters::client;
use crate::main_job::{block, bucket, put};
use crate::readme;

const DATABASE: &str = "deis-database.service";
const DATA: &str = "config,db_wal,registry,volume";

/// A cluster whose store runs.
fn with_store(options: Options) -> Case {
    let case = Case::new(Options { installed: true, ..options });
    case.bare.agent().launch(UNITS.split_at(5).0).unwrap();
    case
}

/// The same, with the data of the snapshot.
pub(super) fn with_data(options: Options) -> Case {
    let case = with_store(options);
    case.restore(&["--only", DATA, "--yes"]).code(0);
    case
}

fn starts(case: &Case, unit: &str) -> u32 {
    case.bare.agent().counts().starts_of(unit)
}

#[test]
fn a_unit_that_is_not_healthy_on_one_of_three_machines_stops_the_plan_with_its_journal_and_mended_it_goes_on()
{
    let case = Case::new(Options::default());
    let agent = case.bare.agent();
    let stuck = Fault::Stuck { unit: "deis-store-daemon.service", address: "127.0.0.3" };
    agent.fault(stuck.clone());
    let ran = case.restore(&["--yes", "--wait", "6"]).code(6);
    for words in [
        "deis-store-daemon.service",
        "on 127.0.0.3",
        "waiting for a lock that never comes",
        "step store-daemon",
    ] {
        assert!(ran.stderr.contains(words), "{words}: {ran:#?}");
    }
    assert!(!ran.stderr.contains("activating/start-pre on 127.0.0.2"), "{ran:#?}");
    assert_eq!(starts(&case, "deis-store-metadata.service"), 0);
    agent.mend(&stuck);

    // systemd has given one up: that is told at once, and not after the limit.
    let fails = Fault::Fails { unit: "deis-logger.service", address: "127.0.0.1" };
    agent.fault(fails.clone());
    let failing = case.restore(&["--yes", "--wait", "120"]);
    if failing.code == Some(6) {
        assert!(failing.stderr.contains("deis-logger.service"), "{failing:#?}");
        assert_eq!(starts(&case, DATABASE), 0, "what comes after it was not started");
    }
    agent.mend(&fails);
    case.restore(&["--yes"]).code(0);
    assert_eq!((agent.counts().installs, agent.counts().restores), (1, 1));
    assert_eq!(starts(&case, "deis-store-monitor.service"), 3, "once on each machine");
}

#[test]
fn a_gateway_whose_address_is_not_kept_up_is_no_gateway() {
    let case = Case::new(Options::default());
    case.bare.agent().fault(Fault::GatewayNotRefreshed);
    let ran = case.restore(&["--yes", "--wait", "8"]).code(6);
    assert!(ran.stderr.contains("/deis/store/gateway/host"), "{ran:#?}");
    assert!(ran.stderr.contains("expired") || ran.stderr.contains("not there"), "{ran:#?}");
    assert_eq!(starts(&case, "deis-store-volume.service"), 0);
}

#[test]
fn the_leader_alone_and_units_without_numbers_are_enough_in_an_early_release_and_the_controllers_state_is_typed_in()
 {
    let case = Case::new(Options { release: Release(1, 3, 0), version_key: false, ..Options::default() });
    case.bare.agent().fault(Fault::LeaderOnly);
    // As typed in the README.
    let report = readme::run_block_of("deis-store restore", case.bare.environment(), case.scratch.path());
    assert!(
        report.contains("keep the cluster's own /deis/platform/version")
            && report.contains("left to do by hand")
    );
    let counts = case.bare.agent().counts();
    assert_eq!((counts.shells, counts.loads, counts.publications), (1, 0, 0), "{report}");
    assert_eq!(case.value("/deis/platform/version"), None, "the release is not the old cluster's");
    assert!(case.value("/deis/domains/www1.example.com").is_some());
    assert_eq!(starts(&case, "deis-store-gateway.service"), 1);
}

#[test]
fn the_database_is_not_started_while_its_base_backups_cannot_be_listed_or_latest_is_another_one() {
    let case = with_data(Options { release: Release(1, 12, 0), ..Options::default() });
    let agent = case.bare.agent();
    let fault = Fault::GatewayAnswers(500);
    agent.fault(fault.clone());
    let whole = ["--only", "platform", "--yes", "--wait", "6"];
    case.restore(&whole).code(6).says(&["store-gateway"]);
    let ran = case.restore(&[&whole[..], &["--from", "latest"]].concat());
    assert!(ran.code == Some(6) && ran.stderr.contains("the database is not started"), "{ran:#?}");
    agent.mend(&fault);

    // The older base backup is written once more: WAL-E takes the one that was written last.
    let gateway = client(case.bare.environment());
    let sentinels: Vec<String> = block(async {
        let listed: Vec<_> = gateway.list(&bucket("db_wal"), "basebackups_005/").try_collect().await.unwrap();
        listed
            .into_iter()
            .map(|object| String::from(object.key))
            .filter(|key| key.ends_with("sentinel.json"))
            .collect()
    });
    let oldest = ObjectKey::new(&sentinels[0]).unwrap();
    let (bytes, _) = block(async { gateway.get_bytes(&bucket("db_wal"), &oldest).await }).unwrap();
    std::thread::sleep(Duration::from_millis(1100));
    let digest = md5::Md5::digest(&bytes).into();
    let db_wal = bucket("db_wal");
    let operation = PutObject::new(&db_wal, &oldest, bytes.len() as u64, digest).unwrap();
    block(gateway.put(&operation, &Body::Bytes(bytes))).unwrap();
    let from = ["--only", "platform", "--yes", "--from", "latest"];
    case.restore(&from).code(5).says(&["WAL-E would take", &sentinels[0], "the snapshot means"]);
    // Not even if that step is left out.
    let later = ["--only", "platform", "--yes", "--from", "control-plane"];
    case.restore(&later).code(5).says(&["WAL-E would take"]);
    assert_eq!((starts(&case, DATABASE), starts(&case, "deis-logger.service")), (0, 0));
}

#[test]
fn data_of_another_database_on_a_machine_and_objects_of_another_history_are_refused_before_anything_is_started()
 {
    let case = with_store(Options::default());
    let agent = case.bare.agent();
    let left = Fault::DataContainer { address: "127.0.0.2", init_id: "of-another" };
    agent.fault(left.clone());
    let ran = case.restore(&["--yes"]).code(5);
    assert!(
        ran.stderr.contains("127.0.0.2") && ran.stderr.contains("docker rm -v deis-database-data"),
        "{ran:#?}"
    );
    assert!(block(client(case.bare.environment()).buckets()).unwrap().is_empty(), "nothing was restored");
    agent.mend(&left);

    let gateway = client(case.bare.environment());
    block(gateway.create_bucket(&bucket("db_wal"))).unwrap();
    let foreign = ObjectKey::new("wal_005/somebody-elses").unwrap();
    put(&gateway, &bucket("db_wal"), &foreign, b"x");
    case.restore(&["--yes"]).code(5).says(&["wal_005/somebody-elses", "two histories"]);
    assert_eq!(starts(&case, "deis-logger.service"), 0);
}

#[test]
#[ignore = "tests/run --all runs it"]
fn a_volume_that_is_not_mounted_or_not_of_ceph_is_waited_for_and_named() {
    for (fault, says) in [
        (Fault::VolumeNotMounted, "is not mounted"),
        (Fault::VolumeOfType("ext4"), "is a mount of type ext4"),
    ] {
        let case = Case::new(Options::default());
        case.bare.agent().fault(fault);
        case.restore(&["--yes", "--wait", "10"]).code(6).says(&["store-volume", says]);
        assert_eq!(starts(&case, "deis-logger.service"), 0);
    }
}

#[test]
fn a_database_that_is_made_anew_is_damage_and_nothing_goes_on_with_it() {
    let case = Case::new(Options { release: Release(1, 12, 0), ..Options::default() });
    case.bare.agent().fault(Fault::NoBackupsFound);
    case.restore(&["--yes"]).code(4).says(&[
        "made anew and not restored",
        "deisctl stop database",
        "step database",
    ]);
    assert_eq!(starts(&case, "deis-builder.service"), 0);
}

#[test]
#[ignore = "tests/run --all runs it"]
fn a_controller_that_does_not_reach_etcd_saves_without_a_word_and_is_counted() {
    let case = Case::new(Options { release: Release(1, 9, 1), ..Options::default() });
    let agent = case.bare.agent();
    agent.fault(Fault::ControllerWithoutEtcd);
    let ran = case.restore(&["--yes", "--wait", "15"]).code(6);
    for words in ["0 of 300 applications", "0 of 250 keys", "Cannot synchronize with etcd"] {
        assert!(ran.stderr.contains(words), "{words}: {ran:#?}");
    }
    agent.mend(&Fault::ControllerWithoutEtcd);
    let before = agent.counts();
    case.restore(&["--yes"]).code(0);
    let after = agent.counts();
    assert_eq!(
        (after.shells, after.restores, after.starts),
        (before.shells + 1, before.restores, before.starts)
    );
}

#[test]
#[ignore = "tests/run --all runs it"]
fn units_that_deisctl_does_not_install_are_named_with_the_command_to_type() {
    let case = Case::new(Options { deisctl: false, ..Options::default() });
    case.restore(&["--yes"]).code(6).says(&["deis-store-monitor.service", "deisctl install platform"]);
    let case = Case::new(Options::default());
    case.bare.agent().fault(Fault::DeisctlFails);
    case.restore(&["--yes", "--wait", "8"])
        .code(6)
        .says(&["did not install all units", "deis-router@1.service"]);
    assert_eq!(starts(&case, "deis-store-monitor.service"), 0);
}

#[test]
#[ignore = "tests/run --all runs it"]
fn a_base_backup_that_cannot_be_pushed_is_an_error_and_the_next_run_pushes_it() {
    let case = with_data(Options::default());
    let agent = case.bare.agent();
    agent.fault(Fault::BackupFails);
    let whole = ["--only", "platform", "--yes"];
    case.restore(&whole).code(6).says(&["step base-backup", "to do:"]);
    agent.mend(&Fault::BackupFails);
    case.restore(&whole).code(0);
    assert_eq!((agent.counts().base_backups, agent.counts().restores), (1, 1));
}

#[test]
fn a_volume_that_was_not_mounted_or_is_somebody_elses_is_never_emptied() {
    let case = Case::new(Options { installed: true, ..Options::default() });
    let agent = case.bare.agent();
    agent.fault(Fault::VolumeNotMounted);
    agent.launch(UNITS.split_at(5).0).unwrap();
    let from_data = ["--from", "data", "--yes"];
    case.restore(&from_data).code(5).says(&["the store is not mounted"]);
    assert_eq!(case.value("/deis-store/restore/done/volume-begun"), None);

    agent.mend(&Fault::VolumeNotMounted);
    let volume = "deis-store-volume.service";
    agent.set_target(volume, "loaded").unwrap();
    agent.wait_for(volume, "dead", Duration::from_secs(20)).unwrap();
    agent.launch(&[volume]).unwrap();
    let precious = case.bare.environment().volume.join("precious");
    std::fs::write(&precious, "x").unwrap();
    case.restore(&from_data).code(5).says(&["the volume is not empty"]);
    case.restore(&["--yes"]).code(5).says(&["the volume is not empty"]);
    assert!(precious.exists());
    assert_eq!(starts(&case, "deis-logger.service"), 0);

    std::fs::remove_file(&precious).unwrap();
    // One that was ended while it unpacked, and after which the logger has begun to write.
    let manifest = std::fs::read(std::path::Path::new(&case.snapshot).join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let name = |key: &str| manifest[key].as_str().unwrap().to_owned();
    let own = format!("{}/{}", name("repository"), name("snapshot"));
    for (key, value) in [("snapshot", own.as_str()), ("done/volume-begun", "yes"), ("done/logging", "yes")] {
        case.bare.etcd().set(&format!("/deis-store/restore/{key}"), value).unwrap();
    }
    std::fs::write(&precious, "x").unwrap();
    case.restore(&from_data).code(5);
    assert!(precious.exists());
}

#[test]
fn of_two_restores_at_once_the_second_one_is_refused() {
    let case = Case::new(Options::default());
    case.bare.etcd().set_for("/deis-store/restore-lock", "process 1 of another machine", 60).unwrap();
    let ran = case.restore(&["--yes", "--only", "platform"]);
    assert_eq!(ran.code, Some(7), "{ran:#?}");
    assert!(
        ran.stderr.contains("another restore runs") && ran.stderr.contains("process 1 of another machine")
    );
    assert_eq!(case.bare.agent().counts().installs, 0);
}
