//! A repository that was made by hand is pruned, and looked at afterwards.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::snapshot::{SnapshotReader, sample};
use crate::verify::{VerifyOptions, verify};

struct Site {
    directory: tempfile::TempDir,
}

impl Site {
    /// A repository with so many good snapshots of all parts.
    fn new(snapshots: usize) -> Self {
        let site = Self { directory: tempfile::tempdir().unwrap() };
        (0..snapshots).for_each(|_| drop(site.add()));
        site
    }

    fn add(&self) -> PathBuf {
        sample::build(self.directory.path()).path().to_owned()
    }

    fn repository(&self) -> Repository {
        Repository::open(self.directory.path()).unwrap()
    }

    async fn prune(&self, last: usize, dry_run: bool) -> Vec<(Fate, &'static str)> {
        let keep = Keep { last, ..Keep::default() };
        let options = PruneOptions { keep, dry_run };
        let report = prune(&self.repository(), &options, &Run::silent()).await.unwrap();
        report.snapshots.iter().map(|found| (found.fate, found.why[0].reason)).collect()
    }

    /// The names in the repository that could be snapshots.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.starts_with("20")).collect();
        names.sort();
        names
    }
}

async fn is_good(path: &Path) -> bool {
    let snapshot = SnapshotReader::open(path).unwrap();
    let report = verify(&snapshot, &VerifyOptions::default(), &Run::silent()).await.unwrap();
    report.verdict == crate::report::Verdict::Good
}

#[tokio::test]
async fn what_no_rule_keeps_goes_and_the_rest_is_as_it_was() {
    let site = Site::new(4);
    let names = site.names();
    let expected =
        |gone| [(gone, "superseded"), (gone, "superseded"), (Fate::Stays, "last"), (Fate::Stays, "newest")];
    assert_eq!(site.prune(2, true).await, expected(Fate::WouldBeRemoved));
    assert_eq!(site.names(), names, "it was only asked");
    assert_eq!(site.prune(2, false).await, expected(Fate::Removed));
    assert_eq!(site.names(), names[2..]);
    for name in &names[2..] {
        assert!(is_good(&site.directory.path().join(name)).await);
    }
    assert_eq!(site.prune(2, false).await.len(), 2, "there is nothing more to do");
}

#[tokio::test]
async fn without_a_rule_nothing_is_removed() {
    let site = Site::new(2);
    let error = prune(&site.repository(), &PruneOptions::default(), &Run::silent()).await.unwrap_err();
    assert_eq!((error.kind(), site.names().len()), (ErrorKind::Usage, 2));
}

#[tokio::test]
async fn the_last_one_that_was_not_found_damaged_stays_with_all_that_came_after() {
    let site = Site::new(1);
    let (newer, newest) = (site.add(), site.add());
    for path in [newer, newest] {
        fs::remove_file(path.join("config.json")).unwrap();
        assert!(!is_good(&path).await);
    }
    let stays = [(Fate::Stays, "newest"), (Fate::Stays, "damaged"), (Fate::Stays, "damaged")];
    assert_eq!(site.prune(1, false).await, stays);
}

