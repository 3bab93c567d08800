//! Damage tests: what is done to a snapshot × where, and the verdict.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::*;
use crate::disk::partial_name;
use crate::outcome::{Counts, PartOutcome};
use crate::part::Part;
use crate::report::FindingKind;
use crate::snapshot::sample::{self, KEYS};

/// A snapshot that nobody holds open, so that it can be damaged and opened.
struct Damaged {
    _directory: tempfile::TempDir,
    snapshot: PathBuf,
}

impl Damaged {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let snapshot = sample::build(directory.path()).path().to_owned();
        Self { _directory: directory, snapshot }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.snapshot.join(path)
    }

    async fn verify(&self, options: &VerifyOptions) -> Result<VerifyReport> {
        verify(&SnapshotReader::open(&self.snapshot)?, options, &Run::silent()).await
    }

    async fn findings(&self) -> Vec<(FindingKind, String)> {
        let report = self.verify(&VerifyOptions::default()).await.unwrap();
        report.findings.list().iter().map(|finding| (finding.kind, finding.name.clone())).collect()
    }
}

type Action = (&'static str, fn(&Path));

const ACTIONS: [Action; 6] = [
    ("delete", |path| fs::remove_file(path).unwrap()),
    ("truncate", |path| change(path, |bytes| bytes.truncate(bytes.len() - 1))),
    ("flip a bit", |path| change(path, |bytes| *bytes.last_mut().unwrap() ^= 1)),
    ("grow", |path| change(path, |bytes| bytes.push(b'\n'))),
    ("replace by a symlink", |path| {
        fs::rename(path, path.with_extension("away")).unwrap();
        symlink(path.with_extension("away"), path).unwrap();
    }),
    ("replace by a directory", |path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    }),
];

/// Files are replaced and not edited, as by one who restores half of a copy: objects are 0400.
fn change(path: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    edit(&mut bytes);
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

fn swap(one: &Path, other: &Path) {
    let away = one.with_extension("swap");
    fs::rename(one, &away).unwrap();
    fs::rename(other, one).unwrap();
    fs::rename(away, other).unwrap();
}

#[tokio::test]
async fn an_untouched_snapshot_is_good_and_every_file_was_looked_at() {
    let untouched = Damaged::new();
    let report = untouched.verify(&VerifyOptions::default()).await.unwrap();
    assert_eq!((report.verdict, report.findings.list()), (Verdict::Good, &[][..]));
    // Objects, three lists, run.json, config.json and the volume.
    assert_eq!(report.files_checked, KEYS.len() as u64 + 6);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["verdict"], "good");
    assert_eq!(json["findings_left_out"], 0);
}

#[tokio::test]
async fn every_damage_to_a_file_of_the_snapshot_is_found_and_named() {
    let places = [
        ("registry/%-/registry/one", "/registry/one"),
        ("registry/a%+/b", "a/b"),
        ("lists/registry.2-of-2.jsonl.gz", "lists/registry.2-of-2.jsonl.gz"),
        ("lists/db_wal.1-of-1.jsonl.gz", "lists/db_wal.1-of-1.jsonl.gz"),
        ("config.json", "config.json"),
        ("run.json", "run.json"),
        ("store_file_backup.tar.gz", "store_file_backup.tar.gz"),
    ];
    for (path, name) in places {
        for (action, damage) in ACTIONS {
            let damaged = Damaged::new();
            damage(&damaged.path(path));
            let report = damaged.verify(&VerifyOptions::default()).await.unwrap();
            assert_eq!(report.verdict, Verdict::Damaged, "{action} {path}");
            let named = report.findings.list().iter().any(|finding| finding.name == name);
            assert!(named, "{action} {path}: {:?}", report.findings);
        }
    }
}

#[tokio::test]
async fn a_damaged_manifest_or_digest_of_it_opens_no_snapshot() {
    for path in ["manifest.json", "manifest.json.sha256"] {
        for (action, damage) in ACTIONS {
            let damaged = Damaged::new();
            damage(&damaged.path(path));
            let kind = damaged.verify(&VerifyOptions::default()).await.unwrap_err().kind();
            assert!(matches!(kind, ErrorKind::Damaged | ErrorKind::Occupied), "{action} {path}: {kind:?}");
        }
    }
}

