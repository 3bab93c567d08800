//! Backups into a repository that has snapshots already, or what an interrupted run has left.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::site::Site;
use super::*;
use crate::gateway::{Fault, Operation};
use crate::outcome::{Counts, Outcome};
use crate::part::{BucketPart, PartChoice};
use crate::report::FindingKind;
use crate::restore::{RestoreOptions, plan};
use crate::s3::{BucketName, ObjectKey};
use crate::snapshot::{ListLine, SnapshotReader};
use crate::verify::{VerifyOptions, verify};

/// The requests for objects, as they came.
type Asked = Arc<Mutex<Vec<(Operation, String)>>>;

struct World {
    site: Site,
    asked: Asked,
    scratch: tempfile::TempDir,
    repository: Repository,
    options: BackupOptions,
}

fn part() -> Part {
    Part::Bucket("uploads".parse().unwrap())
}

impl World {
    async fn new(objects: &[(&str, &str)]) -> Self {
        Self::faulty(objects, |_, _| None).await
    }

    async fn faulty(
        objects: &[(&str, &str)],
        fault: impl Fn(Operation, &str) -> Option<Fault> + Send + Sync + 'static,
    ) -> Self {
        let asked = Asked::default();
        let told = Arc::clone(&asked);
        let site = Site::faulty(false, &Run::silent(), move |seen, _| {
            told.lock().unwrap().push((seen.operation, seen.key.clone()));
            fault(seen.operation, &seen.key)
        })
        .await;
        site.fill("uploads", objects).await;
        let scratch = tempfile::tempdir().unwrap();
        let repository = Repository::create(scratch.path(), &Run::silent()).unwrap();
        let bucket: BucketPart = "uploads".parse().unwrap();
        let options = BackupOptions::new([bucket], PartChoice::All).unwrap();
        Self { site, asked, scratch, repository, options }
    }

    async fn backup(&self) -> BackupReport {
        self.try_backup(&Run::silent()).await.unwrap()
    }

    async fn try_backup(&self, run: &Run) -> Result<BackupReport> {
        self.asked.lock().unwrap().clear();
        backup(&self.site.cluster, &self.repository, &self.options, run).await
    }

    /// The keys that were asked for in this way since the last backup began.
    fn asked(&self, operation: Operation) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let mut keys: Vec<String> =
            asked.iter().filter(|(of, _)| *of == operation).map(|(_, key)| key.clone()).collect();
        keys.sort_unstable();
        keys
    }

    async fn put(&self, key: &str, bytes: &'static str, content_type: &str) {
        let (bucket, key) = (BucketName::new("uploads").unwrap(), ObjectKey::new(key).unwrap());
        self.site.client.put_bytes(&bucket, &key, bytes).content_type(content_type).await.unwrap();
    }

    async fn delete(&self, key: &str) {
        let (bucket, key) = (BucketName::new("uploads").unwrap(), ObjectKey::new(key).unwrap());
        self.site.client.delete(&bucket, &key).await.unwrap();
    }

    fn left(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.scratch.path()).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.extension().is_some_and(|end| end == "unfinished")).collect()
    }
}

fn lines(report: &BackupReport) -> Vec<ListLine> {
    let snapshot = SnapshotReader::open(&report.snapshot).unwrap();
    snapshot.lines(&part()).unwrap().collect::<Result<_>>().unwrap()
}

fn counts(report: &BackupReport) -> Counts {
    report.parts[&part()].counts
}

fn inode(report: &BackupReport, key: &str) -> u64 {
    std::fs::metadata(file(report, key)).unwrap().ino()
}

fn file(report: &BackupReport, key: &str) -> PathBuf {
    Path::new(&report.snapshot).join("bucket.uploads").join(key)
}

async fn is_good(report: &BackupReport) -> bool {
    let snapshot = SnapshotReader::open(&report.snapshot).unwrap();
    let verified = verify(&snapshot, &VerifyOptions::default(), &Run::silent()).await.unwrap();
    verified.verdict == Verdict::Good
        && !verified.findings.list().iter().any(|found| found.kind == FindingKind::Extra)
}

