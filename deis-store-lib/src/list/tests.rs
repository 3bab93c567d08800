//! The list of a repository that was made by hand, at any time of day.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::*;
use crate::part::Part;
use crate::report::{FindingKind, Verdict};
use crate::run::{Clock, Silent, Stop};
use crate::snapshot::{Condition, SnapshotReader, sample};

struct At(SystemTime);

impl Clock for At {
    fn now(&self) -> SystemTime {
        self.0
    }
}

/// A run so many hours after the snapshots were made; before them if that is negative.
fn hours_later(hours: i64) -> Run {
    minutes_later(60 * hours)
}

fn minutes_later(minutes: i64) -> Run {
    let later = Duration::from_secs(60 * minutes.unsigned_abs());
    let now = SystemTime::now();
    let now = if minutes < 0 { now - later } else { now + later };
    Run::new(Arc::new(Silent), Arc::new(At(now)), Stop::default(), 1)
}

fn within(hours: u64, only: &[&str]) -> ListOptions {
    let only = only.iter().map(|name| name.parse().unwrap()).collect();
    ListOptions { max_age: Some(Duration::from_secs(3600 * hours)), only }
}

struct Site {
    directory: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Repository::create(directory.path(), &Run::silent()).unwrap();
        Self { directory }
    }

    fn with_snapshot() -> Self {
        let site = Self::new();
        drop(site.add());
        site
    }

    fn add(&self) -> SnapshotReader {
        sample::build(self.directory.path())
    }

    async fn list(&self, options: &ListOptions, run: &Run) -> ListReport {
        list(&Repository::open(self.directory.path()).unwrap(), options, run).await.unwrap()
    }

    /// The names of the findings; too old ones by their part.
    async fn findings(&self, options: &ListOptions, run: &Run) -> (Verdict, Vec<String>) {
        let report = self.list(options, run).await;
        let name = |finding: &crate::report::Finding| {
            finding.part.as_ref().map_or(finding.name.clone(), ToString::to_string)
        };
        (report.verdict, report.findings.list().iter().map(name).collect())
    }
}

#[tokio::test]
async fn each_snapshot_is_listed_with_its_parts_and_what_is_known_of_it() {
    let site = Site::new();
    let snapshot = site.add();
    snapshot.hold(Some("audit"), &Run::silent()).unwrap();
    crate::verify::verify(&snapshot, &crate::verify::VerifyOptions::default(), &Run::silent()).await.unwrap();
    drop(sample::begin(site.directory.path()));
    let report = site.list(&ListOptions::default(), &Run::silent()).await;
    assert_eq!(report.verdict, Verdict::Good);
    let states: Vec<_> = report.snapshots.iter().map(|found| found.state).collect();
    assert_eq!(states, [Condition::Good, Condition::Unfinished]);
    let first = &report.snapshots[0];
    assert_eq!(first.parts[&Part::registry()].objects, sample::KEYS.len() as u64);
    assert_eq!(first.held.as_ref().unwrap().why, "audit");
    assert_eq!(first.verified.as_ref().unwrap().verdict, Verdict::Good);
    assert!(report.snapshots[1].snapshot.ends_with(".unfinished"));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["snapshots"][0]["state"], "good");
    assert_eq!(json["snapshots"][0]["parts"]["config"]["outcome"], "stored");
    assert_eq!(json["snapshots"][0]["verified"]["read"], "all");
}

#[tokio::test]
async fn each_part_that_any_snapshot_has_must_be_new_enough_or_is_named() {
    let site = Site::with_snapshot();
    let all = ["db_wal", "registry", "volume", "config"].map(str::to_owned).to_vec();
    assert_eq!(site.findings(&within(26, &[]), &hours_later(25)).await, (Verdict::Good, Vec::new()));
    assert_eq!(site.findings(&within(26, &[]), &hours_later(27)).await, (Verdict::Damaged, all));
    assert_eq!(
        site.findings(&within(26, &["config"]), &hours_later(27)).await,
        (Verdict::Damaged, vec!["config".to_owned()])
    );
    // No snapshot has stored it.
    assert_eq!(
        site.findings(&within(26, &["sql"]), &hours_later(1)).await,
        (Verdict::Damaged, vec!["sql".to_owned()])
    );
    let report = site.list(&within(26, &["config"]), &hours_later(100)).await;
    assert!(report.findings.list()[0].what.contains("4 d 4 h old, and may be 26 h 0 min"), "{report:?}");
}

#[tokio::test]
async fn what_is_damaged_or_incomplete_or_not_there_at_all_is_not_new_enough() {
    let site = Site::new();
    let nothing = (Verdict::Damaged, vec!["snapshots".to_owned()]);
    assert_eq!(site.findings(&within(26, &[]), &Run::silent()).await, nothing);
    std::fs::create_dir(site.directory.path().join("2001-01-01T00-00-00Z.unfinished")).unwrap();
    assert_eq!(site.findings(&within(26, &[]), &Run::silent()).await, nothing);
    let path = site.add().path().to_owned();
    std::fs::remove_file(path.join("registry/a%+/b")).unwrap();
    assert_eq!(site.findings(&within(26, &[]), &Run::silent()).await.0, Verdict::Good, "nobody knows");
    let snapshot = SnapshotReader::open(&path).unwrap();
    crate::verify::verify(&snapshot, &crate::verify::VerifyOptions::default(), &Run::silent()).await.unwrap();
    let (verdict, found) = site.findings(&within(26, &[]), &Run::silent()).await;
    assert_eq!((verdict, found.len()), (Verdict::Damaged, 4));
    let report = site.list(&within(26, &[]), &Run::silent()).await;
    assert_eq!(report.snapshots[1].state, Condition::Damaged);
    assert_eq!(report.findings.list()[0].kind, FindingKind::TooOld);
}

#[tokio::test]
async fn a_snapshot_from_the_future_is_never_new_enough_and_is_named() {
    let site = Site::with_snapshot();
    assert_eq!(site.findings(&within(1, &[]), &minutes_later(-9)).await.0, Verdict::Good);
    let (verdict, found) = site.findings(&within(1, &["config"]), &minutes_later(-12)).await;
    assert_eq!((verdict, found.len()), (Verdict::Damaged, 2));
    assert!(found[0].starts_with("20"), "{found:?}");
}

#[tokio::test]
async fn parts_without_an_age_ask_nothing() {
    let site = Site::with_snapshot();
    let options = ListOptions { max_age: None, ..within(1, &["config"]) };
    let repository = Repository::open(site.directory.path()).unwrap();
    let error = list(&repository, &options, &Run::silent()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
}