#[tokio::test]
async fn two_files_that_were_swapped_are_both_found() {
    for (one, other) in [
        ("registry/%-/registry/one", "registry/%-/registry/two"),
        ("lists/registry.1-of-2.jsonl.gz", "lists/registry.2-of-2.jsonl.gz"),
        ("config.json", "run.json"),
    ] {
        let damaged = Damaged::new();
        swap(&damaged.path(one), &damaged.path(other));
        let report = damaged.verify(&VerifyOptions::default()).await.unwrap();
        assert_eq!(report.verdict, Verdict::Damaged, "{one}");
    }
    let damaged = Damaged::new();
    swap(&damaged.path("manifest.json"), &damaged.path("manifest.json.sha256"));
    assert_eq!(damaged.verify(&VerifyOptions::default()).await.unwrap_err().kind(), ErrorKind::Damaged);
}

#[tokio::test]
async fn what_nothing_names_is_found_and_does_no_harm() {
    let damaged = Damaged::new();
    let left = partial_name("a/b", "");
    let extra =
        [format!("registry/{left}"), "notes".to_owned(), "lists/x.journal".to_owned(), "db_wal/k".to_owned()];
    for path in &extra {
        fs::write(damaged.path(path), "").unwrap();
    }
    fs::write(damaged.path("verified.jsonl"), "").unwrap();
    let mut found = damaged.findings().await;
    found.sort_by(|one, other| one.1.cmp(&other.1));
    let mut expected = extra.map(|path| (FindingKind::Extra, path));
    expected.sort_by(|one, other| one.1.cmp(&other.1));
    assert_eq!(found, expected);
    let report = damaged.verify(&VerifyOptions::default()).await.unwrap();
    assert_eq!(report.verdict, Verdict::Good);
}

#[tokio::test]
async fn an_extra_file_is_found_beside_a_missing_one() {
    let damaged = Damaged::new();
    fs::rename(damaged.path("registry/a"), damaged.path("registry/z")).unwrap();
    let extra = (FindingKind::Extra, "registry/z".to_owned());
    assert_eq!(damaged.findings().await, [(FindingKind::Missing, "a".to_owned()), extra]);
}

#[tokio::test]
async fn a_directory_that_became_a_symlink_is_not_followed() {
    let damaged = Damaged::new();
    fs::rename(damaged.path("registry"), damaged.path("../elsewhere")).unwrap();
    symlink("../elsewhere", damaged.path("registry")).unwrap();
    let found = damaged.findings().await;
    let not_files = found.iter().filter(|(kind, _)| *kind == FindingKind::NotAFile).count();
    assert_eq!(not_files, KEYS.len());
}

#[tokio::test]
async fn quick_sees_presence_and_sizes_and_reads_no_object() {
    let quick = VerifyOptions { read: Read::Sizes };
    for (action, damage) in ACTIONS {
        let damaged = Damaged::new();
        damage(&damaged.path("registry/%-/registry/one"));
        let expected = if action == "flip a bit" { Verdict::Good } else { Verdict::Damaged };
        assert_eq!(damaged.verify(&quick).await.unwrap().verdict, expected, "{action}");
    }
}

#[tokio::test]
async fn a_sample_reads_less_and_sees_every_file() {
    let untouched = Damaged::new();
    let sample = |percent| VerifyOptions { read: Read::Sample { percent: Percent::new(percent).unwrap() } };
    let whole = untouched.verify(&sample(100)).await.unwrap();
    let small = untouched.verify(&sample(1)).await.unwrap();
    assert!(small.bytes_checked < whole.bytes_checked);
    assert_eq!(small.files_checked, whole.files_checked);
    assert_eq!(Percent::new(101).unwrap_err().kind(), ErrorKind::Usage);
}

#[tokio::test]
async fn an_incomplete_snapshot_is_incomplete_at_best() {
    let directory = tempfile::tempdir().unwrap();
    let unfinished = sample::begin(directory.path());
    let mut manifest = sample::fill(&unfinished);
    manifest.complete = false;
    let sql = manifest.parts.get_mut(&Part::Sql).unwrap();
    (sql.outcome, sql.why) = (PartOutcome::Failed, Some("the container is not running".to_owned()));
    let snapshot = unfinished.commit(manifest).unwrap();
    let report = verify(&snapshot, &VerifyOptions::default(), &Run::silent()).await.unwrap();
    assert_eq!(report.verdict, Verdict::Incomplete);
    assert_eq!(report.findings.list()[0].what, "was not taken: the container is not running");
    fs::remove_file(snapshot.path().join("config.json")).unwrap();
    let report = verify(&snapshot, &VerifyOptions::default(), &Run::silent()).await.unwrap();
    assert_eq!(report.verdict, Verdict::Damaged);
}

