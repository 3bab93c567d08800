//! Directories that s3cmd makes as the manual's page says, adopted as snapshots.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use deis_store::s3::op::{CopyObject, CopySource, ListedObject};
use deis_store::s3::{Client, ObjectKey};
use deis_store_tests::environment::Environment;
use deis_store_tests::faulty::{FaultyGateway, KEYS};
use futures_util::TryStreamExt as _;
use serde_json::Value;

use crate::clusters::{a, b, client};
use crate::main_job::{block, bucket, buckets_are_equal};
use crate::program::{alone, at_gateway, on};
use crate::s3cmd::S3cmd;

fn listed(client: &Client, name: &str) -> Vec<ListedObject> {
    block(Box::pin(client.list(&bucket(name), "")).try_collect()).unwrap()
}

/// The names of the findings of a kind.
fn named(report: &Value, kind: &str) -> BTreeSet<String> {
    let findings = report["report"]["findings"].as_array().unwrap();
    let of_kind = findings.iter().filter(|finding| finding["kind"] == kind);
    of_kind.map(|finding| finding["name"].as_str().unwrap().to_owned()).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The images of cluster A, without keys that a directory cannot hold.
fn images(client: &Client, name: &str) {
    let (from, to) = (bucket("registry"), bucket(name));
    block(client.create_bucket(&to)).unwrap();
    for object in listed(client, "registry") {
        if object.key.starts_with("registry/") && !object.key.ends_with('/') {
            let source = CopySource { bucket: &from, key: &object.key, version_id: None };
            block(client.copy(&CopyObject::new(source, &to, &object.key))).unwrap();
        }
    }
}

/// A gateway of the test's own.
fn target() -> (FaultyGateway, Environment) {
    let gateway = FaultyGateway::start().unwrap();
    let environment = Environment {
        gateways: vec![gateway.url()],
        access_key: KEYS.0.to_owned(),
        secret_key: KEYS.1.to_owned(),
        ..b()
    };
    (gateway, environment)
}

#[test]
fn what_s3cmd_has_synced_as_the_page_says_is_adopted_and_restored_key_by_key() {
    let (a, scratch) = (a(), tempfile::tempdir().unwrap());
    let (s3cmd, ours) = (S3cmd::new(&a), client(&a));
    let (directory, repository) = (scratch.path().join("old"), scratch.path().join("repository"));
    std::fs::create_dir(&directory).unwrap();
    images(&ours, "adopt_images");
    for name in ["db_wal", "adopt_images"] {
        std::fs::create_dir(directory.join(name)).unwrap();
        s3cmd.run_in(&directory.join(name), &["sync", &format!("s3://{name}"), "."]);
    }
    // The volume and the dump, as a backup has them.
    let parts = scratch.path().join("parts");
    let taken = on(&a, &["backup", text(&parts), "--only", "sql,volume", "--json"]).code(0).json();
    let taken = Path::new(taken["report"]["snapshot"].as_str().unwrap());
    std::fs::copy(taken.join("store_file_backup.tar.gz"), directory.join("store_file_backup.tar.gz"))
        .unwrap();
    let dump = Command::new("gunzip").arg("-c").arg(taken.join("dump_all.sql.gz")).output().unwrap();
    std::fs::write(directory.join("dump_all.sql"), dump.stdout).unwrap();

    let images = ["--bucket", "adopt_images:registry", "--json"];
    let adopt = [&["adopt", text(&directory), text(&repository)][..], &images].concat();
    let report = on(&a, &adopt).code(0).json();
    let report = &report["report"];
    assert_eq!((&report["verdict"], &report["compared"]), (&"good".into(), &true.into()), "{report:#}");
    for part in ["db_wal", "volume", "sql", "bucket.adopt_images"] {
        assert_eq!(report["parts"][part]["outcome"], "stored", "{report:#}");
        assert_eq!(report["parts"][part]["counts"]["unverifiable"], 0, "{report:#}");
    }
    let snapshot = report["snapshot"].as_str().unwrap();
    alone(&["verify", snapshot]).code(0);

    // What is in it is not fetched again.
    let backup = ["backup", text(&repository), "--only", "db_wal,bucket.adopt_images"];
    let backup = on(&a, &[&backup[..], &images].concat()).code(0).json();
    assert_eq!(backup["report"]["parts"]["bucket.adopt_images"]["fetched_bytes"], 0, "{backup:#}");
    let counts = &backup["report"]["parts"]["db_wal"]["counts"];
    assert!(
        counts["unchanged"].as_u64().unwrap()
            >= report["parts"]["db_wal"]["counts"]["listed"].as_u64().unwrap()
    );

    let (_gateway, other) = target();
    let only = ["restore", snapshot, "--yes", "--only", "db_wal,bucket.adopt_images"];
    at_gateway(&other.gateways[0], &other, &other.secret_key, &only).code(0);
    buckets_are_equal(&a, &other, "adopt_images");
    buckets_are_equal(&a, &other, "db_wal");
}

#[test]
fn in_one_directory_all_that_cannot_be_a_file_is_named_and_alone_nothing_is_compared() {
    let (a, scratch) = (a(), tempfile::tempdir().unwrap());
    let s3cmd = S3cmd::new(&a);
    let (directory, repository) = (scratch.path().join("old"), scratch.path().join("repository"));
    std::fs::create_dir(&directory).unwrap();
    s3cmd.run_in(&directory, &["sync", "s3://db_wal", "."]);
    s3cmd.run_in(&directory, &["sync", "s3://registry", "."]);
    // s3cmd gives its files the times of their objects: what cannot be a file may be newer than all of them, and would
    // be taken for written since.
    let touched =
        Command::new("find").arg(&directory).args(["-type", "f", "-exec", "touch", "{}", "+"]).status();
    assert!(touched.unwrap().success());
    let adopt = ["adopt", text(&directory), text(&repository), "--json"];

    let compared = on(&a, &adopt).code(3).json();
    assert_eq!(named(&compared, "not_adopted"), set(&["notes"]), "{compared:#}");
    let missing = set(&["notes/with space + plus", "notes/größe-日志", "notes//double", "registry/marker/"]);
    assert_eq!(named(&compared, "failed"), missing, "{compared:#}");

    let uncompared = alone(&adopt).code(0).json();
    assert_eq!(uncompared["report"]["compared"], false);
    assert_eq!(named(&uncompared, "unverifiable"), set(&["db_wal", "registry"]), "{uncompared:#}");
    let told = on(&a, &["adopt", text(&directory), text(&repository), "--no-gateway"]).code(0).stdout;
    assert!(told.contains("compared with no gateway") && told.contains("notes: it is no part"), "{told}");
    let snapshot = uncompared["report"]["snapshot"].as_str().unwrap();
    let verified = alone(&["verify", snapshot, "--json"]).code(0).json();
    assert_eq!(named(&verified, "unverifiable"), set(&["db_wal", "registry"]), "{verified:#}");

    let (_gateway, other) = target();
    at_gateway(&other.gateways[0], &other, &other.secret_key, &["restore", snapshot, "--yes"]).code(0);
    let key_and_size = |objects: Vec<ListedObject>| -> BTreeSet<(ObjectKey, u64)> {
        let ordinary = |key: &str| !key.starts_with("notes/") && !key.ends_with('/');
        let objects = objects.into_iter().map(|object| (object.key, object.size_bytes));
        objects.filter(|(key, _)| ordinary(key)).collect()
    };
    let at = |environment: &Environment| key_and_size(listed(&client(environment), "registry"));
    assert_eq!(at(&a), at(&other));
}

#[test]
fn what_cannot_be_adopted_is_said_and_leaves_no_repository() {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir_all(path("old/wal_005")).unwrap();
    std::fs::create_dir_all(path("both/db_wal")).unwrap();
    std::fs::create_dir_all(path("both/wal_005")).unwrap();
    std::fs::create_dir_all(path("empty")).unwrap();
    let repository = path("repository");
    for (directory, words) in [
        ("empty", &["s3cmd sync", "to do:"][..]),
        ("both", &["db_wal/", "wal_005/", "to do:"]),
        ("not/there", &["no such directory"]),
    ] {
        let code = if directory == "not/there" { 1 } else { 2 };
        alone(&["adopt", &path(directory), &repository]).code(code).says(words);
    }
    alone(&["adopt", &path("old"), &path("old/repository")]).code(2).says(&["one is in the other"]);
    alone(&["adopt", &path("old"), &repository, "--bucket", "uploads"]).code(2).says(&["uploads"]);
    alone(&["adopt", "s3://db_wal", &repository]).code(2).says(&["this is a URL"]);
    alone(&["adopt", &path("old"), &repository]).code(2).says(&["has no file", "to do:"]);
    std::fs::write(path("old/wal_005/segment.lzo"), "log").unwrap();
    let gone = ["--etcd", "http://127.0.0.1:1", "adopt", &path("old"), &repository];
    alone(&gone).code(6).says(&["does not answer", "--no-gateway"]);
    assert!(!Path::new(&repository).exists());
    alone(&[&gone[..], &["--no-gateway"]].concat()).code(0);
    let snapshot = std::fs::read_dir(&repository)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("20"));
    alone(&["adopt", snapshot.unwrap().to_str().unwrap(), &path("other")])
        .code(2)
        .says(&["a snapshot already"]);
    alone(&["adopt", &repository, &path("other")]).code(2).says(&["repository of snapshots"]);
}