/// The files below a directory, but for those that no manifest names.
fn files(directory: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let own = ["manifest.json", "manifest.json.sha256", "run.json"];
    let named = paths.filter(|path| !own.iter().any(|own| path.ends_with(own)));
    named.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn one_that_lacks_a_file_or_bytes_of_one_is_no_reason_to_remove_others() {
    let site = Site::new(2);
    let (older, newest) = (site.names().remove(0), site.directory.path().join(&site.names()[1]));
    let files = files(&newest);
    assert!(files.len() > 8, "{files:?}");
    for path in files {
        let aside = path.with_extension("aside");
        fs::rename(&path, &aside).unwrap();
        let bytes = fs::read(&aside).unwrap();
        for left in [None, bytes.split_last().map(|(_, left)| left)] {
            if let Some(left) = left {
                fs::write(&path, left).unwrap();
            }
            for dry_run in [true, false] {
                let fates = site.prune(1, dry_run).await;
                assert_eq!(fates, [(Fate::Stays, "newest"), (Fate::Stays, "damaged")], "{path:?} {left:?}");
            }
        }
        fs::rename(&aside, &path).unwrap();
    }
    assert!(is_good(&site.directory.path().join(older)).await && is_good(&newest).await);
    assert_eq!(site.prune(1, false).await[0], (Fate::Removed, "superseded"));
}

#[tokio::test]
async fn what_is_missing_is_kept_by_its_place_and_an_empty_bucket_needs_no_directory() {
    let site = Site::new(2);
    let newest = site.directory.path().join(&site.names()[1]);
    // The bucket db_wal of the sample has no object.
    fs::remove_dir(newest.join("db_wal")).unwrap();
    assert_eq!(site.prune(1, true).await[0], (Fate::WouldBeRemoved, "superseded"));
    fs::remove_file(files(&newest.join("registry")).remove(0)).unwrap();
    assert_eq!(site.prune(1, false).await[1], (Fate::Stays, "damaged"));
    let snapshot = SnapshotReader::open(&newest).unwrap();
    assert!(!snapshot.damaged(&crate::part::Part::registry()).is_empty());
    assert_eq!(snapshot.verified().last().unwrap().read, "sizes, stopped");
}

#[tokio::test]
async fn one_that_is_read_is_left_alone_and_named_and_goes_the_next_time() {
    let site = Site::new(2);
    let reader = site.repository().snapshot(&site.names()[0].parse().unwrap()).unwrap();
    assert_eq!(site.prune(1, false).await[0], (Fate::InUse, "in_use"));
    assert!(reader.open_file("config.json").is_ok());
    drop(reader);
    assert_eq!(site.prune(1, false).await[0], (Fate::Removed, "superseded"));
}

#[tokio::test]
async fn one_that_is_held_stays_until_it_is_released() {
    let site = Site::new(2);
    let old = site.directory.path().join(&site.names()[0]);
    SnapshotReader::open(&old).unwrap().hold(None, &Run::silent()).unwrap();
    assert_eq!(site.prune(1, false).await[0], (Fate::Stays, "held"));
    SnapshotReader::open(&old).unwrap().release().unwrap();
    assert_eq!(site.prune(1, false).await[0], (Fate::Removed, "superseded"));
}

#[tokio::test]
async fn what_interrupted_runs_and_deletions_have_left_goes_unless_the_next_run_needs_it() {
    let site = Site::new(0);
    let path = site.directory.path();
    let of_another_kind = serde_json::json!({"parts": ["config"]});
    drop(Repository::create(path, &Run::silent()).unwrap().begin(&Run::silent(), &of_another_kind).unwrap());
    fs::create_dir(site.directory.path().join("2001-01-01T00-00-00Z.unfinished")).unwrap();
    fs::create_dir(site.directory.path().join("2001-01-01T00-00-00Z.mine")).unwrap();
    site.add();
    drop(sample::begin(site.directory.path()));
    let expected = [
        (Fate::Removed, "left"),
        (Fate::Removed, "unfinished"),
        (Fate::Stays, "newest"),
        (Fate::Stays, "unfinished"),
    ];
    assert_eq!(site.prune(1, false).await, expected);
    assert_eq!(site.names().len(), 3, "a name that is none of ours stays");
}

#[tokio::test]
async fn a_run_that_is_stopped_removes_no_more_and_the_next_one_goes_on() {
    let site = Site::new(3);
    let run = Run::silent();
    run.stop.stop();
    let options = PruneOptions { keep: Keep { last: 1, ..Keep::default() }, dry_run: false };
    let error = prune(&site.repository(), &options, &run).await.unwrap_err();
    assert_eq!((error.kind(), site.names().len()), (ErrorKind::Interrupted, 3));
    assert_eq!(site.prune(1, false).await.len(), 3);
    assert_eq!(site.names().len(), 1);
}

#[tokio::test]
async fn another_run_that_writes_keeps_it_out_but_from_asking() {
    let site = Site::new(2);
    let repository = site.repository();
    let _lock = repository.lock("backup").unwrap();
    assert_eq!(site.prune(1, true).await.len(), 2);
    let options = PruneOptions { keep: Keep { last: 1, ..Keep::default() }, dry_run: false };
    let error = prune(&site.repository(), &options, &Run::silent()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
}
