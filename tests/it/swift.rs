//! `OpenStack` Swift with `s3api`: another server than radosgw, through the words and verbs of the program. The contract suite
//! has its rules one by one.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use deis_store::s3::{BucketName, Client, ObjectKey};
use deis_store_tests::environment::Environment;
use futures_util::TryStreamExt as _;
use serde_json::Value;

use crate::clusters::{a, client, swift};
use crate::contract::KEYS;
use crate::main_job::{block, bucket, put};
use crate::program::{Ran, command, ran};

/// The program for Swift, with keys from the environment and no etcd.
fn words(arguments: &[&str]) -> Command {
    let swift = swift();
    let mut command = command();
    command.env("AWS_ACCESS_KEY_ID", swift.access_key()).env("AWS_SECRET_ACCESS_KEY", swift.secret_key());
    command.args(["--gateway", &swift.url()]).args(arguments);
    command
}

fn on_swift(arguments: &[&str]) -> Ran {
    ran(&mut words(arguments))
}

/// A client of Swift.
fn swifts() -> Client {
    let swift = swift();
    let keys = (swift.access_key().to_owned(), swift.secret_key().to_owned());
    client(&Environment { gateways: vec![swift.url()], access_key: keys.0, secret_key: keys.1, ..a() })
}

/// An empty bucket.
fn empty(client: &Client, name: &str) -> BucketName {
    let bucket = bucket(name);
    block(client.create_bucket(&bucket)).unwrap();
    bucket
}

/// A bucket with every form of key, each with its own name as its bytes; and an object in parts.
fn filled(client: &Client, name: &str) -> BucketName {
    let bucket = empty(client, name);
    for key in KEYS {
        put(client, &bucket, &ObjectKey::new(key).unwrap(), key.as_bytes());
    }
    bucket
}

/// The `ETag` of each object, by key.
fn etags(client: &Client, bucket: &BucketName) -> BTreeMap<String, String> {
    let listed: Vec<_> = block(client.list(bucket, "").try_collect()).unwrap();
    listed.into_iter().map(|object| (object.key.into(), object.etag)).collect()
}

