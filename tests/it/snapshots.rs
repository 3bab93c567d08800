//! `list`, `hold`, `release` and `prune` as they are typed, and prunes that are killed at a system call.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use deis_store::snapshot::SnapshotReader;
use deis_store_tests::faulty::FaultyGateway;
use serde_json::Value;

use crate::program::{Ran, alone, command, path, ran, with_peak_memory};

/// The most memory that a prune may need, whatever it removes: 48 MiB.
const MOST_MEMORY_KB: u64 = 48 << 10;

/// The system calls at which a prune is killed, each with the numbers of the call.
const CALLS: [(&str, &[usize]); 6] = [
    ("renameat,renameat2,rename", &[1, 2]),
    ("fsync", &[1, 2, 3, 4, 5, 6]),
    ("unlinkat", &[1, 2, 3, 4, 5, 8, 12, 14]),
    ("flock", &[1, 2, 5]),
    ("getdents64", &[1, 3, 6, 9]),
    ("openat", &[40, 60, 70]),
];

/// Fewer kills would prove too little.
const KILLS: usize = 15;

/// A repository with snapshots of a bucket of ten objects.
struct Site {
    gateway: FaultyGateway,
    scratch: tempfile::TempDir,
}

impl Site {
    fn new(snapshots: usize) -> Self {
        let site = Self { gateway: FaultyGateway::start().unwrap(), scratch: tempfile::tempdir().unwrap() };
        for number in 0..10 {
            site.gateway.store("uploads", &format!("d{}/k{number}", number % 3), b"some bytes");
        }
        (0..snapshots).for_each(|_| drop(site.back_up()));
        site
    }

    fn repository(&self) -> &str {
        self.scratch.path().to_str().unwrap()
    }

    /// Makes a snapshot; its directory.
    fn back_up(&self) -> String {
        let mut backup = command();
        backup.env("AWS_ACCESS_KEY_ID", "AK").env("AWS_SECRET_ACCESS_KEY", "SK");
        backup.args(["--gateway", &self.gateway.url(), "backup", self.repository(), "--bucket", "uploads"]);
        let report = ran(backup.arg("--json")).code(0).json();
        report["report"]["snapshot"].as_str().unwrap().to_owned()
    }

    fn list(&self, arguments: &[&str]) -> Ran {
        alone(&[&["list", self.repository()], arguments].concat())
    }

    fn prune(&self, arguments: &[&str]) -> Ran {
        alone(&[&["prune", self.repository()], arguments].concat())
    }

    /// The directories that have the name of a snapshot.
    fn snapshots(&self) -> Vec<PathBuf> {
        let mut paths = self.all();
        paths.retain(|path| path.extension().is_none());
        paths
    }

    /// The same, and what is unfinished.
    fn all(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.scratch.path()).unwrap();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("20")));
        paths.sort();
        paths
    }
}

/// The fate of each snapshot, with its first reason.
fn fates(ran: &Ran) -> Vec<String> {
    let report = ran.json();
    let snapshots = report["report"]["snapshots"].as_array().unwrap();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let fate = |found: &Value| format!("{} {}", word(&found["fate"]), word(&found["why"][0]["reason"]));
    snapshots.iter().map(fate).collect()
}

