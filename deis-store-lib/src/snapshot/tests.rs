//! Snapshots, written and read.

use std::io::{Write, read_to_string};

use super::list_reader::ListReader;
use super::name::{MANIFEST, MANIFEST_DIGEST};
use super::sample::{self, KEYS};
use super::{FileDigest, SnapshotReader};
use crate::error::{ErrorKind, Result};
use crate::hash::Sha256;
use crate::outcome::{Outcome, PartOutcome};
use crate::part::Part;

#[test]
fn what_was_put_in_comes_out() {
    let directory = tempfile::tempdir().unwrap();
    let name = sample::build(directory.path()).manifest().snapshot.clone();
    let snapshot = SnapshotReader::open(directory.path().join(name)).unwrap();
    let lines: Vec<_> = snapshot.lines(&Part::registry()).unwrap().collect::<Result<_>>().unwrap();
    let (stored, gone): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.outcome == Outcome::Stored);
    assert_eq!(stored.iter().map(|line| line.key.as_str()).collect::<Vec<_>>(), KEYS);
    assert_eq!(gone.len(), 1);
    for line in stored {
        let text = read_to_string(snapshot.open_object(&Part::registry(), line).unwrap()).unwrap();
        assert_eq!(text, format!("bytes of {}", line.key));
    }
    let configuration = read_to_string(snapshot.open_file("config.json").unwrap()).unwrap();
    assert_eq!(configuration.into_bytes(), sample::content(&Part::Config));
    assert_eq!(snapshot.manifest().parts[&Part::Sql].outcome, PartOutcome::Skipped);
    assert_eq!(snapshot.lines(&Part::Sql).unwrap().count(), 0);
}