fn s3cfg(path: &Path, url: &str, access_key: &str, secret_key: &str) -> String {
    let address = url.trim_start_matches("http://");
    let text = format!(
        "[default]\naccess_key = {access_key}\nsecret_key = {secret_key}\nhost_base = {address}\n\
         host_bucket = {address}\nuse_https = False\nsignature_v2 = True\n"
    );
    fs::write(path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn counts(report: &Value) -> (u64, u64, u64) {
    let count = |name: &str| report["report"]["counts"][name].as_u64().unwrap();
    (count("listed"), count("stored"), count("unchanged"))
}

#[test]
fn every_key_comes_from_swift_and_goes_back() {
    let (client, scratch) = (swifts(), tempfile::tempdir().unwrap());
    let (from, to) = (filled(&client, "sync-from"), empty(&client, "sync-to"));
    let directory = format!("{}/d/", scratch.path().display());
    let directory = directory.as_str();
    let all = KEYS.len() as u64;
    for (pair, stored, unchanged) in [
        (["s3://sync-from", directory], all, 0),
        (["s3://sync-from", directory], 0, all),
        ([directory, "s3://sync-to"], all, 0),
        ([directory, "s3://sync-to"], 0, all),
    ] {
        let report = on_swift(&["--json", "s3", "sync", pair[0], pair[1]]).code(0).json();
        assert_eq!(counts(&report), (all, stored, unchanged), "{pair:?}: {report:#}");
    }
    assert_eq!(etags(&client, &to), etags(&client, &from));
    // Within the cluster: Swift copies.
    let _ = empty(&client, "sync-within");
    on_swift(&["s3", "sync", "s3://sync-from", "s3://sync-within"]).code(0);
    assert_eq!(etags(&client, &bucket("sync-within")), etags(&client, &from));
    on_swift(&["s3", "rb", "s3://sync-within", "--recursive", "--force"]).code(0);
    on_swift(&["s3", "ls", "s3://sync-within"]).code(1).says(&["no such bucket"]);
}

#[test]
fn every_key_goes_from_radosgw_to_swift_and_from_swift_to_radosgw() {
    let (a, scratch) = (a(), tempfile::tempdir().unwrap());
    let (radosgw, swifts) = (client(&a), swifts());
    let from = filled(&radosgw, "to-swift");
    let (there, back) = (empty(&swifts, "from-radosgw"), empty(&radosgw, "from-swift"));
    let one = s3cfg(&scratch.path().join("a"), &a.gateways[0], &a.access_key, &a.secret_key);
    let swift = swift();
    let other = s3cfg(&scratch.path().join("swift"), &swift.url(), swift.access_key(), swift.secret_key());
    let all = KEYS.len() as u64;
    for (source, target, keys, to_keys) in [
        ("s3://to-swift", "s3://from-radosgw", &one, &other),
        ("s3://from-radosgw", "s3://from-swift", &other, &one),
    ] {
        for (stored, unchanged) in [(all, 0), (0, all)] {
            let report = ran(command()
                .args(["--json", "--s3cfg", keys, "s3", "sync", source, target, "--to-s3cfg", to_keys])
                .args(["--spool", scratch.path().to_str().unwrap()]))
            .code(0)
            .json();
            assert_eq!(counts(&report), (all, stored, unchanged), "{source}: {report:#}");
        }
    }
    assert_eq!(etags(&swifts, &there), etags(&radosgw, &from));
    assert_eq!(etags(&radosgw, &back), etags(&radosgw, &from));
}

#[test]
fn a_bucket_of_swift_is_backed_up_verified_and_restored_twice() {
    let (client, scratch) = (swifts(), tempfile::tempdir().unwrap());
    let bucket = filled(&client, "backed-up");
    let big = scratch.path().join("big");
    fs::write(&big, vec![7; (16 << 20) + 3]).unwrap();
    let stdin = fs::File::open(&big).unwrap();
    ran(words(&["s3", "put", "-", "s3://backed-up/big"]).stdin(stdin)).code(0);
    let before = etags(&client, &bucket);
    assert!(before["big"].contains('-'), "an object in parts: {}", before["big"]);

    let repository = scratch.path().join("backup");
    let backup =
        on_swift(&["--json", "backup", repository.to_str().unwrap(), "--bucket", "backed-up"]).code(0).json();
    assert_eq!(backup["report"]["verdict"], "good", "{backup:#}");
    let part = &backup["report"]["parts"]["bucket.backed-up"]["counts"];
    assert_eq!(
        (&part["listed"], &part["stored"]),
        (&before.len().into(), &before.len().into()),
        "{backup:#}"
    );
    let snapshot = backup["report"]["snapshot"].as_str().unwrap();
    on_swift(&["verify", snapshot]).code(0);

    let restored = |counted: [usize; 2]| {
        let report = on_swift(&["--json", "restore", snapshot, "--yes"]).code(0).json();
        assert_eq!(report["report"]["verdict"], "good", "{report:#}");
        let part = &report["report"]["parts"]["bucket.backed-up"];
        assert_eq!(
            (&part["restored"], &part["unchanged"]),
            (&counted[0].into(), &counted[1].into()),
            "{report:#}"
        );
        assert_eq!(etags(&client, &bucket), before);
    };
    restored([0, before.len()]);
    on_swift(&["s3", "rb", "s3://backed-up", "--recursive", "--force"]).code(0);
    restored([before.len(), 0]);
    restored([0, before.len()]);

    // What is somebody else's in the bucket is a reason to refuse, also if the bucket is ours.
    let foreign = ObjectKey::new("somebody-elses").unwrap();
    put(&client, &bucket, &foreign, b"x");
    on_swift(&["restore", snapshot, "--yes"]).code(5).says(&["somebody-elses"]);
}

#[test]
fn what_swift_does_not_tell_is_not_made_up() {
    let client = swifts();
    let bucket = empty(&client, "told");
    put(&client, &bucket, &ObjectKey::new("a b+é").unwrap(), b"abc");
    let told = on_swift(&["s3", "info", "s3://told", "s3://told/a b+é"]).code(0).stdout;
    for line in
        ["Location:  not said", "Versioning: unversioned", "Objects:   not said", "Bytes:     not said"]
    {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(told.contains("ACL:       test:tester: FULL_CONTROL") && told.contains("File size: 3"), "{told}");
    let report = on_swift(&["--json", "s3", "info", "s3://told"]).code(0).json();
    let place = &report["report"]["places"][0];
    for name in ["location", "objects", "bytes"] {
        assert_eq!(place.get(name), Some(&Value::Null), "{name}: {report:#}");
    }
    assert_eq!(
        (&place["versioning"], &place["acl"][0]["grantee"]),
        (&"unversioned".into(), &"test:tester".into())
    );
    on_swift(&["s3", "info", "s3://told-nothing"]).code(1).says(&["no such bucket"]);

    let listed = on_swift(&["--json", "s3", "ls"]).code(0).json();
    let buckets = listed["report"]["buckets"].as_array().unwrap();
    assert!(buckets.iter().any(|bucket| bucket["name"] == "told"), "{listed:#}");
    // Made again, a bucket is what it was.
    on_swift(&["s3", "mb", "s3://told"]).code(0);
    assert_eq!(etags(&client, &bucket).len(), 1);
    on_swift(&["s3", "mb", "s3://with_underscore"]).code(2).says(&["InvalidBucketName"]);
}

#[test]
fn wrong_keys_of_swift_are_no_empty_account() {
    for (access_key, secret_key) in [("test:tester", "wrong"), ("test:nobody", swift().secret_key())] {
        let mut command = words(&["s3", "ls"]);
        command.env("AWS_ACCESS_KEY_ID", access_key).env("AWS_SECRET_ACCESS_KEY", secret_key);
        ran(&mut command).code(1).says(&["SignatureDoesNotMatch", "access key"]);
    }
}