#[tokio::test]
async fn only_what_has_changed_is_fetched_and_the_rest_is_shared() {
    let world = World::new(&[("a", "1"), ("b/c", "2"), ("d/", "3"), ("gone", "4"), ("/e//f", "5")]).await;
    let first = world.backup().await;
    assert_eq!((first.previous.as_deref(), counts(&first).stored), (None, 5));
    world.put("b/c", "changed", "text/plain").await;
    world.put("new", "6", "text/plain").await;
    world.delete("gone").await;
    let options = world.options.clone().max_loss_percent(50).unwrap();
    let world = World { options, ..world };
    let second = world.backup().await;
    assert_eq!(world.asked(Operation::GetObject), ["b/c", "new"]);
    assert!(world.asked(Operation::HeadObject).is_empty());
    let counted = counts(&second);
    assert_eq!((counted.listed, counted.stored, counted.unchanged), (5, 2, 3));
    assert_eq!(second.parts[&part()].fetched_bytes, 8);
    assert!(first.snapshot.ends_with(second.previous.as_deref().unwrap()));
    assert_eq!(inode(&first, "a"), inode(&second, "a"));
    assert_ne!(inode(&first, "b/c"), inode(&second, "b/c"));
    assert_eq!(std::fs::read(file(&first, "b/c")).unwrap(), b"2");
    assert!(is_good(&first).await && is_good(&second).await);
    let line = |report: &BackupReport| lines(report).into_iter().find(|line| line.key == "a").unwrap();
    assert_eq!(line(&second), ListLine { outcome: Outcome::Unchanged, ..line(&first) });
    let third = world.backup().await;
    assert_eq!(counts(&third).unchanged, 5);
    assert!(is_good(&third).await);
}

#[tokio::test]
async fn an_object_that_was_written_anew_with_the_same_bytes_is_asked_for_its_metadata_and_shared() {
    let world = World::new(&[("a", "1"), ("b", "2")]).await;
    let first = world.backup().await;
    world.put("a", "1", "text/html").await;
    let second = world.backup().await;
    assert!(world.asked(Operation::GetObject).is_empty());
    assert_eq!(world.asked(Operation::HeadObject), ["a"]);
    assert_eq!(inode(&first, "a"), inode(&second, "a"));
    assert_eq!(lines(&second)[0].content_type.as_deref(), Some("text/html"));
    assert_eq!(second.parts[&part()].fetched_bytes, 0);
    let third = world.backup().await;
    assert!(world.asked(Operation::GetObject).is_empty() && world.asked(Operation::HeadObject).is_empty());
    assert_eq!(lines(&third)[0].content_type.as_deref(), Some("text/html"));
    assert!(is_good(&second).await && is_good(&third).await);
}

#[tokio::test]
async fn a_file_that_is_not_as_it_was_is_fetched_anew() {
    let world = World::new(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]).await;
    let first = world.backup().await;
    let change = |key: &str, change: &dyn Fn(&Path)| {
        let path = file(&first, key);
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        change(&path);
    };
    change("a", &|path| std::fs::write(path, "").unwrap());
    change("b", &|path| std::fs::write(path, "x").unwrap());
    change("c", &|path| std::fs::remove_file(path).unwrap());
    let second = world.backup().await;
    assert_eq!(world.asked(Operation::GetObject), ["a", "b", "c"]);
    assert!(is_good(&second).await);
}

#[tokio::test]
async fn nothing_is_shared_by_a_list_that_is_not_the_one_of_the_manifest() {
    let world = World::new(&[("a", "1"), ("b", "2")]).await;
    let first = world.backup().await;
    let list = Path::new(&first.snapshot).join("lists/bucket.uploads.1-of-1.jsonl.gz");
    let mut bytes = std::fs::read(&list).unwrap();
    let near_the_end = bytes.len() - 9;
    bytes[near_the_end] ^= 1;
    std::fs::write(&list, bytes).unwrap();
    let second = world.backup().await;
    assert_eq!(world.asked(Operation::GetObject), ["a", "b"]);
    assert!(is_good(&second).await);
}

#[tokio::test]
async fn an_incomplete_snapshot_is_shared_with_and_the_newest_complete_one_behind_it_too() {
    let denied = Arc::new(Mutex::new(None::<&str>));
    let told = Arc::clone(&denied);
    let world = World::faulty(&[("a", "1"), ("b", "2"), ("c", "3")], move |operation, key| {
        let denied = operation == Operation::GetObject && *told.lock().unwrap() == Some(key);
        let body = b"<Error><Code>AccessDenied</Code></Error>".to_vec();
        denied.then(|| Fault::Instead(http::Response::builder().status(403).body(body).unwrap()))
    })
    .await;
    world.backup().await;
    world.put("b", "changed", "text/plain").await;
    world.put("new", "4", "text/plain").await;
    *denied.lock().unwrap() = Some("b");
    let second = world.backup().await;
    assert_eq!(
        (second.verdict, counts(&second).refused, counts(&second).unchanged),
        (Verdict::Incomplete, 1, 2)
    );
    world.put("b", "2", "text/plain").await;
    let third = world.backup().await;
    assert!(world.asked(Operation::GetObject).is_empty(), "{:?}", world.asked(Operation::GetObject));
    assert_eq!((third.verdict, counts(&third).unchanged), (Verdict::Good, 4));
    assert!(is_good(&third).await);
}