#[test]
fn files_that_the_manifest_does_not_name_are_not_opened() {
    let directory = tempfile::tempdir().unwrap();
    let snapshot = sample::build(directory.path());
    for path in ["manifest.json", "../deis-store.json", "/etc/passwd", "dump_all.sql.gz"] {
        assert_eq!(snapshot.open_file(path).unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[test]
fn sha256sum_can_check_the_manifest() {
    let directory = tempfile::tempdir().unwrap();
    let snapshot = sample::build(directory.path());
    let mut check = std::process::Command::new("sha256sum");
    check.args(["--check", "--status", "--strict", "manifest.json.sha256"]).current_dir(snapshot.path());
    assert!(check.status().unwrap().success());
}

#[test]
fn a_run_that_did_not_finish_is_said_to_be_one() {
    let directory = tempfile::tempdir().unwrap();
    let unfinished = sample::begin(directory.path());
    let path = directory.path().join(format!("{}.unfinished", unfinished.name()));
    let error = SnapshotReader::open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().contains("did not finish"), "{error}");
    let repository = SnapshotReader::open(directory.path()).unwrap_err();
    assert_eq!(repository.advice(), Some("it has no finished snapshot: run the backup first"));
}

#[test]
fn a_repository_in_place_of_a_snapshot_names_the_newest() {
    let directory = tempfile::tempdir().unwrap();
    sample::build(directory.path());
    let newest = sample::build(directory.path());
    let error = SnapshotReader::open(directory.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    let advice = error.advice().unwrap();
    assert!(advice.contains(&newest.manifest().snapshot) && advice.contains("1 more"), "{advice}");
}

#[test]
fn a_directory_of_something_else_is_not_found() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(SnapshotReader::open(directory.path()).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(SnapshotReader::open(directory.path().join("x")).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_snapshot_of_a_newer_version_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = sample::build(directory.path()).path().to_owned();
    let text = std::fs::read_to_string(path.join(MANIFEST)).unwrap();
    for (old, new, name) in [
        ("\"requires\": []", "\"requires\": [\"shards\"]", "shards"),
        ("\"format\": 1", "\"format\": 2", "format 2"),
    ] {
        let newer = text.replace(old, new);
        let digest = format!("{}  {MANIFEST}\n", Sha256::of(newer.as_bytes()));
        std::fs::write(path.join(MANIFEST), newer).unwrap();
        std::fs::write(path.join(MANIFEST_DIGEST), digest).unwrap();
        let error = SnapshotReader::open(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Format);
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn a_key_in_two_lists_is_damage() {
    let directory = tempfile::tempdir().unwrap();
    let unfinished = sample::begin(directory.path());
    let mut manifest = sample::fill(&unfinished);
    let first =
        directory.path().join(format!("{}.unfinished/lists/registry.1-of-2.jsonl.gz", unfinished.name()));
    // Sealed again as the second list, so that digests agree and only the keys are there twice.
    let mut file = unfinished.list(&Part::registry(), 2, 2).unwrap();
    let digest = |bytes: &[u8]| FileDigest {
        path: "l".to_owned(),
        size_bytes: bytes.len() as u64,
        sha256: Sha256::of(bytes),
    };
    let bytes = std::fs::read(first).unwrap();
    for line in ListReader::new(&bytes[..], digest(&bytes)) {
        file.add(&line.unwrap()).unwrap();
    }
    file.finish().unwrap();
    manifest.parts.remove(&Part::db_wal());
    let snapshot = unfinished.commit(manifest).unwrap();
    let lines: Result<Vec<_>> = snapshot.lines(&Part::registry()).unwrap().collect();
    let error = lines.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().contains("the same key"), "{error}");
}

#[test]
fn it_is_committed_with_the_modes_of_the_format_and_nothing_else_in_it() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let snapshot = sample::build(directory.path());
    let mode = |path: &str| snapshot.path().join(path).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("registry"), mode("registry/%-")), (0o700, 0o700, 0o700));
    assert_eq!(
        (mode("registry/a"), mode("manifest.json"), mode("lists/db_wal.1-of-1.jsonl.gz")),
        (0o400, 0o600, 0o600)
    );
    let names: Vec<_> = snapshot.root().list().unwrap().into_iter().map(|entry| entry.name).collect();
    let expected = [
        "config.json",
        "db_wal",
        "lists",
        "manifest.json",
        "manifest.json.sha256",
        "registry",
        "run.json",
        "store_file_backup.tar.gz",
    ];
    assert_eq!(names, expected);
}

#[test]
fn only_the_names_of_the_format_are_written_and_only_whole_parts_sealed() {
    let directory = tempfile::tempdir().unwrap();
    let unfinished = sample::begin(directory.path());
    for name in ["manifest.json", "../x", "run.json", "notes"] {
        assert_eq!(unfinished.file(name).unwrap_err().kind(), ErrorKind::Internal);
    }
    assert!(unfinished.list(&Part::Sql, 1, 1).is_err() && unfinished.list(&Part::registry(), 3, 2).is_err());
    assert!(unfinished.objects(&Part::Volume).is_err());
    unfinished.file("store_file_backup.index.jsonl.gz").unwrap().write_all(b"dropped").unwrap();
    let mut manifest = sample::fill(&unfinished);
    manifest.parts.get_mut(&Part::Sql).unwrap().files.push("dump_all.sql.gz".to_owned());
    assert_eq!(unfinished.commit(manifest).unwrap_err().kind(), ErrorKind::Internal);
}

#[test]
fn an_added_bucket_has_a_directory_and_lists_of_its_own_name_and_older_versions_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let unfinished = sample::begin(directory.path());
    let mut manifest = sample::fill(&unfinished);
    let parts = ["uploads:wal-e", "uploads.old"].map(|text| Part::Bucket(text.parse().unwrap()));
    for part in &parts {
        unfinished.objects(part).unwrap();
        let list = unfinished.list(part, 1, 1).unwrap().finish().unwrap();
        let mut entry = super::PartEntry::new(PartOutcome::Stored);
        entry.lists.push(list.name);
        manifest.parts.insert(part.clone(), entry);
    }
    // The remains of a part that failed are removed, but nothing of the part whose name begins like its own.
    unfinished.discard(&parts[0]).unwrap();
    manifest.parts.remove(&parts[0]);
    let snapshot = unfinished.commit(manifest).unwrap();
    assert_eq!(snapshot.lines(&parts[1]).unwrap().count(), 0);
    let exists = |path: &str| snapshot.path().join(path).exists();
    assert!(exists("bucket.uploads.old") && exists("lists/bucket.uploads.old.1-of-1.jsonl.gz"));
    assert!(!exists("bucket.uploads") && !exists("lists/bucket.uploads.1-of-1.jsonl.gz"));
    assert!(snapshot.manifest().requires.contains("buckets"));
}
