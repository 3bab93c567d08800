//! Backups of added buckets, from one embedded gateway and onto another.

use std::sync::{Arc, Mutex};

use super::site::Site;
use super::*;
use crate::outcome::PartOutcome;
use crate::part::{BucketPart, PartChoice};
use crate::report::FindingKind;
use crate::restore::{RestoreOptions, plan, restore};
use crate::run::{Event, Monitor};
use crate::snapshot::SnapshotReader;

const BASE: &str = "pg/basebackups_005/base_00000001000000000000000";

fn options(buckets: &[&str], choice: PartChoice) -> Result<BackupOptions> {
    BackupOptions::new(buckets.iter().map(|text| text.parse::<BucketPart>().unwrap()), choice)
}

fn only(names: &[&str]) -> PartChoice {
    PartChoice::Only(names.iter().map(|name| name.parse().unwrap()).collect())
}

fn stored(report: &BackupReport) -> Vec<&str> {
    let stored = report.parts.iter().filter(|(_, part)| part.outcome == PartOutcome::Stored);
    stored.map(|(part, _)| part.name()).collect()
}

#[tokio::test]
async fn without_etcd_the_added_buckets_are_meant_alone_unless_parts_are_named() {
    let site = Site::new(false).await;
    site.put("uploads", &["a", "b/c"]).await;
    site.put("registry", &["x"]).await;
    let scratch = tempfile::tempdir().unwrap();
    let repository = Repository::create(scratch.path(), &Run::silent()).unwrap();
    let backup = async |buckets: &[&str], choice: PartChoice| {
        backup(&site.cluster, &repository, &options(buckets, choice).unwrap(), &Run::silent()).await
    };

    // There is no bucket db_wal, and nobody asked for it.
    let report = backup(&["uploads"], PartChoice::All).await.unwrap();
    assert_eq!((report.verdict, stored(&report)), (Verdict::Good, vec!["bucket.uploads"]));
    let named = only(&["registry", "bucket.uploads"]);
    let report = backup(&["uploads"], named).await.unwrap();
    assert_eq!(stored(&report), ["registry", "bucket.uploads"]);
    let report = backup(&["uploads"], only(&["registry"])).await.unwrap();
    assert_eq!(stored(&report), ["registry"]);
    assert!(SnapshotReader::open(&report.snapshot).unwrap().manifest().requires.is_empty());
    let missing = backup(&["not-there"], PartChoice::All).await.unwrap_err();
    assert_eq!((missing.kind(), missing.place().bucket()), (ErrorKind::NotFound, Some("not-there")));
}

#[tokio::test]
async fn with_etcd_the_added_buckets_are_taken_besides_the_platforms_parts() {
    let site = Site::new(true).await;
    for bucket in ["uploads", "db_wal", "registry"] {
        site.put(bucket, &["k"]).await;
    }
    let scratch = tempfile::tempdir().unwrap();
    let repository = Repository::create(scratch.path(), &Run::silent()).unwrap();
    let without = ["sql", "volume", "config"].map(|name| name.parse().unwrap());
    let options = options(&["uploads"], PartChoice::AllBut(without.into())).unwrap();
    let report = backup(&site.cluster, &repository, &options, &Run::silent()).await.unwrap();
    assert_eq!(stored(&report), ["db_wal", "registry", "bucket.uploads"]);
}

#[tokio::test]
async fn what_is_the_same_bucket_or_no_part_is_refused_before_anything_is_written() {
    let site = Site::new(true).await;
    let kind = |buckets: &[&str], choice| options(buckets, choice).unwrap_err().kind();
    assert_eq!(kind(&["uploads", "Uploads"], PartChoice::All), ErrorKind::Usage);
    assert_eq!(kind(&["uploads"], only(&["bucket.downloads"])), ErrorKind::Usage);
    assert_eq!(kind(&[], only(&["bucket.uploads"])), ErrorKind::Usage);
    let twice = options(&["registry:registry"], PartChoice::All).unwrap();
    let error = check(&site.cluster, &twice).await.unwrap_err();
    assert_eq!((error.kind(), error.place().bucket()), (ErrorKind::Usage, Some("registry")));
    let once = options(&["registry:registry"], only(&["bucket.registry"])).unwrap();
    check(&site.cluster, &once).await.unwrap();
}

