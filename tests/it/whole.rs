//! What is not whole is never called so: the words and exit codes of `backup`, `verify` and `restore`, where something of a
//! snapshot is lost, and where the call itself is a mistake.

use std::fs;
use std::path::{Path, PathBuf};

use deis_store_tests::environment::Environment;
use deis_store_tests::etcd::Etcd;
use deis_store_tests::faulty::{Answer, FaultyGateway, Operation, instead};
use serde_json::Value;

use crate::clusters::a;
use crate::program::{Ran, alone, command, on, ran};

const LAYER: &str = "registry/images/a/layer";
const TAG: &str = "registry/repositories/library/app/tag_v1";
const OTHER_TAG: &str = "registry/repositories/library/app/tag_v2";

fn filled() -> FaultyGateway {
    let gateway = FaultyGateway::start().unwrap();
    for image in ["a", "b"] {
        let ancestry = format!("[\"{image}\"]");
        gateway.store("registry", &format!("registry/images/{image}/ancestry"), ancestry.as_bytes());
        gateway.store("registry", &format!("registry/images/{image}/json"), b"{}");
        gateway.store("registry", &format!("registry/images/{image}/layer"), &[7; 5000]);
    }
    gateway.store("registry", TAG, b"a");
    gateway.store("registry", OTHER_TAG, b"b");
    gateway
}

/// The program with arguments, for a gateway in this process.
pub(crate) fn at(gateway: &FaultyGateway, arguments: &[&str]) -> Ran {
    let mut command = command();
    command.env("AWS_ACCESS_KEY_ID", "AK").env("AWS_SECRET_ACCESS_KEY", "SK");
    ran(command.args(["--gateway", &gateway.url()]).args(arguments))
}

fn backed_up(gateway: &FaultyGateway, repository: &Path, code: i32) -> PathBuf {
    let words = ["backup", repository.to_str().unwrap(), "--only", "registry", "--json"];
    let report = at(gateway, &words).code(code).json();
    PathBuf::from(report["report"]["snapshot"].as_str().unwrap())
}