#[tokio::test]
async fn counts_that_are_not_the_lists_are_a_contradiction() {
    let directory = tempfile::tempdir().unwrap();
    let unfinished = sample::begin(directory.path());
    let mut manifest = sample::fill(&unfinished);
    let registry = manifest.parts.get_mut(&Part::registry()).unwrap();
    (registry.counts.stored, registry.counts.vanished) = (4, 2);
    let snapshot = unfinished.commit(manifest).unwrap();
    let report = verify(&snapshot, &VerifyOptions::default(), &Run::silent()).await.unwrap();
    assert_eq!(report.findings.list()[0].kind, FindingKind::Contradiction);
    assert_eq!(report.verdict, Verdict::Damaged);
}

#[tokio::test]
async fn a_part_said_to_be_stored_without_anything_of_it_is_a_contradiction() {
    let directory = tempfile::tempdir().unwrap();
    let unfinished = sample::begin(directory.path());
    let mut manifest = sample::fill(&unfinished);
    let registry = manifest.parts.get_mut(&Part::registry()).unwrap();
    (registry.lists, registry.counts, registry.bytes) = (Vec::new(), Counts::default(), 0);
    let snapshot = unfinished.commit(manifest).unwrap();
    let report = verify(&snapshot, &VerifyOptions::default(), &Run::silent()).await.unwrap();
    assert_eq!(report.verdict, Verdict::Damaged);
}

#[tokio::test]
async fn a_stop_ends_it() {
    let untouched = Damaged::new();
    let run = Run::silent();
    run.stop.stop();
    let snapshot = SnapshotReader::open(&untouched.snapshot).unwrap();
    let error = verify(&snapshot, &VerifyOptions::default(), &run).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
}

#[tokio::test]
async fn it_can_run_on_a_runtime_of_many_threads() {
    let untouched = Damaged::new();
    let snapshot = SnapshotReader::open(&untouched.snapshot).unwrap();
    let task =
        tokio::spawn(async move { verify(&snapshot, &VerifyOptions::default(), &Run::silent()).await });
    assert_eq!(task.await.unwrap().unwrap().verdict, Verdict::Good);
}

#[tokio::test]
async fn the_shares_of_a_snapshot_find_between_them_what_one_run_finds() {
    for key in KEYS {
        let damaged = Damaged::new();
        let line = crate::snapshot::ListLine::new(key, 0, "", "2015-10-21T07:28:00Z".parse().unwrap());
        let path = if key == "a/b" { "a%+/b".to_owned() } else { line.path().unwrap().join("/") };
        change(&damaged.path(&format!("registry/{path}")), |bytes| *bytes.last_mut().unwrap() ^= 1);
        let mut found = 0;
        for nth in 1..=3 {
            let read = Read::Share(Share::new(nth, 3).unwrap());
            found += damaged.verify(&VerifyOptions { read }).await.unwrap().findings.list().len();
        }
        assert_eq!(found, 1, "{key}");
    }
}

/// Changes the manifest, and seals it anew.
fn reseal(snapshot: &Path, change: fn(&mut serde_json::Value)) {
    let path = snapshot.join("manifest.json");
    let mut manifest = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut manifest);
    let text = serde_json::to_vec(&manifest).unwrap();
    let digest = format!("{}  manifest.json\n", crate::hash::Sha256::of(&text));
    fs::write(snapshot.join("manifest.json.sha256"), digest).unwrap();
    fs::write(path, text).unwrap();
}

