//! `s3 sync` on a real radosgw: keys come back unchanged, and the results of s3cmd and ours are the same.

use std::collections::BTreeMap;
use std::path::Path;

use deis_store::s3::BucketName;
use deis_store_tests::environment::Environment;
use futures_util::TryStreamExt as _;

use super::{Place, Synced, bodies, files, keys, write};
use crate::clusters::{a, client};
use crate::program::{at_gateway, on};
use crate::s3cmd::S3cmd;

fn sync(cluster: &Environment, arguments: &[&str]) -> Synced {
    let arguments = [&["--json", "s3", "sync"], arguments].concat();
    Synced::of(at_gateway(&cluster.gateways[0], cluster, &cluster.secret_key, &arguments))
}

/// The objects of a bucket: key → size and `ETag`.
fn objects(cluster: &Environment, bucket: &str) -> BTreeMap<String, (u64, String)> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bucket = BucketName::new(bucket).unwrap();
    let listing = client(cluster).list(&bucket, "");
    let all = listing.map_ok(|object| (object.key.into(), (object.size_bytes, object.etag)));
    runtime.block_on(all.try_collect()).unwrap()
}

#[test]
fn every_key_is_pulled_from_radosgw_and_pushed_to_a_second_bucket_as_it_was() {
    let (a, place) = (a(), Place::with(&[]));
    for key in keys::keys() {
        place.gateway.store("db_wal", &key, key.as_bytes());
    }
    place.pull(&[]).code(0);
    for bucket in ["sync_keys_1", "sync_keys_2"] {
        on(&a, &["s3", "mb", &format!("s3://{bucket}")]).code(0);
    }
    let tree = |path: &Path| format!("{}/", path.to_str().unwrap());
    let pushed = sync(&a, &[&tree(&place.directory()), "s3://sync_keys_1"]).code(0);
    assert_eq!(pushed.count("stored"), keys::keys().len() as u64);
    let other = place.scratch.path().join("other");
    sync(&a, &["s3://sync_keys_1", other.to_str().unwrap()]).code(0);
    assert_eq!(bodies(&other), bodies(&place.directory()));
    sync(&a, &[&tree(&other), "s3://sync_keys_2"]).code(0);
    let there = objects(&a, "sync_keys_2");
    assert_eq!(there.keys().cloned().collect::<Vec<_>>(), {
        let mut keys = keys::keys();
        keys.sort();
        keys
    });
    assert_eq!(there, objects(&a, "sync_keys_1"));

    // Nothing is sent again. Then objects whose files were removed are deleted.
    let again = sync(&a, &[&tree(&other), "s3://sync_keys_2"]).code(0);
    assert_eq!(again.count("unchanged"), keys::keys().len() as u64);
    std::fs::remove_file(other.join("ok.txt")).unwrap();
    std::fs::remove_file(other.join("new%0Aline")).unwrap();
    sync(&a, &[&tree(&other), "s3://sync_keys_2", "--delete-removed", "--max-delete", "1"]).code(5);
    assert_eq!(objects(&a, "sync_keys_2").len(), keys::keys().len());
    let synced = sync(&a, &[&tree(&other), "s3://sync_keys_2", "--delete-removed"]).code(0);
    assert_eq!((synced.outcome("ok.txt"), synced.outcome("new\nline")), ("deleted", "deleted"));
    assert_eq!(objects(&a, "sync_keys_2").len(), keys::keys().len() - 2);
}

