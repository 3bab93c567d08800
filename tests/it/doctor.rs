//! `doctor`: all that a backup or a restore rests on, a line each, whatever the other lines say.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use deis_store_tests::environment::Environment;
use serde_json::Value;

use crate::clusters::{a, a_with_own_etcd};
use crate::program::{Ran, alone, command, on, ran};

/// The check of a name.
#[track_caller]
fn check<'r>(report: &'r Value, name: &str) -> &'r Value {
    let mut checks = report["report"]["checks"].as_array().unwrap().iter();
    checks.find(|check| check["name"] == name).unwrap_or_else(|| panic!("no check {name}: {report:#}"))
}

/// Asserts the state of a check, and that it says this.
#[track_caller]
fn is(report: &Value, name: &str, state: &str, says: &str) {
    let found = check(report, name);
    let what = format!("{} {}", found["what"].as_str().unwrap(), found["todo"].as_str().unwrap_or_default());
    assert!(found["state"] == state && what.contains(says), "{state} {says}: {found:#}");
    assert_eq!(found.get("todo").is_none(), state == "good", "{found:#}");
}

fn names(report: &Value) -> Vec<&str> {
    let checks = report["report"]["checks"].as_array().unwrap();
    checks.iter().map(|check| check["name"].as_str().unwrap()).collect()
}

/// Without a tunnel: by way of this machine.
fn here(cluster: &Environment, arguments: &[&str]) -> Ran {
    ran(command().env("DEIS_STORE_ETCD", &cluster.etcd).args(arguments))
}

/// The names of the checks that each cluster has, before and after those of each gateway.
const BEFORE: [&str; 7] = ["host", "sudo", "docker", "etcd", "version", "gateways", "keys"];
const AFTER: [&str; 7] = ["db_wal", "registry", "database", "controller", "images", "logs", "volume"];

#[test]
fn of_a_cluster_that_is_well_every_check_is_good_and_no_secret_is_told() {
    let a = a();
    let scratch = tempfile::tempdir().unwrap();
    let repository = scratch.path().join("not/there/yet");
    let ran = on(&a, &["doctor", repository.to_str().unwrap(), "--json"]).code(0);
    let report = ran.json();
    let gateways: Vec<String> = a
        .gateways
        .iter()
        .map(|url| url.trim_start_matches("http://"))
        .flat_map(|gateway| ["gateway", "clock", "speed"].map(|check| format!("{check}.{gateway}")))
        .collect();
    let expected: Vec<&str> =
        BEFORE.into_iter().chain(gateways.iter().map(String::as_str)).chain(AFTER).chain(["space"]).collect();
    assert_eq!(names(&report), expected);
    for name in expected {
        is(&report, name, "good", "");
    }
    is(&report, "gateways", "good", &a.gateways.len().to_string());
    is(&report, "keys", "good", "from etcd");
    is(&report, "version", "good", "v1.13.4");
    is(&report, "database", "good", "127.0.0.1 (/deis/database/host)");
    is(&report, &gateways[2], "good", "through the tunnel");
    is(&report, "db_wal", "good", "the bucket db_wal is there");
    assert!(!repository.exists(), "nothing is made");

    let shown = on(&a, &["doctor"]).code(0);
    assert_eq!(shown.stdout.lines().count(), names(&report).len() - 1, "a line each: {}", shown.stdout);
    for secret in &a.secrets {
        let told = [&ran.stdout, &ran.stderr, &shown.stdout, &shown.stderr];
        assert!(!told.iter().any(|text| text.contains(&secret.value)), "{}", secret.what);
    }
    assert_eq!(on(&a, &["doctor", "--quiet"]).code(0).stdout, "");
}