#[tokio::test]
async fn an_odd_manifest_is_damage_and_hides_no_other_result() {
    fn names(manifest: &mut serde_json::Value, path: &str) {
        let mut file = manifest["files"][0].clone();
        file["path"] = path.into();
        manifest["files"].as_array_mut().unwrap().push(file);
    }
    let changes: [fn(&mut serde_json::Value); 17] = [
        |manifest| names(manifest, "../deis-store.json"),
        |manifest| names(manifest, "/etc/passwd"),
        |manifest| names(manifest, "lists/../run.json"),
        |manifest| names(manifest, "./run.json"),
        |manifest| names(manifest, "lists//x"),
        |manifest| names(manifest, ""),
        |manifest| names(manifest, "a\0b"),
        |manifest| names(manifest, "run.json"),
        |manifest| names(manifest, "manifest.json"),
        |manifest| manifest["parts"]["config"]["files"] = serde_json::json!(["../config.json"]),
        |manifest| manifest["parts"]["config"]["files"] = serde_json::json!(["run.json"]),
        |manifest| manifest["parts"]["sql"]["files"] = serde_json::json!(["run.json"]),
        |manifest| manifest["parts"]["registry"]["lists"] = serde_json::json!([]),
        |manifest| manifest["parts"]["registry"]["lists"] = serde_json::json!(["../../x", "../y"]),
        |manifest| {
            let one = manifest["parts"]["registry"]["lists"][0].clone();
            manifest["parts"]["registry"]["lists"] = serde_json::json!([one, one]);
        },
        |manifest| manifest["parts"]["registry"]["bucket"] = "../x".into(),
        |manifest| {
            // A list that no bucket has is read like any other file.
            names(manifest, "lists/x");
            manifest["parts"]["config"]["lists"] = serde_json::json!(["x"]);
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let damaged = Damaged::new();
        damaged.verify(&VerifyOptions::default()).await.unwrap();
        reseal(&damaged.snapshot, change);
        assert_eq!(
            damaged.verify(&VerifyOptions::default()).await.unwrap().verdict,
            Verdict::Damaged,
            "{number}"
        );
        fs::remove_file(damaged.path("store_file_backup.tar.gz")).unwrap();
        let found = damaged.findings().await;
        let volume = (FindingKind::Missing, "store_file_backup.tar.gz".to_owned());
        assert!(found.contains(&volume) && found.len() > 1, "{number}: {found:?}");
    }
}

#[tokio::test]
async fn objects_that_the_backup_lost_are_named_whatever_the_manifest_says() {
    let directory = tempfile::tempdir().unwrap();
    let unfinished = sample::begin(directory.path());
    let mut manifest = sample::fill(&unfinished);
    let mut list = unfinished.list(&Part::db_wal(), 1, 1).unwrap();
    let mut line = crate::snapshot::ListLine::new("k", 1, "e", "2015-10-21T07:28:00Z".parse().unwrap());
    line.outcome = crate::outcome::Outcome::Refused("AccessDenied".to_owned());
    list.add(&line).unwrap();
    list.finish().unwrap();
    let counts = &mut manifest.parts.get_mut(&Part::db_wal()).unwrap().counts;
    (counts.listed, counts.refused) = (1, 1);
    assert!(manifest.complete);
    let snapshot = unfinished.commit(manifest).unwrap();
    let report = verify(&snapshot, &VerifyOptions::default(), &Run::silent()).await.unwrap();
    assert_eq!(report.verdict, Verdict::Incomplete);
    assert_eq!(report.findings.list()[0].what, "was not taken: AccessDenied");
}

#[tokio::test]
async fn the_report_says_what_was_read() {
    let untouched = Damaged::new();
    let report = untouched.verify(&VerifyOptions { read: Read::Sizes }).await.unwrap();
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!((json["read"].as_str(), report.read.is_everything()), (Some("sizes"), false));
    assert!(report.files_read < report.files_checked);
    let all = untouched.verify(&VerifyOptions::default()).await.unwrap();
    assert_eq!((all.files_read, all.read.to_string().as_str()), (all.files_checked, "all"));
    for (read, text, everything) in [
        (Read::Sample { percent: Percent::new(100).unwrap() }, "sample 100%", true),
        (Read::Sample { percent: Percent::new(99).unwrap() }, "sample 99%", false),
        (Read::Share(Share::new(1, 1).unwrap()), "share 1/1", true),
        (Read::Share(Share::new(1, 2).unwrap()), "share 1/2", false),
    ] {
        assert_eq!((read.to_string().as_str(), read.is_everything()), (text, everything));
    }
}
