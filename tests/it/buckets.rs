//! Any bucket, as a part of its own: backed up from one real gateway, verified, and brought onto another.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use deis_store::s3::op::{CopyObject, CopySource, ListedObject};
use deis_store::s3::{BucketName, Client, ObjectKey};
use deis_store_tests::environment::Environment;
use deis_store_tests::postgres::hand_over;
use deis_store_tests::process::run;
use deis_store_tests::wal_e::WalE;
use futures_util::TryStreamExt as _;
use serde_json::Value;

use crate::clusters::{a, b_for_another_user, client};
use crate::contract::KEYS;
use crate::main_job::{block, bucket, buckets_are_equal, put};
use crate::program::{Ran, alone, at_gateway, on, path};

/// The objects that a gateway lists of a bucket.
pub(crate) fn listed(client: &Client, bucket: &BucketName) -> Vec<ListedObject> {
    block(Box::pin(client.list(bucket, "")).try_collect()).unwrap()
}

/// Copies an object within a cluster; its type, headers and metadata come along.
fn copy(client: &Client, from: &BucketName, to: &BucketName, key: &ObjectKey) {
    let source = CopySource { bucket: from, key, version_id: None };
    block(client.copy(&CopyObject::new(source, to, key))).unwrap();
}

/// A plain bucket of odd keys: those of the fixture, with types, headers, metadata and parts, and all that the contract
/// of a gateway knows.
fn fill_with_odd_keys(client: &Client, name: &str) {
    let to = bucket(name);
    block(client.create_bucket(&to)).unwrap();
    for key in KEYS {
        put(client, &to, &ObjectKey::new(key).unwrap(), b"odd");
    }
    for from in [bucket("oddities"), bucket("controls")] {
        for object in listed(client, &from) {
            copy(client, &from, &to, &object.key);
        }
    }
}

fn at(cluster: &Environment, arguments: &[&str]) -> Ran {
    at_gateway(&cluster.gateways[0], cluster, &cluster.secret_key, arguments)
}

fn snapshot_of(report: &Value) -> String {
    assert_eq!(report["report"]["verdict"], "good", "{report:#}");
    report["report"]["snapshot"].as_str().unwrap().to_owned()
}

fn stored(report: &Value) -> Vec<&str> {
    let parts = report["report"]["parts"].as_object().unwrap();
    let stored = parts.iter().filter(|(_, part)| part["outcome"] == "stored");
    stored.map(|(name, _)| name.as_str()).collect()
}

/// The keys of an object list with their digests, as anybody can read them.
fn digests(snapshot: &str, part: &str) -> BTreeMap<String, String> {
    let script = format!("gunzip -c lists/{part}.*-of-*.jsonl.gz");
    let output = Command::new("bash").args(["-c", &script]).current_dir(snapshot).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    lines.map(|line| (word(&line["key"]), word(&line["sha256"]))).collect()
}

#[test]
fn a_plain_bucket_of_odd_keys_comes_back_on_another_gateway_key_by_key() {
    let (a, b) = (a(), b_for_another_user("plain"));
    fill_with_odd_keys(&client(&a), "uploads");
    let scratch = tempfile::tempdir().unwrap();
    let repository = scratch.path().join("repository");
    let repository = repository.to_str().unwrap();

    // Without etcd it is meant alone; with it, named alone, it is the same.
    let without = at(&a, &["backup", repository, "--bucket", "uploads", "--json"]).code(0).json();
    assert_eq!(stored(&without), ["bucket.uploads"]);
    let snapshot = snapshot_of(&without);
    let only = ["backup", repository, "--bucket", "uploads", "--only", "bucket.uploads", "--json"];
    let with = on(&a, &only).code(0).json();
    assert_eq!(stored(&with), ["bucket.uploads"]);
    let keys = digests(&snapshot, "bucket.uploads");
    assert!(keys.len() > KEYS.len() + 40, "{}", keys.len());
    assert_eq!(keys, digests(&snapshot_of(&with), "bucket.uploads"));

    let verified = alone(&["verify", &snapshot, "--json"]).code(0).json();
    let bytes = |report: &Value| report["report"]["bytes_checked"].as_u64().unwrap();
    assert_eq!(verified["report"]["verdict"], "good");
    // Small files are read in each share: what the shares read besides is everything else, once.
    let quick = bytes(&alone(&["verify", &snapshot, "--quick", "--json"]).code(0).json());
    let shares = ["1/3", "2/3", "3/3"].map(|share| {
        bytes(&alone(&["verify", &snapshot, "--share", share, "--json"]).code(0).json()) - quick
    });
    assert_eq!(shares.iter().sum::<u64>(), bytes(&verified) - quick, "{shares:?}");
    alone(&["verify", &snapshot, "--share", "4/3"]).code(2).says(&["a share is one of so many"]);

    let planned = at(&b, &["restore", &snapshot, "--dry-run", "--json"]).code(0).json();
    let step = serde_json::json!([{ "kind": "bucket", "part": "bucket.uploads" }]);
    assert_eq!(planned["report"]["steps"], step);
    assert_eq!(planned["report"]["parts"]["bucket.uploads"]["bucket"], "uploads");
    let restored = at(&b, &["restore", &snapshot, "--yes", "--json"]).code(0).json();
    assert_eq!(restored["report"]["parts"]["bucket.uploads"]["restored"], keys.len());
    buckets_are_equal(&a, &b, "uploads");

    let again = at(&b, &["restore", &snapshot, "--yes", "--only", "bucket.uploads", "--json"]).code(0).json();
    assert_eq!(again["report"]["parts"]["bucket.uploads"]["restored"], 0, "{again:#}");
    put(&client(&b), &bucket("uploads"), &ObjectKey::new("somebody's").unwrap(), b"x");
    at(&b, &["restore", &snapshot, "--yes"]).code(5).says(&["somebody's", "two histories"]);
}

