//! To which point a bucket can be brought back: a real WAL-E's bucket, and each damage alone.

use std::collections::BTreeMap;

use deis_store::s3::ObjectKey;
use deis_store_tests::faulty::FaultyGateway;
use serde_json::Value;

use crate::buckets::listed;
use crate::clusters::{a, client};
use crate::main_job::{block, bucket};
use crate::program::Ran;
use crate::readme::{blocks_of, run_script};
use crate::whole::at;

const RESTORABILITY: &str = include_str!("../../docs/restorability.md");

/// The bucket of a real database, as WAL-E has filled it, in a gateway in which it may be damaged.
struct Copied {
    gateway: FaultyGateway,
    objects: BTreeMap<String, Vec<u8>>,
}

impl Copied {
    fn new() -> Self {
        let (client, from) = (client(&a()), bucket("db_wal"));
        let mut found = listed(&client, &from);
        found.sort_by(|one, other| one.modified.cmp(&other.modified));
        let gateway = FaultyGateway::start().unwrap();
        let mut objects = BTreeMap::new();
        for object in found {
            let key = ObjectKey::new(object.key.as_str()).unwrap();
            let (bytes, _) = block(client.get_bytes(&from, &key).at_most(64 << 20).into_future()).unwrap();
            gateway.store("wal", key.as_str(), &bytes);
            objects.insert(String::from(key), bytes.to_vec());
        }
        Self { gateway, objects }
    }

    /// The keys that have this in them, in order.
    fn keys(&self, part: &str) -> Vec<String> {
        self.objects.keys().filter(|key| key.contains(part)).cloned().collect()
    }

    /// The keys of the segments, in order.
    fn segments(&self) -> Vec<String> {
        let is_segment = |key: &String| key.len() == "wal_005/000000010000000000000001.lzo".len();
        self.keys("wal_005/0").into_iter().filter(is_segment).collect()
    }

    fn run(&self, words: &[&str]) -> Ran {
        at(&self.gateway, words)
    }

    fn verified(&self, code: i32) -> Value {
        let report = self.run(&["verify", "s3://wal", "--as", "wal-e", "--json"]).code(code).json();
        report["report"].clone()
    }

    /// Damages one object, verifies the bucket, and mends it.
    fn damaged(&self, key: &str, body: Option<&[u8]>, code: i32) -> Value {
        match body {
            Some(body) => self.gateway.store("wal", key, body),
            None => self.gateway.delete("wal", key),
        }
        let report = self.verified(code);
        self.gateway.store("wal", key, &self.objects[key]);
        report
    }
}

fn latest(report: &Value) -> &Value {
    report["restorable"]["databases"][0]["base_backups"].as_array().unwrap().last().unwrap()
}

fn kinds(report: &Value) -> Vec<(&str, &str)> {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().map(|one| (one["kind"].as_str().unwrap(), one["name"].as_str().unwrap())).collect()
}

#[test]
fn a_real_database_is_whole_and_each_damage_of_it_is_named() {
    let copied = Copied::new();
    let whole = copied.verified(0);
    assert_eq!((&latest(&whole)["restorable"], kinds(&whole).len()), (&true.into(), 0), "{whole:#}");
    assert!(latest(&whole)["end"].as_str().is_some_and(|end| end.contains('/')), "{whole:#}");
    let segments = copied.segments();
    assert!(segments.len() > 3, "{segments:?}");
    let base = latest(&whole)["name"].as_str().unwrap().to_owned();
    let start = segments.iter().position(|key| key.contains(&base[5..29])).unwrap();
    let body = |key: &String| copied.objects[key].clone();

    // The log: a hole, an end, and what no base backup needs.
    let last = segments.len() - 1;
    let before_last = &segments[last - 1];
    let hole = copied.damaged(before_last, None, 4);
    assert!(
        kinds(&hole).iter().any(|(kind, name)| *kind == "gap" && before_last.starts_with(name)),
        "{hole:#}"
    );
    let shorter = copied.damaged(&segments[last], None, 0);
    assert_ne!(latest(&shorter)["end"], latest(&whole)["end"]);
    if start > 0 {
        assert_eq!(latest(&copied.damaged(&segments[0], None, 0))["end"], latest(&whole)["end"]);
    }

    // A segment: cut off, a flipped bit, another one's bytes, none of a log.
    let key = &segments[last];
    let cut = body(key)[..body(key).len() / 2].to_vec();
    let mut flipped = body(key);
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x10;
    for wrong in [cut, flipped, body(before_last), b"no log".to_vec(), Vec::new()] {
        let report = copied.damaged(key, Some(&wrong), 4);
        assert!(kinds(&report).contains(&("broken", key)), "{report:#}");
    }

    // A base backup: a partition that is gone or broken, a sentinel that is gone or none.
    let partition = &copied.keys(&format!("{base}/tar_partitions/"))[0];
    let report = copied.damaged(partition, None, 4);
    assert_eq!(latest(&report)["restorable"], false, "{report:#}");
    let cut = body(partition)[..body(partition).len() - 9].to_vec();
    assert!(kinds(&copied.damaged(partition, Some(&cut), 4)).contains(&("broken", partition)));
    let sentinel = &copied.keys(&format!("{base}_backup_stop"))[0];
    assert!(kinds(&copied.damaged(sentinel, Some(b"{}"), 4)).contains(&("broken", sentinel)));
    let without = copied.damaged(sentinel, None, 0);
    assert!(kinds(&without).iter().any(|(kind, _)| *kind == "unfinished"), "{without:#}");
}

