//! `diff`, as it is typed: a difference is told and is no failure, a damaged list is one.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use deis_store_tests::faulty::FaultyGateway;
use sha2::{Digest as _, Sha256};

use crate::program::{alone, command, ran, with_peak_memory};

const SENTINEL: &str = "basebackups_005/base_00000001000000000000000A_00000040_backup_stop_sentinel.json";
const TAG: &str = "registry/repositories/library/app/tag_v1";

/// The most memory that a comparison of a million objects may need: 48 MiB.
const MOST_MEMORY_KB: u64 = 48 << 10;

fn backed_up(gateway: &FaultyGateway, repository: &Path) -> PathBuf {
    let mut command = command();
    command.env("AWS_ACCESS_KEY_ID", "AK").env("AWS_SECRET_ACCESS_KEY", "SK");
    command.args(["--gateway", &gateway.url(), "backup"]).arg(repository);
    command.args([
        "--bucket",
        "wal:wal-e",
        "--bucket",
        "uploads",
        "--only",
        "registry,bucket.wal,bucket.uploads",
    ]);
    // Of buckets as small as these, one object is much.
    let report = ran(command.args(["--max-loss", "100", "--json"])).code(0).json();
    PathBuf::from(report["report"]["snapshot"].as_str().unwrap())
}

#[test]
fn what_changed_between_two_backups_is_told_in_text_and_json_and_damage_exits_with_4() {
    let gateway = FaultyGateway::start().unwrap();
    for segment in ['9', 'A', 'B'] {
        gateway.store("wal", &format!("wal_005/00000001000000000000000{segment}.lzo"), b"log");
    }
    let partition = SENTINEL.replace("_backup_stop_sentinel.json", "/tar_partitions/part_00000000.tar.lzo");
    gateway.store("wal", &partition, b"part");
    gateway.store("wal", SENTINEL, br#"{"wal_segment_backup_stop":"00000001000000000000000A"}"#);
    for key in ["ancestry", "json", "layer"] {
        gateway.store("registry", &format!("registry/images/1/{key}"), br#"["1"]"#);
    }
    gateway.store("registry", TAG, b"1");
    gateway.store("uploads", "a", b"stays");
    gateway.store("uploads", "b", b"old");
    let scratch = tempfile::tempdir().unwrap();
    let first = backed_up(&gateway, scratch.path());
    gateway.store("wal", "wal_005/00000001000000000000000C.lzo", b"log");
    gateway.store("uploads", "b", b"newer");
    gateway.store("uploads", "odd\u{1b}[0m", b"x");
    gateway.delete("registry", TAG);
    let second = backed_up(&gateway, scratch.path());
    let words = [first.to_str().unwrap(), second.to_str().unwrap()];

    let text = alone(&["diff", words[0], words[1]]).code(0).stdout;
    for said in [
        "5 objects, 67 B → 6 objects, 70 B",
        "timeline 1 reaches to 00000001000000000000000B → 00000001000000000000000C",
        &format!("1 sentinels and tags went: {TAG}"),
        "1 changed, 3 B → 5 B: b",
        "in neither: skipped",
        "They differ.",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(!text.contains('\u{1b}'), "{text}");

    let json = alone(&["diff", words[0], words[1], "--json"]).code(0).json();
    assert_eq!((&json["command"], &json["exit"]), (&"diff".into(), &0.into()));
    let report = &json["report"];
    assert_eq!((&report["same"], &report["before"]["snapshot"]), (&false.into(), &words[0].into()));
    let uploads = &report["parts"]["bucket.uploads"];
    assert_eq!((&uploads["added"]["count"], &uploads["changed"]["names"][0]), (&1.into(), &"b".into()));
    assert_eq!(report["parts"]["registry"]["references_removed"]["names"], serde_json::json!([TAG]));
    assert_eq!(report["parts"]["sql"]["same"], serde_json::Value::Null);

    let same = alone(&["diff", words[0], words[0]]).code(0).stdout;
    assert!(same.contains("They hold the same"), "{same}");
    alone(&["diff", words[0], words[1], words[0]]).code(2).says(&["two directories", "these are 3"]);
    alone(&["diff", words[0], "s3://registry"]).code(2);
    alone(&["diff", words[0], scratch.path().to_str().unwrap()]).code(2).says(&["a repository", words[1]]);

    let list = "lists/bucket.uploads.1-of-1.jsonl.gz";
    std::fs::remove_file(second.join(list)).unwrap();
    alone(&["diff", words[0], words[1]]).code(4).says(&[list, words[1]]);
}

/// A snapshot of a bucket with so many objects, without their files.
fn of_many(repository: &Path, name: &str, keys: impl Iterator<Item = u32>) -> PathBuf {
    let directory = repository.join(name);
    std::fs::create_dir_all(directory.join("lists")).unwrap();
    let list = "lists/registry.1-of-1.jsonl.gz";
    let file = std::fs::File::create(directory.join(list)).unwrap();
    let mut gzip =
        Command::new("gzip").args(["-1", "-n"]).stdin(Stdio::piped()).stdout(file).spawn().unwrap();
    let mut lines = std::io::BufWriter::new(gzip.stdin.take().unwrap());
    let mut count = 0;
    for key in keys {
        count += 1;
        let digest = format!("{key:064x}");
        writeln!(
            lines,
            r#"{{"key":"registry/images/{digest}/layer","size":1,"etag":"{}","modified":"2026-11-22T08:00:00.000Z","outcome":"stored","checked":"md5","sha256":"{digest}"}}"#,
            &digest[32..]
        )
        .unwrap();
    }
    drop(lines);
    assert!(gzip.wait().unwrap().success());
    let bytes = std::fs::read(directory.join(list)).unwrap();
    let manifest = serde_json::json!({
        "format": 1, "snapshot": name, "program": "a test", "repository": "r", "complete": true,
        "started": "2026-11-22T08:00:00.000Z", "ended": "2026-11-22T08:00:00.000Z", "source": {},
        "parts": { "registry": { "outcome": "stored", "counts": { "listed": count, "stored": count }, "bytes": count,
            "lists": ["registry.1-of-1.jsonl.gz"] } },
        "files": [{ "path": list, "size": bytes.len(), "sha256": sha256(&bytes) }],
    });
    let text = serde_json::to_vec(&manifest).unwrap();
    std::fs::write(directory.join("manifest.json.sha256"), format!("{}  manifest.json\n", sha256(&text)))
        .unwrap();
    std::fs::write(directory.join("manifest.json"), text).unwrap();
    directory
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[test]
#[ignore = "it takes longer: two lists of a million lines are made and compared"]
fn a_million_objects_are_compared_in_48_mib() {
    let scratch = tempfile::tempdir().unwrap();
    let before = of_many(scratch.path(), "2026-11-22T08-00-00Z", 0..1_000_000);
    // Half of them are gone, and as many have come.
    let after = of_many(scratch.path(), "2026-11-23T08-00-00Z", 500_000..1_500_000);
    let (ran, most_kb) = with_peak_memory(command().arg("diff").arg(&before).arg(&after).arg("--json"));
    let json = ran.code(0).json();
    let registry = &json["report"]["parts"]["registry"];
    assert_eq!(
        (&registry["added"]["count"], &registry["removed"]["count"]),
        (&500_000.into(), &500_000.into())
    );
    assert_eq!(registry["added"]["names"].as_array().unwrap().len(), 1000);
    assert!((1000..=MOST_MEMORY_KB).contains(&most_kb), "{most_kb} kB");
    eprintln!("{most_kb} kB");
}