#[tokio::test]
async fn a_run_that_was_interrupted_is_gone_on_with_and_what_is_safe_is_not_fetched_again() {
    let keys: Vec<String> = (0..40).map(|number| format!("k{number:02}")).collect();
    let objects: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "bytes")).collect();
    let run = Run::silent();
    let (stop, seen) = (run.stop.clone(), Mutex::new(0));
    let world = World::faulty(&objects, move |operation, key| {
        if operation == Operation::GetObject && key == "k30" {
            let mut seen = seen.lock().unwrap();
            *seen += 1;
            if *seen == 1 {
                let stop = stop.clone();
                std::thread::spawn(move || {
                    std::thread::sleep(std::time::Duration::from_millis(800));
                    stop.stop();
                });
                return Some(Fault::Stalled(2));
            }
        }
        None
    })
    .await;
    let error = world.try_backup(&run).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert_eq!(world.left().len(), 1);
    let before = world.left();
    // They are gone when the run goes on, and were there before.
    world.delete("k05").await;
    world.put("k06", "other", "text/plain").await;
    let report = world.backup().await;
    assert!(report.went_on && world.left().is_empty() && !before[0].exists());
    let fetched = world.asked(Operation::GetObject);
    assert!(fetched.contains(&"k06".to_owned()) && fetched.contains(&"k30".to_owned()), "{fetched:?}");
    assert!(fetched.iter().all(|key| key == "k06" || key.as_str() >= "k30"), "{fetched:?}");
    assert_eq!((counts(&report).listed, counts(&report).stored), (39, 39));
    assert!(is_good(&report).await);
    assert!(!Path::new(&report.snapshot).join("lists/bucket.uploads.1-of-1.journal").exists());
}

#[tokio::test]
async fn what_is_in_no_journal_is_read_again_and_not_fetched() {
    let world = World::new(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]).await;
    let first = world.backup().await;
    // As if the run had been killed before it sealed anything or wrote its journal.
    let left = world.scratch.path().join("2026-01-01T00-00-00Z.unfinished");
    std::fs::rename(&first.snapshot, &left).unwrap();
    for name in ["manifest.json", "manifest.json.sha256", "lists/bucket.uploads.1-of-1.jsonl.gz"] {
        std::fs::remove_file(left.join(name)).unwrap();
    }
    let objects = left.join("bucket.uploads");
    let flipped = objects.join("b");
    let modified = std::fs::metadata(&flipped).unwrap().modified().unwrap();
    std::fs::remove_file(&flipped).unwrap();
    std::fs::write(&flipped, "x").unwrap();
    std::fs::File::open(&flipped).unwrap().set_modified(modified).unwrap();
    std::fs::write(objects.join("c"), "3").unwrap();
    std::fs::write(objects.join("stranger"), "x").unwrap();
    let report = world.backup().await;
    assert!(report.went_on);
    assert_eq!(world.asked(Operation::GetObject), ["b", "c"]);
    assert_eq!(std::fs::read(file(&report, "b")).unwrap(), b"2");
    assert!(!file(&report, "stranger").exists());
    assert!(is_good(&report).await);
}

#[tokio::test]
async fn a_run_of_another_kind_does_not_go_on_and_names_what_is_left() {
    let world = World::new(&[("a", "1")]).await;
    world.site.put("other", &["k"]).await;
    let left = world.scratch.path().join("2026-01-01T00-00-00Z.unfinished");
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join("run.json"), r#"{"parts":["db_wal"],"buckets":{},"previous":null}"#).unwrap();
    let (run, heard) = crate::run::heard::Heard::run();
    let report = world.try_backup(&run).await.unwrap();
    assert!(!report.went_on && left.exists());
    assert!(heard.notes().iter().any(|note| note.starts_with("2026-01-01T00-00-00Z.unfinished")));
}

#[tokio::test]
async fn one_that_was_sealed_and_lacks_its_name_alone_gets_it() {
    let world = World::new(&[("a", "1")]).await;
    let first = world.backup().await;
    let unfinished = format!("{}.unfinished", first.snapshot);
    std::fs::rename(&first.snapshot, &unfinished).unwrap();
    std::fs::write(Path::new(&unfinished).join("lists/bucket.uploads.1-of-1.journal"), "torn").unwrap();
    let second = world.backup().await;
    assert!(!second.went_on && is_good(&first).await && is_good(&second).await);
    assert!(first.snapshot.ends_with(second.previous.as_deref().unwrap()));
}