/// The names of the findings of a kind.
fn named(report: &Value, kind: &str) -> Vec<String> {
    let findings = report["report"]["findings"].as_array().unwrap();
    let found = findings.iter().filter(|finding| finding["kind"] == kind);
    found.map(|finding| finding["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_deleted_layer_is_in_the_plan_and_holds_back_its_tag_until_it_is_overridden() {
    let scratch = tempfile::tempdir().unwrap();
    let snapshot = backed_up(&filled(), scratch.path(), 0);
    fs::remove_file(snapshot.join("registry").join(LAYER)).unwrap();
    let snapshot = snapshot.to_str().unwrap();

    let target = FaultyGateway::start().unwrap();
    let plan = at(&target, &["restore", snapshot, "--dry-run", "--json"]).code(4).json();
    assert_eq!((named(&plan, "missing"), named(&plan, "held_back")), (vec![LAYER.into()], vec![TAG.into()]));
    let shown = at(&target, &["restore", snapshot, "--dry-run"]).code(4).stdout;
    assert!(shown.contains(LAYER) && shown.contains(TAG) && shown.contains("to do:"), "{shown}");
    assert!(target.asked_for(Operation::PutObject).is_empty());

    let report = at(&target, &["restore", snapshot, "--yes", "--json"]).code(4).json();
    assert_eq!(named(&report, "held_back"), [TAG]);
    assert_eq!(report["report"]["parts"]["registry"]["held_back"], 1, "{report:#}");
    assert!(report["report"]["todo"].as_str().unwrap().contains("--despite-damage"));
    assert_eq!((target.stored("registry", TAG), target.stored("registry", LAYER)), (None, None));
    assert!(target.stored("registry", OTHER_TAG).is_some());

    at(&target, &["restore", snapshot, "--yes", "--despite-damage"]).code(4);
    assert_eq!(target.stored("registry", TAG).as_deref(), Some(&b"a"[..]));
}

#[test]
fn what_a_backup_could_not_take_is_named_by_every_verb_and_never_exit_code_0() {
    let scratch = tempfile::tempdir().unwrap();
    let gateway = filled();
    gateway.on(Operation::GetObject, LAYER, 0..usize::MAX, instead(Answer::error(403, "AccessDenied")));
    let words = ["backup", scratch.path().to_str().unwrap(), "--only", "registry"];
    let told = at(&gateway, &words).code(3).stdout;
    for words in [LAYER, TAG, "INCOMPLETE", "to do:"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let snapshot = told.trim().lines().find_map(|line| line.split_once("INCOMPLETE snapshot in ")).unwrap().1;
    let snapshot = snapshot.split_once(": ").unwrap().1;
    let told = alone(&["verify", snapshot]).code(3).stdout;
    assert!(told.contains(LAYER) && told.contains(TAG) && told.contains("to do:"), "{told}");

    let target = FaultyGateway::start().unwrap();
    at(&target, &["restore", snapshot, "--yes"]).code(5).says(&["could not be backed up", "--only"]);
    at(&target, &["restore", snapshot, "--only", "registry", "--dry-run"]).code(3);
    let report = at(&target, &["restore", snapshot, "--only", "registry", "--yes", "--json"]).code(3).json();
    assert_eq!(
        (named(&report, "refused"), named(&report, "held_back")),
        (vec![LAYER.into()], vec![TAG.into()])
    );
    assert_eq!(target.stored("registry", TAG), None);
    assert!(target.stored("registry", OTHER_TAG).is_some());
    at(&target, &["restore", snapshot, "--only", "registry", "--yes", "--despite-damage"]).code(3);
    assert!(target.stored("registry", TAG).is_some());
}

#[test]
fn verify_says_how_much_its_verdict_rests_on() {
    let scratch = tempfile::tempdir().unwrap();
    let snapshot = backed_up(&filled(), scratch.path(), 0);
    let snapshot = snapshot.to_str().unwrap();
    let told = |options: &[&str]| alone(&[&["verify", snapshot], options].concat()).code(0).stdout;
    assert!(told(&[]).starts_with("good:") && told(&["--sample", "100"]).starts_with("good:"));
    for (options, words) in [
        (&["--sample", "1"][..], "as far as it was read (sample 1%)"),
        (&["--share", "1/9"], "as far as it was read (share 1/9)"),
        (&["--quick"], "contents were not looked at"),
    ] {
        let told = told(options);
        assert!(!told.starts_with("good") && told.contains(words), "{told}");
    }
    let report = alone(&["verify", snapshot, "--sample", "1", "--json"]).code(0).json();
    assert_eq!(report["report"]["read"], "sample 1%");
    let count = |name: &str| report["report"][name].as_u64().unwrap();
    assert!(count("files_read") < count("files_checked"), "{report:#}");
}

#[test]
fn what_was_meant_is_said_when_the_directory_is_the_wrong_one() {
    let scratch = tempfile::tempdir().unwrap();
    let gateway = filled();
    let repository = scratch.path().join("repository");
    let snapshot = backed_up(&gateway, &repository, 0);
    let (repository, snapshot) = (repository.to_str().unwrap(), snapshot.to_str().unwrap());
    at(&gateway, &["backup", snapshot]).code(5).says(&["that is a snapshot", repository]);
    alone(&["verify", snapshot, snapshot]).code(2).says(&["takes one directory", "for directory in"]);
    alone(&["verify", repository]).code(2).says(&["a repository, not a snapshot", snapshot]);
    at(&gateway, &["restore", snapshot, snapshot, "--yes"]).code(2).says(&["takes one directory"]);

    let mut command = command();
    command.env("AWS_ACCESS_KEY_ID", "AK").env("AWS_SECRET_ACCESS_KEY", "SK").current_dir(scratch.path());
    ran(command.args(["--gateway", &gateway.url(), "backup", "s3://registry"]))
        .code(2)
        .says(&["a local directory", "s3 put -r"]);
    for words in [&["verify", "s3://registry/x"][..], &["restore", "s3://registry/x"]] {
        alone(words).code(2).says(&["a local directory"]);
    }
    at(&gateway, &["s3", "get", "-r", "s3://registry", "s3://other"]).code(2).says(&["to do:"]);
    assert!(!scratch.path().join("s3:").exists() && !Path::new("s3:").exists());
}

#[test]
fn the_configuration_and_the_dump_need_no_gateway() {
    let directory = tempfile::tempdir().unwrap();
    let [old, new] = ["old", "new"].map(|name| {
        fs::create_dir(directory.path().join(name)).unwrap();
        Etcd::start(&directory.path().join(name)).unwrap()
    });
    old.client().set("/deis/router/bodySize", "100m").unwrap();
    old.client().set("/deis/store/pgNum", "128").unwrap();
    let cluster = |etcd: &Etcd| Environment { etcd: etcd.client().url(), ..a() };
    let repository = directory.path().join("repository");
    let words = ["backup", repository.to_str().unwrap(), "--only", "config,sql", "--json"];
    let report = on(&cluster(&old), &words).code(0).json();
    let snapshot = report["report"]["snapshot"].as_str().unwrap();
    // The new one has nothing of Deis yet: its first monitor has not started.
    let words = ["restore", snapshot, "--only", "config", "--yes"];
    on(&cluster(&new), &words).code(0);
    assert_eq!(on(&cluster(&new), &["config", "store", "get", "pgNum"]).code(0).stdout, "128\n");
    on(&cluster(&new), &["s3", "ls"]).code(6).says(&["no store-gateway is published", "to do:"]);

    new.client().set("/deis/router/gzip/x", "1").unwrap();
    old.client().set("/deis/router/gzip", "on").unwrap();
    let words = ["backup", repository.to_str().unwrap(), "--only", "config", "--json"];
    let report = on(&cluster(&old), &words).code(0).json();
    let snapshot = report["report"]["snapshot"].as_str().unwrap();
    old.client().set("/deis/router/bodySize", "1m").unwrap();
    let words = ["restore", snapshot, "--only", "config", "--dry-run"];
    on(&cluster(&new), &words).code(5).says(&["/deis/router/gzip", "a directory"]);
}
