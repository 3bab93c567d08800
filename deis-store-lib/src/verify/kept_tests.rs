//! The result that a verification leaves in the snapshot, and what later ones make of it.

use std::fs;

use super::*;
use crate::error::Error;
use crate::hash::Sha256;
use crate::part::Part;
use crate::report::{Finding, FindingKind};
use crate::run::heard::Heard;
use crate::snapshot::Damaged;
use crate::snapshot::sample;

async fn verified(snapshot: &SnapshotReader, read: Read, run: &Run) -> Result<VerifyReport, Error> {
    verify(snapshot, &VerifyOptions { read }, run).await
}

fn keys(keys: &[&str]) -> Damaged {
    Damaged::Keys(keys.iter().map(|key| (*key).to_owned()).collect())
}

#[tokio::test]
async fn damage_stays_known_until_everything_is_good_again() {
    let directory = tempfile::tempdir().unwrap();
    let snapshot = sample::build(directory.path());
    let (file, run) = (snapshot.path().join("registry/%-/registry/one"), Run::silent());
    let bytes = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let report = verified(&snapshot, Read::Sizes, &run).await.unwrap();
    assert_eq!((report.verdict, &report.not_kept), (Verdict::Damaged, &None));
    assert_eq!(snapshot.verified().last().unwrap().read, "sizes");
    fs::write(&file, bytes).unwrap();
    assert_eq!(verified(&snapshot, Read::Sizes, &run).await.unwrap().verdict, Verdict::Good);
    assert_eq!(snapshot.damaged(&Part::registry()), keys(&["/registry/one"]));
    let last = snapshot.verified().last().cloned().unwrap();
    assert_eq!((last.read.as_str(), last.verdict, last.damaged), ("sizes", Verdict::Good, 0));
    assert_eq!(verified(&snapshot, Read::All, &run).await.unwrap().verdict, Verdict::Good);
    assert_eq!(snapshot.damaged(&Part::registry()), keys(&[]));
}

#[tokio::test]
async fn what_is_good_or_merely_extra_names_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let snapshot = sample::build(directory.path());
    fs::write(snapshot.path().join("registry/extra"), "").unwrap();
    fs::write(snapshot.path().join("held.json"), "{}").unwrap();
    let report = verified(&snapshot, Read::All, &Run::silent()).await.unwrap();
    assert_eq!((report.verdict, report.findings.list().len()), (Verdict::Good, 1));
    assert_eq!(snapshot.damaged(&Part::registry()), keys(&[]));
    assert_eq!(snapshot.verified().distrust(), None);
}

#[tokio::test]
async fn a_result_that_cannot_be_kept_is_said_and_is_the_result_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let snapshot = sample::build(directory.path());
    fs::create_dir(snapshot.path().join("verified.jsonl")).unwrap();
    let (run, heard) = Heard::run();
    let report = verified(&snapshot, Read::All, &run).await.unwrap();
    assert_eq!(report.verdict, Verdict::Good);
    assert!(report.not_kept.unwrap().contains("verified.jsonl"));
    assert!(heard.notes()[0].starts_with("the snapshot does not keep this result"), "{:?}", heard.notes());
}

/// Receives that an object of the registry is damaged, and then perhaps an error. The result, and whether the tally still has the
/// damage.
async fn damage_and_then(snapshot: &SnapshotReader, error: Option<Error>) -> (Result<()>, bool) {
    let (events, arriving) = mpsc::channel(4);
    let run = Run::silent();
    let running = run.begin(None, TaskKind::Verb, "verify");
    let mut tally = Tally::new(snapshot.manifest(), Read::All, &running);
    let finding = Finding::new(Some(&Part::registry()), "a", FindingKind::Changed, "x");
    events.send(Event::Finding(finding)).await.unwrap();
    if let Some(error) = error {
        events.send(Event::Failed(error)).await.unwrap();
    }
    drop(events);
    let received = received(&mut tally, arriving, snapshot, run.clock.now()).await;
    (received, tally.damage.is_any())
}

#[tokio::test]
async fn damage_that_was_found_before_a_stop_stays_known() {
    let directory = tempfile::tempdir().unwrap();
    let snapshot = sample::build(directory.path());
    let stopped = Error::new(ErrorKind::Interrupted, "stopped");
    let (received, _) = damage_and_then(&snapshot, Some(stopped)).await;
    assert_eq!(received.unwrap_err().kind(), ErrorKind::Interrupted);
    assert_eq!(snapshot.damaged(&Part::registry()), keys(&["a"]));
    assert_eq!(snapshot.verified().last().unwrap().read, "all, stopped");
}

#[tokio::test]
async fn damage_is_kept_when_all_was_read_before_there_is_a_result() {
    let directory = tempfile::tempdir().unwrap();
    let snapshot = sample::build(directory.path());
    let (received, is_any) = damage_and_then(&snapshot, None).await;
    received.unwrap();
    assert!(is_any, "the result names it, too");
    let last = snapshot.verified().last().cloned().unwrap();
    assert_eq!((last.verdict, last.read.as_str()), (Verdict::Damaged, "all, stopped"));
    assert_eq!(snapshot.damaged(&Part::registry()), keys(&["a"]));
}

#[tokio::test]
async fn an_object_that_is_broken_though_its_digest_is_right_is_known_until_all_was_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let unfinished = sample::begin(directory.path());
    let checksum = format!("[\"sha256:{}\"]", Sha256::of(b"another layer"));
    let objects: [(&str, &[u8]); 4] = [
        ("registry/images/0a/_checksum", checksum.as_bytes()),
        ("registry/images/0a/ancestry", b"[\"0a\"]"),
        ("registry/images/0a/json", b"{}"),
        ("registry/images/0a/layer", b"layer"),
    ];
    let registry = Part::registry();
    let parts = [(registry.clone(), sample::objects(&unfinished, &registry, &objects))].into();
    let manifest = sample::manifest(&unfinished, parts);
    let (snapshot, run) = (unfinished.commit(manifest).unwrap(), Run::silent());
    assert_eq!(verified(&snapshot, Read::All, &run).await.unwrap().verdict, Verdict::Damaged);
    assert_eq!(verified(&snapshot, Read::Sizes, &run).await.unwrap().verdict, Verdict::Good);
    assert!(snapshot.verified().distrust().is_some());
    assert_eq!(snapshot.damaged(&registry), keys(&[]), "the next backup would fetch the same bytes");
}
