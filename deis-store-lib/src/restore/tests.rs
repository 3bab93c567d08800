//! Restores of snapshots of which something is lost, onto an embedded gateway.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use std::collections::BTreeMap;

use super::*;
use crate::backup::site::{Loss, Site};
use crate::backup::{BackupOptions, BackupReport, backup};
use crate::error::{Error, ErrorKind};
use crate::gateway::Operation;
use crate::part::{BucketPart, PartChoice, PartName};
use crate::report::{FindingKind, Findings};
use crate::s3::client::{UploadOptions, cut_into_parts};
use crate::s3::op::InitiateUpload;
use crate::s3::{BucketName, ObjectKey};
use crate::snapshot::Repository;
use crate::verify::{VerifyOptions, verify};

const BUCKET: &str = "bucket";

/// A bucket of some contents: an object that is to be lost, and the references that need it and that do not.
struct Case {
    contents: &'static str,
    objects: Vec<(String, String)>,
    lost: String,
    held: Vec<String>,
}

impl Case {
    /// Two base backups below a prefix, of which the second one needs a log of two segments.
    fn wal_e(prefix: &str, lost: &str) -> Self {
        let base =
            |segment: char| format!("{prefix}basebackups_005/base_00000001000000000000000{segment}_00000040");
        let sentinel = |segment: char| format!("{}_backup_stop_sentinel.json", base(segment));
        let stop =
            |segment: char| format!(r#"{{"wal_segment_backup_stop":"00000001000000000000000{segment}"}}"#);
        let mut objects = Vec::new();
        for (segment, last) in [('A', 'A'), ('C', 'D')] {
            for name in ["extended_version.txt", "tar_partitions/part_00000000.tar.lz4"] {
                objects.push((format!("{}/{name}", base(segment)), "x".to_owned()));
            }
            objects.push((sentinel(segment), stop(last)));
        }
        for segment in ['A', 'B', 'C', 'D', 'E'] {
            objects.push((format!("{prefix}wal_005/00000001000000000000000{segment}.lz4"), "wal".to_owned()));
        }
        let (lost, held) = (format!("{prefix}{lost}"), vec![sentinel('C')]);
        Self { contents: "wal-e", objects, lost, held }
    }

    fn images() -> Self {
        let mut objects = Vec::new();
        for (image, ancestry) in [("a", r#"["a","root"]"#), ("root", r#"["root"]"#), ("b", r#"["b","root"]"#)]
        {
            objects.push((format!("registry/images/{image}/ancestry"), ancestry.to_owned()));
            objects.push((format!("registry/images/{image}/json"), "{}".to_owned()));
            objects.push((format!("registry/images/{image}/layer"), "layer".to_owned()));
        }
        let tag = |name: &str| format!("registry/repositories/library/app/{name}");
        for (name, image) in [("tag_v1", "a"), ("tag_v2", "b"), ("tagv1_json", "{}"), ("_index_images", "[]")]
        {
            objects.push((tag(name), image.to_owned()));
        }
        let (lost, held) = ("registry/images/a/layer".to_owned(), vec![tag("tag_v1")]);
        Self { contents: "registry", objects, lost, held }
    }

    fn distribution(root: &str) -> Self {
        let blob = |hex: &str| format!("{root}docker/registry/v2/blobs/sha256/{hex}/{hex}/data");
        let app = format!("{root}docker/registry/v2/repositories/team/app");
        let mut objects = vec![
            (blob("a1"), r#"{"config":{"digest":"sha256:cc"},"layers":[{"digest":"sha256:aa"}]}"#.to_owned()),
            (blob("a2"), r#"{"config":{"digest":"sha256:cc"},"layers":[]}"#.to_owned()),
        ];
        objects.extend(["aa", "cc"].map(|hex| (blob(hex), "blob".to_owned())));
        objects.extend(
            ["aa", "cc"].map(|hex| (format!("{app}/_layers/sha256/{hex}/link"), format!("sha256:{hex}"))),
        );
        for (tag, manifest) in [("v1", "a1"), ("v2", "a2")] {
            let link = format!("{app}/_manifests/tags/{tag}/current/link");
            objects.push((link, format!("sha256:{manifest}")));
            let revision = format!("{app}/_manifests/revisions/sha256/{manifest}/link");
            objects.push((revision, format!("sha256:{manifest}")));
        }
        let held = vec![format!("{app}/_manifests/tags/v1/current/link")];
        Self { contents: "registry", objects, lost: blob("aa"), held }
    }

    fn borrowed(&self) -> Vec<(&str, &str)> {
        self.objects.iter().map(|(key, body)| (key.as_str(), body.as_str())).collect()
    }

    fn all_but(&self, left_out: &[&String]) -> Vec<String> {
        let keys = self.objects.iter().map(|(key, _)| key);
        let mut keys: Vec<_> = keys.filter(|key| !left_out.contains(key)).cloned().collect();
        keys.sort();
        keys
    }
}

/// A snapshot in a directory of its own.
struct Taken {
    directory: tempfile::TempDir,
    report: BackupReport,
}

impl Taken {
    async fn of(site: &Site, contents: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let run = Run::silent();
        let repository = Repository::create(directory.path(), &run).unwrap();
        let bucket: BucketPart = format!("{BUCKET}:{contents}").parse().unwrap();
        let options = BackupOptions::new([bucket], PartChoice::All).unwrap();
        let report = backup(&site.cluster, &repository, &options, &run).await.unwrap();
        Self { directory, report }
    }

    fn open(&self) -> SnapshotReader {
        SnapshotReader::open(&self.report.snapshot).unwrap()
    }

    /// The file of an object with an ordinary key.
    fn file(&self, key: &str) -> PathBuf {
        Path::new(&self.report.snapshot).join("bucket.bucket").join(key)
    }

    async fn verified(&self) -> Verdict {
        verify(&self.open(), &VerifyOptions::default(), &Run::silent()).await.unwrap().verdict
    }

    /// A plan for an empty cluster and its restore, and the keys that are there then.
    async fn restored(&self, despite_damage: bool) -> (RestorePlan, RestoreReport, Vec<String>) {
        let (plan, report, keys, _) = self.restored_at(despite_damage).await;
        (plan, report, keys)
    }

    /// The same, and the cluster.
    async fn restored_at(&self, despite_damage: bool) -> (RestorePlan, RestoreReport, Vec<String>, Site) {
        let (site, run, snapshot) = (Site::new(false).await, Run::silent(), self.open());
        let options = RestoreOptions { choice: only(), despite_damage, ..RestoreOptions::default() };
        let plan = plan(&site.cluster, &snapshot, &options, &run).await.unwrap();
        let report = restore(&site.cluster, &snapshot, &plan, &run).await.unwrap();
        let keys = site.keys(BUCKET).await;
        (plan, report, keys, site)
    }
}

fn only() -> PartChoice {
    PartChoice::Only(["bucket.bucket".parse::<PartName>().unwrap()].into())
}

fn named(findings: &Findings, kind: FindingKind) -> Vec<String> {
    let findings = findings.list().iter().filter(|finding| finding.kind == kind);
    findings.map(|finding| finding.name.clone()).collect()
}

/// Replaces a file and does not edit it: objects are 0400.
fn write(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A way to damage a file.
type Damage = fn(&Path);

/// What was lost holds back what needs it and nothing else, in the plan and in the bucket, unless that is overridden.
async fn holds_back(case: &Case, taken: &Taken, verdict: Verdict) {
    let (plan, report, keys) = taken.restored(false).await;
    let lost: Vec<&String> = case.held.iter().chain([&case.lost]).collect();
    assert_eq!(keys, case.all_but(&lost), "{}", case.lost);
    let held = |findings: &Findings| {
        let held = named(findings, FindingKind::HeldBack);
        case.held.iter().all(|key| held.iter().any(|held| key.starts_with(held.as_str())))
    };
    assert!(held(&plan.findings) && held(&report.findings), "{report:#?}");
    assert_eq!((plan.findings.verdict(), report.verdict), (verdict, verdict), "{report:#?}");
    assert_eq!(report.parts.values().map(|part| part.held_back).sum::<u64>(), case.held.len() as u64);

    let (plan, report, keys, new) = taken.restored_at(true).await;
    assert_eq!(keys, case.all_but(&[&case.lost]), "{}: despite the damage", case.lost);
    assert!(plan.despite_damage && report.verdict >= Verdict::Incomplete, "{report:#?}");
    // Then it is there, and a later restore does not say that it is not.
    let (snapshot, run) = (taken.open(), Run::silent());
    let options = RestoreOptions { choice: only(), despite_damage: false, ..RestoreOptions::default() };
    let plan = super::plan(&new.cluster, &snapshot, &options, &run).await.unwrap();
    let restored = restore(&new.cluster, &snapshot, &plan, &run).await;
    if case.contents == "wal-e" {
        // WAL-E would take it.
        assert_eq!(restored.unwrap_err().kind(), ErrorKind::Changed);
        return;
    }
    let report = restored.unwrap();
    let held = report.findings.list().iter().filter(|finding| finding.kind == FindingKind::HeldBack);
    let said: Vec<&str> = held.map(|finding| finding.what.as_str()).collect();
    assert!(said.iter().any(|what| what.contains("it is in the bucket already")), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_backup_has_lost_holds_back_exactly_what_needs_it() {
    let base = "basebackups_005/base_00000001000000000000000C_00000040";
    let partition = format!("{base}/tar_partitions/part_00000000.tar.lz4");
    let cases = [
        (Case::wal_e("", &partition), Loss::Vanished),
        (Case::wal_e("pg/main/", &partition), Loss::Refused),
        (Case::wal_e("", &format!("{base}/extended_version.txt")), Loss::Failed),
        (Case::wal_e("x/", "wal_005/00000001000000000000000D.lz4"), Loss::Vanished),
        (Case::images(), Loss::Vanished),
        (Case::images(), Loss::Refused),
        (Case::distribution(""), Loss::Vanished),
        (Case::distribution("root/"), Loss::Failed),
    ];
    let checked = cases.map(|(case, loss)| {
        tokio::spawn(async move {
            let site = Site::losing(&[(&case.lost, loss)], &[]).await;
            site.fill(BUCKET, &case.borrowed()).await;
            let taken = Taken::of(&site, case.contents).await;
            // One that is listed and not given is damage.
            let expected = if loss == Loss::Failed { Verdict::Damaged } else { Verdict::Incomplete };
            assert_eq!(taken.report.verdict, expected, "{loss:?} {}", case.lost);
            assert!(!taken.open().manifest().complete);
            assert!(taken.verified().await >= Verdict::Incomplete, "{loss:?} {}", case.lost);
            holds_back(&case, &taken, Verdict::Incomplete).await;
        })
    });
    for checked in checked {
        checked.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_on_disk_holds_back_exactly_what_needs_it() {
    let partition =
        "basebackups_005/base_00000001000000000000000C_00000040/tar_partitions/part_00000000.tar.lz4";
    let delete: Damage = |path| fs::remove_file(path).unwrap();
    let truncate: Damage = |path| write(path, b"");
    for (case, damage) in [
        (Case::wal_e("pg/", partition), delete),
        (Case::images(), delete),
        (Case::images(), truncate),
        (Case::distribution("root/"), truncate),
    ] {
        let site = Site::new(false).await;
        site.fill(BUCKET, &case.borrowed()).await;
        let taken = Taken::of(&site, case.contents).await;
        assert_eq!((taken.report.verdict, taken.verified().await), (Verdict::Good, Verdict::Good));
        damage(&taken.file(&case.lost));
        assert_eq!(taken.verified().await, Verdict::Damaged);
        holds_back(&case, &taken, Verdict::Damaged).await;
    }
}

#[tokio::test]
async fn a_flipped_bit_is_found_on_the_way_and_holds_back_what_needs_it() {
    let case = Case::images();
    let site = Site::new(false).await;
    site.fill(BUCKET, &case.borrowed()).await;
    let taken = Taken::of(&site, case.contents).await;
    write(&taken.file(&case.lost), b"lbyer");
    let (plan, report, keys) = taken.restored(false).await;
    assert_eq!((plan.findings.verdict(), report.verdict), (Verdict::Good, Verdict::Damaged));
    assert_eq!(keys, case.all_but(&[&case.lost, &case.held[0]]));
    // A tag that is damaged itself is not written, and holds nothing back.
    write(&taken.file(&case.lost), b"layer");
    write(&taken.file(&case.held[0]), b"b");
    let (_, report, keys) = taken.restored(false).await;
    assert_eq!((report.verdict, keys), (Verdict::Damaged, case.all_but(&[&case.held[0]])));
}

#[tokio::test]
async fn a_sentinel_of_two_bytes_is_seen_in_the_plan_and_the_latest_that_is_left_is_named() {
    let case = Case::wal_e("", "unused");
    let site = Site::new(false).await;
    site.fill(BUCKET, &case.borrowed()).await;
    let taken = Taken::of(&site, case.contents).await;
    write(&taken.file(&case.held[0]), b"{}");
    let (plan, report, keys) = taken.restored(false).await;
    assert_eq!(plan.findings.verdict(), Verdict::Damaged);
    assert_eq!(named(&plan.findings, FindingKind::Changed), case.held);
    assert_eq!(keys, case.all_but(&[&case.held[0]]));
    let latest = report.parts.values().next().unwrap().latest.clone().unwrap();
    assert!(latest.contains("00000A_"), "{latest}");
    let was_latest = report.findings.list().iter().find(|finding| finding.what.contains("it was LATEST"));
    assert_eq!(was_latest.map(|finding| &finding.name), Some(&case.held[0]), "{report:#?}");
}

#[tokio::test]
async fn a_base_backup_that_is_deleted_while_it_is_copied_is_left_out_with_its_sentinel() {
    let base = "basebackups_005/base_00000001000000000000000C_00000040";
    let case = Case::wal_e("pg/", &format!("{base}/tar_partitions/part_00000000.tar.lz4"));
    let site = Site::losing(&[(&case.lost, Loss::Vanished)], &[&case.held[0]]).await;
    site.fill(BUCKET, &case.borrowed()).await;
    let taken = Taken::of(&site, case.contents).await;
    assert_eq!((taken.report.verdict, taken.verified().await), (Verdict::Good, Verdict::Good));
    assert!(named(&taken.report.findings, FindingKind::Vanished).contains(&case.held[0]));
    assert!(!taken.file(&case.held[0]).exists());
    let part = taken.report.parts.values().find(|part| part.counts.listed > 0).unwrap();
    assert_eq!(part.counts.vanished, 2, "{part:?}");
    part.counts.add_up().unwrap();
    let (_, report, keys) = taken.restored(false).await;
    assert_eq!((report.verdict, keys), (Verdict::Good, case.all_but(&[&case.lost, &case.held[0]])));
}

/// A snapshot of a bucket from which keys are deleted at its whole listings of these numbers.
async fn deleted_at(case: &Case, deletions: &[(usize, &str)]) -> Taken {
    let deletions: Vec<_> = deletions.iter().map(|(at, key)| (*at, (*key).to_owned())).collect();
    let listings = std::sync::atomic::AtomicUsize::new(0);
    let site = Site::faulty(false, &Run::silent(), move |asked, store| {
        if asked.operation == Operation::ListObjects && !asked.target.contains("prefix=") {
            let listing = 1 + listings.fetch_add(1, Ordering::Relaxed);
            let gone = deletions.iter().filter(|(at, _)| *at == listing);
            gone.for_each(|(_, key)| assert!(store.delete(&asked.bucket, key)));
        }
        None
    })
    .await;
    site.fill(BUCKET, &case.borrowed()).await;
    Taken::of(&site, case.contents).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_between_two_listings_is_missed_by_what_needs_it() {
    let base = "basebackups_005/base_00000001000000000000000C_00000040";
    let partition = format!("{base}/tar_partitions/part_00000000.tar.lz4");
    let segment = "wal_005/00000001000000000000000D.lz4";
    // Of WAL-E's, the first listing is for the sentinels, the second one for base backups, the third one for the log.
    let checked = [
        (Case::wal_e("", &partition), 2, 3),
        (Case::wal_e("pg/", &partition), 3, 3),
        (Case::wal_e("", segment), 2, 3),
        (Case::wal_e("pg/", segment), 3, 3),
        (Case::images(), 2, 2),
        (Case::distribution("root/"), 2, 2),
    ]
    .map(|(case, at, at_last)| {
        tokio::spawn(async move {
            let (lost, held) = (case.lost.as_str(), case.held[0].as_str());
            let taken = deleted_at(&case, &[(at, lost)]).await;
            // What needs it stays, and the bucket has not got it. What was copied before it was deleted is only not known to be whole.
            let is_copied = at == 3 && lost.contains("tar_partitions");
            let expected = if is_copied { Verdict::Incomplete } else { Verdict::Damaged };
            assert_eq!(taken.report.verdict, expected, "{at} {lost}: {:#?}", taken.report);
            let named = named(&taken.report.findings, FindingKind::HeldBack);
            assert!(named.len() == 1 && held.starts_with(&named[0]), "{named:?}");

            let taken = deleted_at(&case, &[(at, lost), (at_last, held)]).await;
            // The first base backup is left, and its log has a hole.
            let is_hole = lost.contains("wal_005");
            let expected = if is_hole { Verdict::Damaged } else { Verdict::Good };
            assert_eq!(taken.report.verdict, expected, "{at} {lost}: {:#?}", taken.report);
            assert!(!taken.file(held).exists(), "{at} {lost}");
            assert_eq!(taken.verified().await, expected, "{at} {lost}");
        })
    });
    for checked in checked {
        checked.await.unwrap();
    }
}

#[tokio::test]
async fn what_refers_to_something_that_is_nowhere_is_named_by_each_verb_and_not_written() {
    let (wal_e, images, distribution) =
        (Case::wal_e("", "wal_005/00000001000000000000000D.lz4"), Case::images(), Case::distribution(""));
    for case in [wal_e, images, distribution] {
        let there: Vec<_> = case.borrowed().into_iter().filter(|(key, _)| *key != case.lost).collect();
        let site = Site::new(false).await;
        site.fill(BUCKET, &there).await;
        let taken = Taken::of(&site, case.contents).await;
        assert_eq!(taken.report.verdict, Verdict::Damaged, "{}", case.lost);
        assert_eq!(taken.verified().await, Verdict::Damaged, "{}", case.lost);
        holds_back(&case, &taken, Verdict::Incomplete).await;
    }
}

#[tokio::test]
async fn what_a_gateway_did_not_store_holds_back_what_needs_it() {
    for case in
        [Case::wal_e("", "wal_005/00000001000000000000000D.lz4"), Case::images(), Case::distribution("")]
    {
        let site = Site::new(false).await;
        site.fill(BUCKET, &case.borrowed()).await;
        let (taken, lost) = (Taken::of(&site, case.contents).await, case.lost.clone());
        // It says that the object is stored, and has lost it when it is listed.
        let new = Site::faulty(false, &Run::silent(), move |asked, store| {
            if asked.operation == Operation::ListObjects {
                store.delete(&asked.bucket, &lost);
            }
            None
        })
        .await;
        let (run, snapshot) = (Run::silent(), taken.open());
        let options = RestoreOptions { choice: only(), despite_damage: false, ..RestoreOptions::default() };
        let plan = plan(&new.cluster, &snapshot, &options, &run).await.unwrap();
        let report = restore(&new.cluster, &snapshot, &plan, &run).await.unwrap();
        assert_eq!(report.verdict, Verdict::Incomplete, "{report:#?}");
        assert_eq!(named(&report.findings, FindingKind::Failed), std::slice::from_ref(&case.lost));
        assert_eq!(new.keys(BUCKET).await, case.all_but(&[&case.lost, &case.held[0]]));
        let part = report.parts.values().next().unwrap();
        assert_eq!((part.restored, part.failed), (case.objects.len() as u64 - 2, 1), "{part:?}");
    }
}

#[tokio::test]
async fn many_vanished_objects_are_named_by_each_verb_and_stand_in_the_way() {
    let keys: Vec<String> = (0..30).map(|number| format!("k{number:02}")).collect();
    let gone: Vec<(&str, Loss)> = keys[..11].iter().map(|key| (key.as_str(), Loss::Vanished)).collect();
    let site = Site::losing(&gone, &[]).await;
    site.put(BUCKET, &keys.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let taken = Taken::of(&site, "plain").await;
    assert_eq!(taken.report.verdict, Verdict::Incomplete);
    let verified = verify(&taken.open(), &VerifyOptions::default(), &Run::silent()).await.unwrap();
    assert_eq!(verified.verdict, Verdict::Incomplete);
    assert_eq!(named(&verified.findings, FindingKind::Vanished), keys[..11]);
    let (snapshot, run, new) = (taken.open(), Run::silent(), Site::new(false).await);
    let refused = plan(&new.cluster, &snapshot, &RestoreOptions::default(), &run).await.unwrap();
    assert_eq!(refused.obstacles.iter().map(Error::kind).collect::<Vec<_>>(), [ErrorKind::Guard]);
    let (plan, report, _) = taken.restored(false).await;
    assert_eq!((plan.findings.verdict(), report.verdict), (Verdict::Incomplete, Verdict::Incomplete));
    assert_eq!(named(&report.findings, FindingKind::Vanished), keys[..11]);
}

#[tokio::test]
async fn an_object_in_doubt_is_in_doubt_after_a_restore() {
    let site = Site::new(false).await;
    let (bucket, key) = (BucketName::new(BUCKET).unwrap(), ObjectKey::new("k").unwrap());
    site.client.create_bucket(&bucket).await.unwrap();
    // No tool makes parts of this size.
    let bytes = vec![7; 14_000_000];
    let parts = cut_into_parts(&bytes[..], 5_300_000);
    let begin = InitiateUpload::new(&bucket, &key, None, &BTreeMap::new(), &BTreeMap::new()).unwrap();
    site.client.upload(&begin, parts, &UploadOptions::default()).await.unwrap();
    let taken = Taken::of(&site, "plain").await;
    assert_eq!((taken.report.verdict, taken.verified().await), (Verdict::Incomplete, Verdict::Incomplete));
    let (plan, report, _) = taken.restored(false).await;
    assert_eq!((plan.findings.verdict(), report.verdict), (Verdict::Incomplete, Verdict::Incomplete));
    assert_eq!(named(&report.findings, FindingKind::Unverifiable), ["k"]);
}

#[tokio::test]
async fn an_incomplete_part_is_restored_by_name_alone_and_never_called_whole() {
    let site = Site::losing(&[("b", Loss::Refused)], &[]).await;
    site.put(BUCKET, &["a", "b", "c"]).await;
    let taken = Taken::of(&site, "plain").await;
    let (snapshot, run, new) = (taken.open(), Run::silent(), Site::new(false).await);
    let refused = plan(&new.cluster, &snapshot, &RestoreOptions::default(), &run).await.unwrap();
    assert_eq!(refused.obstacles.iter().map(Error::kind).collect::<Vec<_>>(), [ErrorKind::Guard]);
    assert_eq!(restore(&new.cluster, &snapshot, &refused, &run).await.unwrap_err().kind(), ErrorKind::Guard);
    assert!(new.cluster.s3().unwrap().buckets().await.unwrap().is_empty());

    let (plan, report, keys) = taken.restored(false).await;
    assert_eq!((plan.findings.verdict(), report.verdict), (Verdict::Incomplete, Verdict::Incomplete));
    assert_eq!(named(&report.findings, FindingKind::Refused), ["b"]);
    assert_eq!(keys, ["a", "c"]);
}

#[tokio::test]
async fn a_plan_shows_all_that_stands_in_its_way_and_nothing_is_done() {
    let site = Site::new(true).await;
    site.put("registry", &["registry/images/a/layer"]).await;
    site.put("db_wal", &["wal_005/00000001000000000000000A.lz4"]).await;
    site.put(BUCKET, &["k"]).await;
    crate::etcd::Etcd::new(site.etcd.clone()).set("/deis/router/gzip", "on", None).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let run = Run::silent();
    let repository = Repository::create(directory.path(), &run).unwrap();
    let without = ["sql", "volume"].map(|name| name.parse().unwrap());
    let options = BackupOptions::new([BUCKET.parse().unwrap()], PartChoice::AllBut(without.into())).unwrap();
    let taken = backup(&site.cluster, &repository, &options, &run).await.unwrap();
    let snapshot = SnapshotReader::open(&taken.snapshot).unwrap();
    fs::remove_file(Path::new(&taken.snapshot).join("registry/registry/images/a/layer")).unwrap();

    let new = Site::new(true).await;
    new.put("db_wal", &["somebody's"]).await;
    new.put(BUCKET, &["another's"]).await;
    crate::etcd::Etcd::new(new.etcd.clone()).set("/deis/router/gzip/x", "1", None).await.unwrap();
    let plan = plan(&new.cluster, &snapshot, &RestoreOptions::default(), &run).await.unwrap();
    let obstacles: Vec<String> = plan.obstacles.iter().map(ToString::to_string).collect();
    assert_eq!(obstacles.len(), 3, "{obstacles:#?}");
    for (obstacle, words) in obstacles.iter().zip(["/deis/router/gzip", "somebody's", "another's"]) {
        assert!(obstacle.contains(words), "{obstacle}");
    }
    assert_eq!(named(&plan.findings, FindingKind::Missing), ["registry/images/a/layer"]);
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(json["obstacles"][0]["kind"], "occupied", "{json:#}");
    assert_eq!((&json["verdict"], &json["steps"][0]["part"]), (&"damaged".into(), &"config".into()));

    assert_eq!(restore(&new.cluster, &snapshot, &plan, &run).await.unwrap_err().kind(), ErrorKind::Occupied);
    assert!(new.etcd.value("/deis/router/gzip").is_none());
    assert_eq!(new.client.buckets().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_bucket_without_its_lists_is_damage_and_not_an_empty_bucket() {
    let site = Site::new(false).await;
    site.put(BUCKET, &["k"]).await;
    let taken = Taken::of(&site, "plain").await;
    let path = Path::new(&taken.report.snapshot).join("manifest.json");
    let mut manifest: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    manifest["parts"]["bucket.bucket"]["lists"] = serde_json::json!([]);
    let text = serde_json::to_vec(&manifest).unwrap();
    fs::write(path.with_file_name("manifest.json.sha256"), digest(&text)).unwrap();
    fs::write(&path, text).unwrap();
    let new = Site::new(false).await;
    let options = RestoreOptions { choice: only(), despite_damage: true, ..RestoreOptions::default() };
    let plan = plan(&new.cluster, &taken.open(), &options, &Run::silent()).await.unwrap();
    assert_eq!(plan.obstacles.iter().map(Error::kind).collect::<Vec<_>>(), [ErrorKind::Damaged]);
    assert_eq!(taken.verified().await, Verdict::Damaged);
    drop(taken.directory);
}

fn digest(text: &[u8]) -> String {
    format!("{}  manifest.json\n", crate::hash::Sha256::of(text))
}