#[test]
fn a_hole_of_the_source_is_kept_named_and_not_restored_without_a_word() {
    let copied = Copied::new();
    let segments = copied.segments();
    let hole = &segments[segments.len() - 2];
    let scratch = tempfile::tempdir().unwrap();
    let repository = scratch.path().to_str().unwrap();
    let backup = ["backup", repository, "--bucket", "wal:wal-e", "--max-loss", "100", "--json"];
    let whole = copied.run(&backup).code(0).json();
    let said = copied.run(&["verify", whole["report"]["snapshot"].as_str().unwrap()]).code(0);
    assert!(said.stdout.contains("bucket.wal: the database can be restored to the segment"), "{said:#?}");

    copied.gateway.delete("wal", hole);
    let report = copied.run(&backup).code(4).json();
    assert!(kinds(&report["report"]).iter().any(|(kind, name)| *kind == "gap" && hole.starts_with(name)));
    let snapshot = report["report"]["snapshot"].as_str().unwrap();
    copied.run(&["verify", snapshot]).code(4);
    let new = FaultyGateway::start().unwrap();
    let restore = |more: &[&str]| at(&new, &[&["restore", snapshot, "--yes"], more].concat());
    restore(&[]).code(5).says(&["the log goes to", "--only"]);
    assert!(new.stored("wal", &segments[0]).is_none());
    // By name what there is comes back, and the base backup that needs the segment is held back.
    restore(&["--only", "bucket.wal"]).code(3);
    assert_eq!(new.stored("wal", &segments[0]).as_deref(), Some(&copied.objects[&segments[0]][..]));
}

#[test]
fn what_a_bucket_holds_is_said_and_a_snapshot_says_it_itself() {
    let copied = Copied::new();
    copied.run(&["verify", "s3://wal"]).code(2).says(&["--as wal-e"]);
    copied.run(&["verify", ".", "--as", "wal-e"]).code(2).says(&["a snapshot says itself"]);
    copied.run(&["verify", "s3://nowhere", "--as", "plain"]).code(1).says(&["nowhere"]);
    let quick = copied.run(&["verify", "s3://wal", "--as", "wal-e", "--quick"]).code(0);
    assert!(quick.stdout.contains(" 0 of them read"), "{quick:#?}");
}

#[test]
fn every_command_about_restorability_works_as_typed() {
    let a = a();
    let scratch = tempfile::tempdir().unwrap();
    let s3cfg = scratch.path().join("s3cfg");
    let keys = format!("[default]\naccess_key = {}\nsecret_key = {}\n", a.access_key, a.secret_key);
    std::fs::write(&s3cfg, keys).unwrap();
    let blocks: Vec<&str> = blocks_of(RESTORABILITY, "sh").collect();
    assert_eq!(blocks.len(), 1);
    let repository = scratch.path().join("repository");
    let script = format!(
        "deis-store --gateway \"$GATEWAY\" --s3cfg \"$S3CFG\" backup {} --bucket oddities >&2\nSNAPSHOT=$(ls -d {}/2*Z)\n{}",
        repository.display(),
        repository.display(),
        blocks[0]
    );
    let said = run_script(
        &script,
        scratch.path(),
        &[("GATEWAY", &a.gateways[0]), ("S3CFG", s3cfg.to_str().unwrap())],
    );
    assert!(said.contains("db_wal: the database can be restored"), "{said}");
    assert!(said.contains("tags are complete"), "{said}");
}