#[test]
fn a_bucket_of_wal_e_comes_back_under_any_name_with_its_sentinels_last_and_its_latest() {
    let (a, b) = (a(), b_for_another_user("walstore"));
    let (ours, theirs, from, to) = (client(&a), client(&b), bucket("db_wal"), bucket("walstore"));
    block(ours.create_bucket(&to)).unwrap();
    let is_sentinel = |object: &ListedObject| object.key.as_str().ends_with("_backup_stop_sentinel.json");
    let (sentinels, others): (Vec<_>, Vec<_>) = listed(&ours, &from).into_iter().partition(is_sentinel);
    for object in &others {
        copy(&ours, &from, &to, &object.key);
    }
    // The greatest name is written first: it is not LATEST.
    let greatest = "basebackups_005/base_FFFFFFFF0000000000000001_00000040_backup_stop_sentinel.json";
    let partition = greatest.replace("_backup_stop_sentinel.json", "/tar_partitions/part_00000000.tar.lzo");
    for (key, body) in [
        (&*partition, "its files"),
        ("wal_005/FFFFFFFF.history", "1\t0/1000100\tno reason\n"),
        ("wal_005/FFFFFFFF0000000000000001.lzo", "its log"),
        (greatest, r#"{"wal_segment_backup_stop":"FFFFFFFF0000000000000001"}"#),
    ] {
        put(&ours, &to, &ObjectKey::new(key).unwrap(), body.as_bytes());
    }
    for object in &sentinels {
        std::thread::sleep(Duration::from_millis(1100));
        copy(&ours, &from, &to, &object.key);
    }
    let latest = sentinels.last().unwrap().key.as_str();

    let scratch = tempfile::tempdir().unwrap();
    let repository = scratch.path().join("repository");
    let backup = ["backup", repository.to_str().unwrap(), "--bucket", "walstore:wal-e", "--json"];
    let snapshot = snapshot_of(&at(&a, &backup).code(0).json());
    let manifest = std::fs::read(Path::new(&snapshot).join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["parts"]["bucket.walstore"]["contents"], "wal-e");
    assert_eq!(manifest["requires"], serde_json::json!(["buckets"]));

    let restored = at(&b, &["restore", &snapshot, "--yes", "--json"]).code(0).json();
    assert_eq!(restored["report"]["parts"]["bucket.walstore"]["latest"], latest, "{restored:#}");
    buckets_are_equal(&a, &b, "walstore");
    let (mut last, first): (Vec<_>, Vec<_>) = listed(&theirs, &to).into_iter().partition(is_sentinel);
    last.sort_by(|one, other| one.modified.cmp(&other.modified));
    assert!(first.iter().all(|object| object.modified <= last[0].modified), "sentinels come last");
    assert_eq!((last[0].key.as_str(), last[last.len() - 1].key.as_str()), (greatest, latest));

    // And WAL-E itself takes the same one.
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    std::fs::create_dir(&data).unwrap();
    for directory in [place.path(), &data] {
        hand_over(directory).unwrap();
    }
    let address = b.gateway_address().unwrap();
    let wal_e = WalE::new(place.path(), address, &b.access_key, &b.secret_key).unwrap();
    let fetch = ["--s3-prefix", "s3://walstore", "backup-fetch", data.to_str().unwrap(), "LATEST"];
    run("wal-e backup-fetch", wal_e.command(&fetch)).unwrap();
    assert!(data.join("PG_VERSION").exists());
}

#[test]
fn with_etcd_an_added_bucket_is_taken_besides_the_platforms_parts() {
    let a = a();
    block(client(&a).create_bucket(&bucket("besides"))).unwrap();
    put(&client(&a), &bucket("besides"), &ObjectKey::new("k").unwrap(), b"x");
    let scratch = tempfile::tempdir().unwrap();
    let repository = scratch.path().join("repository");
    let backup = |more: &[&str]| {
        let first = ["backup", repository.to_str().unwrap(), "--json", "--bucket", "besides"];
        on(&a, &[&first[..], more].concat())
    };
    let report = backup(&["--without", "sql,volume"]).code(0).json();
    assert_eq!(stored(&report), ["bucket.besides", "config", "db_wal", "registry"]);
    let report = backup(&["--without", "sql,volume,registry,db_wal,bucket.besides"]).code(0).json();
    assert_eq!(stored(&report), ["config"]);
    // The platform's own bucket is a part already.
    backup(&["--bucket", "registry:registry"]).code(2).says(&["twice", "registry", "to do:"]);
}

#[test]
fn a_part_or_bucket_that_cannot_be_is_a_usage_error_and_leaves_nothing() {
    let a = a();
    let scratch = tempfile::tempdir().unwrap();
    let target = scratch.path().join("repository");
    let backup = |more: &[&str]| at(&a, &[&["backup", target.to_str().unwrap()], more].concat()).code(2);
    backup(&["--only", "bucket.uploads"]).says(&["no such part", "bucket.uploads", "--bucket uploads"]);
    backup(&["--bucket", "uploads", "--only", "bucket.downloads"])
        .says(&["bucket.downloads", "bucket.uploads"]);
    backup(&["--bucket", "uploads", "--without", "bucket.downloads"]).says(&["bucket.downloads"]);
    backup(&["--only", "uploads"]).says(&["no such part"]);
    backup(&["--bucket", "uploads", "--bucket", "UPLOADS"]).says(&["differ only in case"]);
    for bucket in ["../etc", "a/b", "a..b", "uploads:git", "up"] {
        backup(&["--bucket", bucket]);
    }
    assert!(!target.exists());
    at(&a, &["backup", target.to_str().unwrap(), "--bucket", "not_there"]).code(1).says(&["no such bucket"]);

    let repository = target.to_str().unwrap();
    let report = on(&a, &["backup", repository, "--only", "config", "--json"]).code(0).json();
    let snapshot = snapshot_of(&report);
    on(&a, &["restore", &snapshot, "--dry-run", "--only", "bucket.uploads"]).code(2).says(&["no such part"]);
}

#[test]
fn a_rehearsal_has_any_bucket_on_its_way() {
    let words = ["rehearse", "--json", "--bucket", "uploads", "--bucket", "dbwal:wal-e"];
    let report = alone(&words).code(0).json();
    assert_eq!(report["report"]["verdict"], "good", "{report:#}");
    let made = |report: &Value| report["report"]["steps"][0]["objects"].as_u64().unwrap();
    assert!(made(&report) > made(&alone(&["rehearse", "--json"]).code(0).json()) + 40);
}

#[test]
fn the_example_backs_up_one_bucket_and_tells_how_far_it_is() {
    let a = a();
    let name = bucket("example");
    block(client(&a).create_bucket(&name)).unwrap();
    for key in KEYS {
        put(&client(&a), &name, &ObjectKey::new(key).unwrap(), b"odd");
    }
    let scratch = tempfile::tempdir().unwrap();
    let repository = scratch.path().join("repository");
    let mut example = Command::new(path().with_file_name("examples").join("backup_bucket"));
    example.env_clear().env("AWS_ACCESS_KEY_ID", &a.access_key).env("AWS_SECRET_ACCESS_KEY", &a.secret_key);
    let output = example.args([&a.gateways[0], "example", repository.to_str().unwrap()]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.lines().any(|line| line == "100 %") && text.contains("Good"), "{text}");
    let snapshot = text.lines().last().unwrap().split_whitespace().last().unwrap();
    alone(&["verify", snapshot]).code(0);
}