#[test]
fn all_checks_are_made_or_named_whatever_fails() {
    let a = a();
    let no_host = ["--tunnel", "core@host.invalid", "doctor", "--json"];
    let report = alone(&no_host).code(1).json();
    assert_eq!(names(&report), [&BEFORE[..], &AFTER].concat());
    is(&report, "host", "bad", "host.invalid");
    for name in names(&report).into_iter().skip(1) {
        is(&report, name, "unknown", "not looked at");
    }

    let without_etcd = Environment { etcd: "http://127.0.0.1:1".to_owned(), ..a.clone() };
    let report = on(&without_etcd, &["doctor", "--json"]).code(1).json();
    for name in ["host", "sudo", "docker", "volume"] {
        is(&report, name, "good", "");
    }
    is(&report, "etcd", "bad", "--etcd");
    for name in ["version", "gateways", "keys", "database", "controller", "images", "logs"] {
        is(&report, name, "unknown", "etcd does not answer");
    }

    // A gateway and keys alone: only that is looked at.
    let mut alone = command();
    alone.env("AWS_ACCESS_KEY_ID", &a.access_key).env("AWS_SECRET_ACCESS_KEY", &a.secret_key);
    alone.args(["--gateway", &a.gateways[0], "--gateway", "http://127.0.0.1:1", "doctor", "--json"]);
    let report = ran(&mut alone).code(1).json();
    let gateway = a.gateway_address().unwrap();
    is(&report, "keys", "good", "the environment");
    is(&report, &format!("gateway.{gateway}"), "good", "buckets");
    is(&report, &format!("clock.{gateway}"), "good", "");
    is(&report, "gateway.127.0.0.1:1", "bad", "cannot connect");
    is(&report, "clock.127.0.0.1:1", "unknown", "");
    is(&report, "registry", "good", "objects");
    is(&report, "host", "unknown", "--tunnel");
    is(&report, "etcd", "unknown", "--gateway");
}

#[test]
fn a_gateway_that_stalls_the_clients_of_others_is_named_with_what_mends_it() {
    let cluster = a_with_own_etcd(&[]);
    let report = here(&cluster.environment, &["doctor", "--json"]).code(1).json();
    let speed = format!("speed.{}", cluster.environment.gateway_address().unwrap());
    is(&report, &speed, "bad", "tcp_nodelay=1");
    let what = check(&report, &speed)["what"].as_str().unwrap();
    assert!(what.contains("ms for clients that acknowledge late"), "{what}");
}