#[test]
fn s3cmd_and_we_leave_the_same_in_both_directions() {
    let (a, scratch) = (a(), tempfile::tempdir().unwrap());
    let s3cmd = S3cmd::new(&a);
    let path = |name: &str| scratch.path().join(name).to_str().unwrap().to_owned();
    for (number, size) in [0, 1, 1234, 70_000, 17_000_001].into_iter().enumerate() {
        let bytes: Vec<u8> = (0..size).map(|index: u32| u8::try_from(index * 31 % 251).unwrap()).collect();
        write(&scratch.path().join(format!("basebackups_005/base_{number}/part {number}+é.lzo")), &bytes);
    }
    for bucket in ["sync_theirs", "sync_ours"] {
        on(&a, &["s3", "mb", &format!("s3://{bucket}")]).code(0);
    }
    s3cmd.run(&["sync", &path("basebackups_005"), "s3://sync_theirs"]);
    s3cmd.run(&["sync", &path("basebackups_005/"), "s3://sync_theirs/inner/"]);
    sync(&a, &[&path("basebackups_005"), "s3://sync_ours"]).code(0);
    sync(&a, &[&path("basebackups_005/"), "s3://sync_ours/inner/"]).code(0);
    let sizes =
        |bucket| objects(&a, bucket).into_iter().map(|(key, (size, _))| (key, size)).collect::<Vec<_>>();
    assert_eq!(sizes("sync_ours"), sizes("sync_theirs"));
    assert_eq!(sizes("sync_ours").len(), 10);

    for prefix in ["", "/inner", "/inner/", "/basebackups_005/base_3/"] {
        let source = format!("s3://sync_theirs{prefix}");
        let (theirs, ours) = (scratch.path().join("theirs"), scratch.path().join("ours"));
        s3cmd.run(&["sync", &source, &format!("{}/", theirs.to_str().unwrap())]);
        sync(&a, &[&source, ours.to_str().unwrap()]).code(0);
        assert!(
            files(&ours) == files(&theirs),
            "{source}: {:?} {:?}",
            files(&ours).keys(),
            files(&theirs).keys()
        );
        assert!(!files(&ours).is_empty(), "{source}");

        // A file that s3cmd made is read once. From then on its size and time are enough.
        let listed = files(&theirs).len() as u64;
        for _ in 0..2 {
            let again = sync(&a, &[&source, theirs.to_str().unwrap(), "--delete-removed"]).code(0);
            assert_eq!(again.count("unchanged"), listed, "{again:#?}");
        }
        std::fs::remove_dir_all(theirs).unwrap();
        std::fs::remove_dir_all(ours).unwrap();
    }
}

#[test]
fn a_bucket_becomes_as_another_one_is_without_its_bytes_coming_here() {
    let (a, scratch) = (a(), tempfile::tempdir().unwrap());
    for bucket in ["sync_from", "sync_to"] {
        on(&a, &["s3", "mb", &format!("s3://{bucket}")]).code(0);
    }
    for key in ["p/1", "p/2 +é%", "q"] {
        write(&scratch.path().join("from").join(key), key.as_bytes());
    }
    let tree = format!("{}/from/", scratch.path().to_str().unwrap());
    sync(&a, &[&tree, "s3://sync_from"]).code(0);
    let copied = sync(&a, &["s3://sync_from", "s3://sync_to"]).code(0);
    assert_eq!(copied.count("stored"), 3);
    assert_eq!(objects(&a, "sync_to"), objects(&a, "sync_from"));
    assert_eq!(sync(&a, &["s3://sync_from", "s3://sync_to"]).code(0).count("unchanged"), 3);

    sync(&a, &["s3://sync_from/p/", "s3://sync_to/r/"]).code(0);
    let below: Vec<String> = objects(&a, "sync_to").into_keys().filter(|key| key.starts_with("r/")).collect();
    assert_eq!(below, ["r/1", "r/2 +é%"]);
    let synced = sync(&a, &["s3://sync_from", "s3://sync_to", "--delete-removed"]).code(0);
    assert_eq!(synced.report["deleted"], 2);
    assert_eq!(objects(&a, "sync_to"), objects(&a, "sync_from"));

    // A copy into its own source would never end, and a copy of a part onto the whole would delete its source.
    for [source, target] in [["s3://sync_to", "s3://sync_to/x/"], ["s3://sync_to/p/", "s3://sync_to"]] {
        sync(&a, &[source, target, "--delete-removed"]).code(2);
    }
    assert_eq!(objects(&a, "sync_to"), objects(&a, "sync_from"));
}