#[test]
fn a_list_shows_each_snapshot_and_its_exit_says_whether_the_newest_good_one_is_new_enough() {
    let site = Site::new(0);
    let _ = site.list(&[]).code(1).says(&["not a repository", "to do:"]);
    let snapshot = site.back_up();
    let name = Path::new(&snapshot).file_name().unwrap().to_str().unwrap();
    std::fs::create_dir(site.scratch.path().join("2015-01-01T00-00-00Z.unfinished")).unwrap();
    let text = site.list(&[]).code(0).stdout;
    assert!(
        text.contains(&format!("{name}            good        bucket.uploads 10 objects, 100 B")),
        "{text}"
    );
    assert!(text.starts_with("2015-01-01T00-00-00Z.unfinished "), "{text}");
    let report = site.list(&["--json", "--max-age", "26h"]).code(0).json();
    assert_eq!((&report["command"], &report["report"]["verdict"]), (&"list".into(), &"good".into()));
    assert_eq!(report["report"]["snapshots"][1]["parts"]["bucket.uploads"]["objects"], 10);
    assert_eq!(report["report"]["snapshots"][1]["held"], Value::Null);
    assert_eq!(site.list(&["--max-age", "1h", "-q"]).code(0).stdout, "");

    let missing = site.list(&["--max-age", "26h", "--only", "bucket.uploads,sql"]).code(4);
    assert!(missing.stdout.contains("no good snapshot has it") && missing.stdout.contains("to do:"));
    site.list(&["--only", "sql"]).code(2).says(&["--max-age"]);
    for wrong in ["1", "x", "0h"] {
        site.list(&["--max-age", wrong]).code(2).says(&["such as 90m, 26h, 7d"]);
    }

    // A damaged one is not new enough, and that stays known.
    let object = Path::new(&snapshot).join("bucket.uploads/d1/k1");
    let bytes = std::fs::read(&object).unwrap();
    std::fs::remove_file(&object).unwrap();
    alone(&["verify", &snapshot, "--quick"]).code(4);
    let text = site.list(&["--max-age", "26h"]).code(4).stdout;
    assert!(text.contains("DAMAGED") && text.contains("(sizes): 1 files DAMAGED"), "{text}");
    std::fs::write(&object, bytes).unwrap();
    alone(&["verify", &snapshot, "--quick"]).code(0);
    site.list(&["--max-age", "26h"]).code(4);
    alone(&["verify", &snapshot]).code(0);
    site.list(&["--max-age", "26h"]).code(0);
}

#[test]
fn a_snapshot_goes_by_rule_unless_it_is_held_or_read_or_the_last_good_one() {
    let site = Site::new(4);
    let names = site.snapshots();
    let name = |number: usize| names[number].to_str().unwrap();
    let held = alone(&["hold", name(0), "--why", "before the upgrade"]).code(0).stdout;
    assert!(held.contains(": held since 20") && held.contains(": before the upgrade"), "{held}");
    assert!(site.list(&[]).code(0).stdout.contains("before the upgrade"));
    let reader = SnapshotReader::open(&names[1]).unwrap();

    let rule = ["--keep-last", "1", "--json"];
    let dry = site.prune(&[&rule[..], &["--dry-run"]].concat()).code(0);
    let would_go = "would_be_removed superseded";
    assert_eq!(fates(&dry), ["stays held", would_go, would_go, "stays newest"]);
    assert_eq!(site.snapshots(), names);
    let done = site.prune(&rule).code(0);
    assert_eq!(fates(&done), ["stays held", "in_use in_use", "removed superseded", "stays newest"]);
    let left = [names[0].clone(), names[1].clone(), names[3].clone()];
    assert_eq!(site.snapshots(), left);
    drop(reader);

    let released = alone(&["release", name(0), "--json"]).code(0).json();
    assert_eq!(released["report"]["was_held"]["why"], "before the upgrade");
    assert!(alone(&["release", name(0)]).code(0).stdout.contains("it was not held"));
    let text = site.prune(&["--keep-last", "1"]).code(0).stdout;
    assert!(text.ends_with("2 removed, 1 stay\n"), "{text}");
    assert_eq!(site.snapshots(), names[3..]);
    assert!(alone(&["verify", name(3)]).code(0).stdout.starts_with("good"));
}

#[test]
fn a_prune_without_a_rule_or_beside_another_run_removes_nothing() {
    let site = Site::new(2);
    site.prune(&[]).code(2).says(&["--keep-last"]);
    site.prune(&["--dry-run"]).code(2).says(&["--keep-last"]);
    site.prune(&["--keep-last", "0"]).code(2);
    let mut flock = Command::new("flock");
    flock.arg(site.scratch.path().join(".lock")).arg(path()).args(["prune", site.repository()]);
    ran(flock.args(["--keep-last", "1"])).code(7).says(&["locked by", "to do:"]);
    assert_eq!(site.snapshots().len(), 2);
    alone(&["prune", "s3://bucket", "--keep-last", "1"]).code(2).says(&["is a local directory"]);
    let snapshot = site.snapshots().remove(0);
    alone(&["prune", snapshot.to_str().unwrap(), "--keep-last", "1"]).code(1).says(&["not a repository"]);
    assert_eq!(site.snapshots().len(), 2);
}