#[tokio::test]
async fn base_backups_below_a_prefix_come_back_with_their_sentinels_last_and_their_latest() {
    let (old, new) = (Site::new(false).await, Site::new(false).await);
    let sentinel = |segment: char| format!("{BASE}{segment}_00000040_backup_stop_sentinel.json");
    let part = |segment: char| format!("{BASE}{segment}_00000040/tar_partitions/part_00000000.tar.lzo");
    // The greater name was written first: LATEST is the other one.
    let segment = |segment: char| format!("pg/wal_005/00000001000000000000000{segment}.lzo");
    for key in [part('B'), sentinel('B'), part('A'), sentinel('A')] {
        old.put("dbwal", &[&key, &segment('A'), &segment('B')]).await;
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let scratch = tempfile::tempdir().unwrap();
    let run = Run::silent();
    let repository = Repository::create(scratch.path(), &run).unwrap();
    let options = options(&["dbwal:wal-e"], PartChoice::All).unwrap();
    let report = backup(&old.cluster, &repository, &options, &run).await.unwrap();
    let snapshot = SnapshotReader::open(&report.snapshot).unwrap();
    let part = snapshot.manifest().parts.keys().find(|part| part.name() == "bucket.dbwal").unwrap();
    assert_eq!(snapshot.manifest().parts[part].lists.len(), 2, "base backups, then all else");

    let planned = plan(&new.cluster, &snapshot, &RestoreOptions::default(), &run).await.unwrap();
    assert_eq!(planned.steps.len(), 1);
    let restored = restore(&new.cluster, &snapshot, &planned, &run).await.unwrap();
    assert_eq!(restored.verdict, Verdict::Good);
    assert_eq!(restored.parts[part].latest.as_deref(), Some(sentinel('A').as_str()));
    let mut objects = new.objects("dbwal").await;
    objects.sort_by(|one, other| one.modified.cmp(&other.modified));
    let last: Vec<&str> = objects.iter().skip(4).map(|object| object.key.as_str()).collect();
    assert_eq!(last, [sentinel('B'), sentinel('A')]);
}

/// The events of the parts, one after the other: the announced objects and bytes, and those that were copied.
#[derive(Default)]
struct Heard(Mutex<Vec<Told>>);

#[derive(Debug, Default)]
struct Told {
    total: (Option<u64>, Option<u64>),
    done: (u64, u64),
}

impl Monitor for Heard {
    fn event(&self, event: &Event<'_>) {
        let mut heard = self.0.lock().unwrap();
        match *event {
            Event::Total { objects, bytes, .. } => {
                heard.push(Told { total: (objects, bytes), ..Told::default() });
            }
            Event::Advance { objects, bytes, .. } => {
                let last = heard.last_mut().unwrap();
                last.done.0 += objects;
                last.done.1 += bytes;
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_monitor_hears_how_much_there_will_be_before_it_hears_of_it() {
    let site = Site::new(false).await;
    site.put("uploads", &["a", "b/c", "d"]).await;
    site.put("dbwal", &["wal_005/x", &format!("{BASE}A_00000040_backup_stop_sentinel.json")]).await;
    let scratch = tempfile::tempdir().unwrap();
    let heard = Arc::new(Heard::default());
    let run = Run::system(heard.clone());
    let repository = Repository::create(scratch.path(), &run).unwrap();
    let options = options(&["uploads", "dbwal:wal-e"], PartChoice::All).unwrap();
    backup(&site.cluster, &repository, &options, &run).await.unwrap();
    let heard = heard.0.lock().unwrap();
    assert_eq!(heard.len(), 2);
    for Told { total, done } in &*heard {
        assert_eq!(*total, (Some(done.0), Some(done.1)), "{heard:?}");
    }
}

/// A clock that has lost its battery.
struct Flat;

impl crate::run::Clock for Flat {
    fn now(&self) -> std::time::SystemTime {
        std::time::UNIX_EPOCH + std::time::Duration::from_secs(77)
    }
}

#[tokio::test]
async fn a_clock_that_is_years_off_names_no_snapshot_1970() {
    let run = Run::new(Arc::new(crate::run::Silent), Arc::new(Flat), crate::run::Stop::default(), 1);
    let site = Site::faulty(true, &run, |_, _| None).await;
    site.put("uploads", &["k"]).await;
    let scratch = tempfile::tempdir().unwrap();
    let repository = Repository::create(scratch.path(), &run).unwrap();
    let uploads = options(&["uploads"], only(&["bucket.uploads"])).unwrap();
    let report = backup(&site.cluster, &repository, &uploads, &run).await.unwrap();
    let snapshot = SnapshotReader::open(&report.snapshot).unwrap();
    let manifest = snapshot.manifest();
    assert!(manifest.snapshot.as_str() > "2026-" && manifest.started.to_string().as_str() > "2026-");
    assert!(manifest.source.clock_offset_ms.unwrap() > 0);

    // Without a gateway nobody knows the time.
    let other = Site::faulty(true, &run, |_, _| None).await;
    let configuration = options(&[], only(&["config"])).unwrap();
    let refused = backup(&other.cluster, &repository, &configuration, &run).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Guard);
    assert_eq!(repository.snapshots().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_that_etcds_json_has_mangled_is_named_and_not_stored() {
    let site = Site::new(true).await;
    let etcd = crate::etcd::Etcd::new(site.etcd.clone());
    etcd.set("/deis/router/bodySize", "1m", None).await.unwrap();
    etcd.set("/deis/router/sslKey", "SECRET\u{fffd}", None).await.unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let run = Run::silent();
    let repository = Repository::create(scratch.path(), &run).unwrap();
    let configuration = options(&[], only(&["config"])).unwrap();
    let report = backup(&site.cluster, &repository, &configuration, &run).await.unwrap();
    assert_eq!(report.verdict, Verdict::Incomplete);
    assert_eq!(report.findings.list()[0].name, "/deis/router/sslKey");
    let snapshot = SnapshotReader::open(&report.snapshot).unwrap();
    let manifest = snapshot.manifest();
    let said = |what: &str| manifest.not_included.iter().any(|entry| entry.what.contains(what));
    assert!(said("/deis/router/sslKey") && said("hidden keys of etcd") && said("website redirects"));
    let stored = std::fs::read_to_string(snapshot.path().join("config.json")).unwrap();
    assert!(stored.contains("bodySize") && !stored.contains("sslKey"));

    let (new, all) = (Site::new(true).await, RestoreOptions::default());
    let refused = plan(&new.cluster, &snapshot, &all, &run).await.unwrap();
    assert_eq!(refused.obstacles[0].kind(), ErrorKind::Guard);
    let by_name = RestoreOptions { choice: only(&["config"]), ..all };
    let planned = plan(&new.cluster, &snapshot, &by_name, &run).await.unwrap();
    let restored = restore(&new.cluster, &snapshot, &planned, &run).await.unwrap();
    assert_eq!((planned.findings.verdict(), restored.verdict), (Verdict::Incomplete, Verdict::Incomplete));
    assert_eq!(new.etcd.value("/deis/router/bodySize").as_deref(), Some("1m"));
}

#[tokio::test]
async fn a_base_backup_that_is_being_deleted_for_longer_than_a_few_looks_is_left_out_and_no_damage() {
    let partition = |number: u32| format!("{BASE}A_00000040/tar_partitions/part_{number:08}.tar.lz4");
    let sentinel = format!("{BASE}A_00000040_backup_stop_sentinel.json");
    let going: Vec<String> = (0..6).map(partition).chain([sentinel.clone()]).collect();
    let left = Mutex::new(going.clone().into_iter());
    let last = going[5].clone();
    // Each look finds one object less, from the time at which the last partition is fetched.
    let began = std::sync::atomic::AtomicBool::new(false);
    let site = Site::faulty(false, &Run::silent(), move |asked, store| {
        use std::sync::atomic::Ordering::SeqCst;
        let begins = asked.operation == crate::gateway::Operation::GetObject && asked.key == last;
        let looks = asked.operation == crate::gateway::Operation::ListObjects
            && asked.target.contains("tar_partitions");
        let looks = looks || asked.target.contains("00000040%2F");
        if begins || (looks && began.load(SeqCst)) {
            began.store(true, SeqCst);
            if let Some(key) = left.lock().unwrap().next() {
                store.delete(&asked.bucket, &key);
            }
        }
        None
    })
    .await;
    let own = [&going[..], &["pg/wal_005/00000001000000000000000A.lz4".to_owned()]].concat();
    site.put("uploads", &own.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let scratch = tempfile::tempdir().unwrap();
    let repository = Repository::create(scratch.path(), &Run::silent()).unwrap();
    let options = options(&["uploads:wal-e"], PartChoice::All).unwrap();
    let report = backup(&site.cluster, &repository, &options, &Run::silent()).await.unwrap();
    assert_eq!(report.verdict, Verdict::Good, "{:#?}", report.findings);
    let vanished = report.findings.list().iter().find(|finding| finding.name == sentinel).unwrap();
    assert_eq!(vanished.kind, FindingKind::Vanished);
}