#[test]
fn what_a_backup_would_miss_and_what_is_not_there_is_bad() {
    let cluster = a_with_own_etcd(&[
        ("/deis/registry/s3bucket", "elsewhere"),
        ("/deis/logs/storageAdapterType", "memory:200"),
        ("/deis/database/bucketName", "not_there"),
        ("/deis/store/gateway/secretKey", "wrong"),
        ("/deis/controller/host", "127.0.0.1"),
        ("/_coreos.com/fleet/machines/m1/object", r#"{"ID":"m1","PublicIP":"127.0.0.1","Metadata":{}}"#),
        ("/_coreos.com/fleet/job/deis-database.service/object", r#"{"Name":"x","UnitHash":[10]}"#),
        ("/_coreos.com/fleet/job/deis-database.service/target", "m1"),
    ]);
    let report = on(&cluster.environment, &["doctor", "--json"]).code(1).json();
    let gateway = cluster.environment.gateway_address().unwrap();
    is(&report, "gateways", "good", "the leader alone");
    is(&report, &format!("gateway.{gateway}"), "bad", "secret key");
    is(&report, "db_wal", "unknown", "not_there");
    is(&report, "registry", "good", "elsewhere");
    is(&report, "images", "bad", "the S3 bucket elsewhere");
    is(&report, "logs", "bad", "in memory");
    is(&report, "database", "good", "127.0.0.1 (fleet)");
    is(&report, "version", "unknown", "which release");
    // A release that cannot be told is nothing that the cluster has to mend.
    let file = tempfile::tempdir().unwrap();
    let s3cfg = file.path().join("s3cfg");
    let keys = format!("access_key = {}\nsecret_key = {}\n", cluster.environment.access_key, a().secret_key);
    let text = format!("{keys}host_base = {gateway}\nuse_https = False\n");
    std::fs::write(&s3cfg, text).unwrap();
    std::fs::set_permissions(&s3cfg, std::fs::Permissions::from_mode(0o600)).unwrap();
    let words = ["--s3cfg", s3cfg.to_str().unwrap(), "doctor", "--json"];
    let report = on(&cluster.environment, &words).code(1).json();
    is(&report, "keys", "good", s3cfg.to_str().unwrap());
    is(&report, "db_wal", "good", "the bucket db_wal");
}

#[test]
fn a_gateway_that_nobody_leads_and_a_component_that_is_nowhere_are_bad() {
    let cluster = a_with_own_etcd(&[("/deis/platform/version", "v1.13.4")]);
    let remove =
        on(&cluster.environment, &["config", "store", "rm", "gateway/host", "gateway/port", "--yes"]);
    remove.code(0);
    let report = on(&cluster.environment, &["doctor", "--json"]).code(1).json();
    is(&report, "gateways", "bad", "no store-gateway is published");
    is(&report, "database", "bad", "neither /deis/database/host nor fleet");
    is(&report, "db_wal", "unknown", "no gateway answers");
    let (host, port) =
        a().gateway_address().unwrap().split_once(':').map(|(h, p)| (h.to_owned(), p.to_owned())).unwrap();
    let set = |key: &str, value: &str| {
        let pair = format!("gateway/hosts/{host}/{key}={value}");
        on(&cluster.environment, &["config", "store", "set", &pair]).code(0);
    };
    set("host", &host);
    set("port", &port);
    let report = on(&cluster.environment, &["doctor", "--json"]).code(1).json();
    is(&report, "gateways", "bad", "none leads");
    is(&report, &format!("gateway.{host}:{port}"), "good", "buckets");
}

#[test]
fn a_file_for_s3cmd_is_left_that_works_and_never_over_another_one() {
    let a = a();
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("cluster.s3cfg");
    let path = file.to_str().unwrap();
    let made = on(&a, &["doctor", "--write-s3cfg", path, "--json"]).code(0);
    is(&made.json(), "s3cfg", "good", "as seen from the cluster");
    assert!(!made.stdout.contains(&a.secret_key));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 1);

    let listed = |arguments: &[&str]| {
        let output = Command::new("s3cmd").args(["-c", path]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(listed(&["ls"]).contains("s3://db_wal"));
    assert!(listed(&["ls", "s3://db_wal"]).contains("basebackups_005"));
    let ours = alone(&["--s3cfg", path, "s3", "ls"]).code(0);
    assert!(ours.stdout.contains("s3://db_wal") && ours.stderr.is_empty(), "{ours:#?}");

    let before = std::fs::read(&file).unwrap();
    let refused = on(&a, &["doctor", "--write-s3cfg", path]).code(5);
    assert!(refused.stdout.is_empty());
    refused.says(&["of this name already", path, "to do:"]);
    let link = scratch.path().join("link");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    on(&a, &["doctor", "--write-s3cfg", link.to_str().unwrap()]).code(5);
    assert_eq!(std::fs::read(&file).unwrap(), before);
    assert!(!Path::new("nowhere").exists() && !scratch.path().join("nowhere").exists());
    alone(&["--s3cfg", path, "doctor", "--write-s3cfg", "/nonexistent/x"]).code(2).says(&["--s3cfg"]);
    let nowhere = on(&a, &["doctor", "--write-s3cfg", "/nonexistent/x", "--json"]).code(1).json();
    is(&nowhere, "s3cfg", "bad", "/nonexistent");
}

#[test]
fn what_is_no_directory_of_this_machine_is_refused() {
    alone(&["doctor", "s3://bucket"]).code(2).says(&["a local directory", "to do:"]);
    alone(&["doctor", "/tmp", "/usr"]).code(2).says(&["takes one directory"]);
}