#[test]
fn a_snapshot_on_a_read_only_file_system_is_verified_and_the_result_that_is_not_kept_is_named() {
    let site = Site::new(1);
    let snapshot = site.snapshots().remove(0);
    let script = "mount --bind -o ro \"$1\" \"$1\" && exec \"$2\" verify \"$3\" --json";
    let mut read_only = Command::new("unshare");
    read_only.args(["--mount", "sh", "-c", script, "sh", site.repository()]).arg(path()).arg(&snapshot);
    read_only.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    let verified = ran(&mut read_only).code(0).says(&["does not keep this result"]);
    let report = verified.json();
    assert_eq!(report["report"]["verdict"], "good");
    assert!(report["report"]["not_kept"].as_str().unwrap().contains("Read-only"), "{report}");
    assert!(!snapshot.join("verified.jsonl").exists());
}

/// Runs a prune that is killed when one of its threads makes this call for the `number`th time. Tells whether it was.
fn killed(site: &Site, calls: &str, number: usize) -> bool {
    let mut strace = Command::new("strace");
    strace.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent");
    strace.args(["-f", "-qqq", "-o", "/dev/null", "-e", &format!("trace={calls}")]);
    strace.args(["-e", &format!("inject={calls}:signal=KILL:when={number}")]).arg(path());
    strace.args(["prune", site.repository(), "--keep-last", "1"]).stdout(Stdio::null()).stderr(Stdio::null());
    let status = strace.status().unwrap();
    let was_killed = status.signal() == Some(9) || status.code() == Some(137);
    assert!(was_killed || status.code() == Some(0), "{status:?} at {calls} {number}");
    was_killed
}

#[test]
fn whenever_a_prune_is_killed_what_has_its_name_is_whole_and_the_next_run_finishes() {
    let mut kills = 0;
    for (calls, number) in CALLS.iter().flat_map(|(calls, at)| at.iter().map(move |at| (*calls, *at))) {
        let site = Site::new(3);
        let newest = site.snapshots().pop().unwrap();
        kills += usize::from(killed(&site, calls, number));
        let context = format!("killed at {calls} {number}: {:?}", site.all());
        for snapshot in site.snapshots() {
            let verified = alone(&["verify", snapshot.to_str().unwrap()]);
            assert_eq!(verified.code, Some(0), "{context}: {verified:?}");
        }
        assert_eq!(site.snapshots().pop().unwrap(), newest, "{context}");
        // One that was about to go may have lost its name and nothing else: then it waits for the next backup.
        let after = fates(&site.prune(&["--keep-last", "1", "--json"]).code(0));
        let sealed = after.iter().filter(|fate| *fate == "stays sealed").count();
        assert!(sealed <= 1, "{context}: {after:?}");
        assert_eq!(site.all().len(), 1 + sealed, "{context}: {after:?}");
        assert_eq!(site.snapshots(), [newest], "{context}");
    }
    assert!(kills >= KILLS, "only {kills} runs were killed");
}

#[test]
#[ignore = "tests/run --all runs it"]
fn a_prune_of_a_million_files_needs_little_memory() {
    let site = Site::new(2);
    let directory = site.snapshots()[0].join("bucket.uploads/many");
    for group in 0..2000 {
        let below = directory.join(format!("{group:04}"));
        std::fs::create_dir_all(&below).unwrap();
        for number in 0..250 {
            std::fs::write(below.join(number.to_string()), "").unwrap();
        }
    }
    for number in 0..500_000 {
        std::fs::write(directory.join(format!("file {number}")), "").unwrap();
    }
    let mut prune = command();
    let (ran, most) = with_peak_memory(prune.args(["prune", site.repository(), "--keep-last", "1"]));
    ran.code(0);
    assert!((1000..=MOST_MEMORY_KB).contains(&most), "{most} kB");
    assert_eq!(site.all().len(), 1);
}