#[tokio::test]
async fn an_emptied_bucket_is_an_alarm_at_each_run_until_such_a_loss_is_allowed() {
    let world = World::new(&[("a", "1"), ("b", "2"), ("c", "3")]).await;
    let first = world.backup().await;
    assert_eq!(first.verdict, Verdict::Good);
    for key in ["a", "b"] {
        world.delete(key).await;
    }
    for _ in 0..2 {
        let report = world.backup().await;
        assert_eq!(report.verdict, Verdict::Damaged);
        assert!(report.findings.list().iter().any(|found| found.kind == FindingKind::Shrunk));
        let snapshot = SnapshotReader::open(&report.snapshot).unwrap();
        let shrunk = snapshot.manifest().parts[&part()].shrunk.clone().unwrap();
        assert!(first.snapshot.ends_with(&shrunk.since) && !snapshot.manifest().complete);
        assert_eq!((shrunk.objects, shrunk.bytes), (3, 3));
        let verified = verify(&snapshot, &VerifyOptions::default(), &Run::silent()).await.unwrap();
        assert_eq!(verified.verdict, Verdict::Incomplete);
        // It is restored only by naming its parts.
        let target = Site::new(false).await;
        let mut options = RestoreOptions::default();
        let planned = plan(&target.cluster, &snapshot, &options, &Run::silent()).await.unwrap();
        assert_eq!(planned.obstacles.len(), 1);
        options.choice = PartChoice::Only([(&part()).into()].into());
        let planned = plan(&target.cluster, &snapshot, &options, &Run::silent()).await.unwrap();
        assert!(planned.obstacles.is_empty());
    }
    let options = world.options.clone();
    let world = World { options: options.clone().max_loss_percent(100).unwrap(), ..world };
    assert_eq!(world.backup().await.verdict, Verdict::Good);
    assert_eq!(options.clone().max_loss_percent(101).unwrap_err().kind(), ErrorKind::Usage);
    let world = World { options, ..world };
    assert_eq!(world.backup().await.verdict, Verdict::Good);
}

#[tokio::test]
async fn a_bucket_that_is_emptied_is_an_alarm_also_if_no_snapshot_was_ever_complete() {
    let world = World::faulty(&[("a", "1"), ("b", "2"), ("denied", "3")], |operation, key| {
        let body = b"<Error><Code>AccessDenied</Code></Error>".to_vec();
        let denied = operation == Operation::GetObject && key == "denied";
        denied.then(|| Fault::Instead(http::Response::builder().status(403).body(body).unwrap()))
    })
    .await;
    let first = world.backup().await;
    assert_eq!((first.verdict, counts(&first).refused), (Verdict::Incomplete, 1));
    // It is listed, and so has not gone.
    assert_eq!(world.backup().await.verdict, Verdict::Incomplete);
    for key in ["a", "b", "denied"] {
        world.delete(key).await;
    }
    for _ in 0..2 {
        let report = world.backup().await;
        assert_eq!(report.verdict, Verdict::Damaged);
        assert!(!SnapshotReader::open(&report.snapshot).unwrap().manifest().complete);
    }
}

#[tokio::test]
async fn what_has_come_of_a_bucket_is_kept_for_the_next_run_if_the_gateway_fails() {
    let keys: Vec<String> = (0..40).map(|number| format!("k{number:02}")).collect();
    let objects: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "bytes")).collect();
    let left_until_it_fails = Arc::new(Mutex::new(35));
    let told = Arc::clone(&left_until_it_fails);
    let world = World::faulty(&objects, move |operation, _| {
        let body = b"<Error><Code>InvalidAccessKeyId</Code></Error>".to_vec();
        let mut left = told.lock().unwrap();
        *left -= i32::from(operation == Operation::GetObject);
        (operation == Operation::GetObject && *left < 0)
            .then(|| Fault::Instead(http::Response::builder().status(403).body(body).unwrap()))
    })
    .await;
    world.try_backup(&Run::silent()).await.unwrap_err();
    assert_eq!(world.left().len(), 1, "{:?}", world.left());
    *left_until_it_fails.lock().unwrap() = i32::MAX;
    let report = world.backup().await;
    let fetched = world.asked(Operation::GetObject);
    assert!(report.went_on && fetched.len() < 40, "{fetched:?}");
    assert_eq!(counts(&report).stored, 40);
    assert!(is_good(&report).await && world.left().is_empty());
}

#[tokio::test]
async fn a_first_backup_without_room_is_refused_before_anything_is_written() {
    let world = World::faulty(&[("a", "1")], |operation, _| {
        (operation == Operation::HeadBucket).then(|| {
            Fault::edited(|response| {
                let most = http::HeaderValue::from_static("9000000000000000");
                response.headers_mut().insert("x-rgw-bytes-used", most);
                response.headers_mut().insert("x-rgw-object-count", 1.into());
            })
        })
    })
    .await;
    let error = world.try_backup(&Run::silent()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Guard);
    assert!(world.left().is_empty());
    let options = world.options.clone().despite_space();
    let report = backup(&world.site.cluster, &world.repository, &options, &Run::silent()).await.unwrap();
    assert_eq!(report.space.unwrap().needed_bytes, Some(9_000_000_000_000_000));
    // Only what is new takes room then.
    world.backup().await;
}
