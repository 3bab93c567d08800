//! What is done to a snapshot × where: `verify` names it, a restore refuses what rests on it, and the rest comes back by name.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::site::{Object, WholeSite};
use crate::backup::{BackupOptions, backup};
use crate::error::{ErrorKind, Result};
use crate::part::{PartChoice, PartName};
use crate::report::Verdict;
use crate::restore::{RestoreOptions, RestoreReport, plan, restore};
use crate::run::Run;
use crate::snapshot::{Repository, SnapshotReader};
use crate::verify::{VerifyOptions, verify};

const TAG: &str = "registry/repositories/library/app/tag_v1";
const LAYER: &str = "registry/images/aa/layer";
const JSON: &str = "registry/images/aa/json";
const REGISTRY: [&str; 4] = ["registry/images/aa/ancestry", JSON, LAYER, TAG];
const UPLOADS: [&str; 3] = ["changed", "other", "shared"];
const SETTING: &str = "/deis/router/bodySize";

/// The parts that a restore brings back.
const PARTS: [&str; 4] = ["registry", "bucket.uploads", "volume", "config"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Delete,
    Truncate,
    FlipABit,
    Swap,
    OlderCopy,
}

const ACTIONS: [Action; 5] =
    [Action::Delete, Action::Truncate, Action::FlipABit, Action::Swap, Action::OlderCopy];

/// A file of the snapshot, and the one that it is swapped with.
#[derive(Clone, Copy, Debug)]
struct Place {
    file: &'static str,
    partner: &'static str,
}

const PLACES: [Place; 9] = [
    Place { file: "bucket.uploads/changed", partner: "bucket.uploads/other" },
    Place { file: "registry/registry/images/aa/layer", partner: "registry/registry/images/aa/json" },
    Place { file: "bucket.uploads/shared", partner: "bucket.uploads/other" },
    Place { file: "lists/bucket.uploads.1-of-1.jsonl.gz", partner: "lists/registry.2-of-2.jsonl.gz" },
    Place { file: "manifest.json", partner: "manifest.json.sha256" },
    Place { file: "manifest.json.sha256", partner: "run.json" },
    Place { file: "store_file_backup.tar.gz", partner: "dump_all.sql.gz" },
    Place { file: "dump_all.sql.gz", partner: "config.json" },
    Place { file: "config.json", partner: "run.json" },
];

/// What damage to a file means.
enum Harm {
    /// The snapshot cannot be opened.
    Everything,
    /// This part cannot be restored.
    Part(&'static str),
    /// These keys of the part cannot be: the object itself, and what needs it.
    Keys(&'static str, Vec<&'static str>),
    /// No part that is restored rests on it.
    Nothing,
}

fn harm(file: &str) -> Harm {
    match file {
        "manifest.json" | "manifest.json.sha256" => Harm::Everything,
        "lists/bucket.uploads.1-of-1.jsonl.gz" => Harm::Part("bucket.uploads"),
        "lists/registry.2-of-2.jsonl.gz" => Harm::Part("registry"),
        "store_file_backup.tar.gz" => Harm::Part("volume"),
        "config.json" => Harm::Part("config"),
        "registry/registry/images/aa/layer" => Harm::Keys("registry", vec![LAYER, TAG]),
        "registry/registry/images/aa/json" => Harm::Keys("registry", vec![JSON, TAG]),
        "bucket.uploads/changed" => Harm::Keys("bucket.uploads", vec!["changed"]),
        "bucket.uploads/other" => Harm::Keys("bucket.uploads", vec!["other"]),
        "bucket.uploads/shared" => Harm::Keys("bucket.uploads", vec!["shared"]),
        "dump_all.sql.gz" | "run.json" => Harm::Nothing,
        _ => panic!("{file}"),
    }
}

/// How `verify` calls a file: an object by its key.
fn name(file: &str) -> &str {
    file.strip_prefix("bucket.uploads/").or(file.strip_prefix("registry/")).unwrap_or(file)
}

/// Two snapshots of one platform: between them, everything was changed but the object that they share as one inode.
struct Two {
    directory: tempfile::TempDir,
    names: [String; 2],
}

impl Two {
    async fn taken() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut names = Vec::new();
        for round in ["one", "two"] {
            let dump = format!(
                "--\n-- PostgreSQL database cluster dump\n--\n\nCREATE ROLE {round};\n\n--\n-- PostgreSQL database cluster \
                 dump complete\n--\n\n"
            );
            let site = WholeSite::new(&[(SETTING, round)], &dump, |_, _| None).await;
            site.fill(
                "registry",
                &[
                    Object::new(REGISTRY[0], r#"["aa"]"#),
                    Object::new(JSON, format!("{{\"round\":\"{round}\"}}")),
                    Object::new(LAYER, format!("layer {round}")),
                    Object::new(TAG, "aa"),
                ],
            )
            .await;
            site.fill(
                "uploads",
                &[
                    Object::new("changed", format!("bytes {round}")),
                    Object::new("other", format!("other {round}")),
                    Object::new("shared", "bytes that stay"),
                ],
            )
            .await;
            fs::write(site.volume.path().join("log"), round).unwrap();
            names.push(backed_up(&site, directory.path()).await);
        }
        let [first, second] =
            [&names[0], &names[1]].map(|name| directory.path().join(name).join("bucket.uploads/shared"));
        fs::remove_file(&second).unwrap();
        fs::hard_link(first, second).unwrap();
        let names = names.try_into().unwrap();
        Self { directory, names }
    }

    /// A copy in which links stay links.
    fn copy(&self) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut cp = Command::new("cp");
        cp.arg("-a").arg(self.directory.path().join(".")).arg(directory.path());
        assert!(cp.status().unwrap().success());
        Self { directory, names: self.names.clone() }
    }

    fn first(&self) -> PathBuf {
        self.directory.path().join(&self.names[0])
    }

    fn second(&self) -> PathBuf {
        self.directory.path().join(&self.names[1])
    }

    /// Damages the second snapshot, and tells which of its files are harmed.
    fn damage(&self, action: Action, place: Place) -> Vec<&'static str> {
        let (path, partner) = (self.second().join(place.file), self.second().join(place.partner));
        match action {
            Action::Delete => fs::remove_file(&path).unwrap(),
            Action::Truncate => {
                let file = opened(&path);
                file.set_len(file.metadata().unwrap().len() - 1).unwrap();
            }
            Action::FlipABit => {
                let (file, mut byte) = (opened(&path), [0]);
                let at = file.metadata().unwrap().len() / 2;
                file.read_exact_at(&mut byte, at).unwrap();
                file.write_all_at(&[byte[0] ^ 1], at).unwrap();
            }
            Action::Swap => {
                let away = self.directory.path().join("away");
                fs::rename(&path, &away).unwrap();
                fs::rename(&partner, &path).unwrap();
                fs::rename(&away, &partner).unwrap();
                return vec![place.file, place.partner];
            }
            Action::OlderCopy => {
                fs::remove_file(&path).unwrap();
                fs::copy(self.first().join(place.file), &path).unwrap();
            }
        }
        vec![place.file]
    }
}

/// Opens the very file for writing, and no copy of it: its other names see what is done.
fn opened(path: &Path) -> fs::File {
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
    OpenOptions::new().read(true).write(true).open(path).unwrap()
}

async fn backed_up(site: &WholeSite, repository: &Path) -> String {
    let run = Run::silent();
    let repository = Repository::create(repository, &run).unwrap();
    let choice = PartChoice::AllBut(["db_wal".parse().unwrap()].into());
    let options = BackupOptions::new(["uploads".parse().unwrap()], choice).unwrap();
    let report = backup(&site.cluster, &repository, &options, &run).await.unwrap();
    assert_eq!(report.verdict, Verdict::Good, "{report:#?}");
    Path::new(&report.snapshot).file_name().unwrap().to_str().unwrap().to_owned()
}

/// The verdict on a snapshot, and the names of what is damaged.
async fn verified(snapshot: &Path) -> Result<(Verdict, Vec<String>)> {
    let report = verify(&SnapshotReader::open(snapshot)?, &VerifyOptions::default(), &Run::silent()).await?;
    let names = report.findings.list().iter().map(|finding| finding.name.clone());
    Ok((report.verdict, names.collect()))
}

/// A restore of these parts, or of all, onto a platform on which nothing is.
async fn restored(snapshot: &Path, parts: &[&str]) -> (WholeSite, Result<RestoreReport>) {
    let (site, run) = (WholeSite::empty().await, Run::silent());
    let choice = match parts {
        [] => PartChoice::All,
        _ => PartChoice::Only(parts.iter().map(|name| name.parse::<PartName>().unwrap()).collect()),
    };
    let options = RestoreOptions { choice, ..RestoreOptions::default() };
    let result = async {
        let snapshot = SnapshotReader::open(snapshot)?;
        let plan = plan(&site.cluster, &snapshot, &options, &run).await?;
        restore(&site.cluster, &snapshot, &plan, &run).await
    };
    let result = result.await;
    (site, result)
}

/// What is on a platform: the keys of the parts, if their bytes are those of the second snapshot.
async fn there(site: &WholeSite) -> BTreeSet<(&'static str, String)> {
    let mut there = BTreeSet::new();
    for (part, bucket) in [("registry", "registry"), ("bucket.uploads", "uploads")] {
        for (key, (_, body)) in site.objects(bucket).await {
            assert!(!body.contains("one"), "{key} has the bytes of the first snapshot: {body}");
            there.insert((part, key));
        }
    }
    if let Some(value) = site.etcd.value(SETTING) {
        assert_eq!(value, "two");
        there.insert(("config", SETTING.to_owned()));
    }
    if let Ok(log) = fs::read_to_string(site.volume.path().join("log")) {
        assert_eq!(log, "two");
        there.insert(("volume", "log".to_owned()));
    }
    there
}

/// All of these parts, but for some keys.
fn all_of(
    parts: &[&'static str],
    lost: &BTreeSet<(&'static str, &'static str)>,
) -> BTreeSet<(&'static str, String)> {
    let keys = |part: &str| -> &'static [&'static str] {
        match part {
            "registry" => &REGISTRY,
            "bucket.uploads" => &UPLOADS,
            "config" => &[SETTING],
            _ => &["log"],
        }
    };
    let pairs = parts.iter().flat_map(|part| keys(part).iter().map(|key| (*part, *key)));
    pairs.filter(|pair| !lost.contains(pair)).map(|(part, key)| (part, key.to_owned())).collect()
}

async fn check(two: &Two, action: Action, place: Place) {
    let case = format!("{action:?} {}", place.file);
    let two = two.copy();
    let harmed = two.damage(action, place);
    let second = two.second();
    let (mut refused, mut partly) = (BTreeSet::new(), BTreeSet::new());
    let mut lost = BTreeSet::new();
    for file in &harmed {
        match harm(file) {
            Harm::Everything => return check_closed(&second, &case).await,
            Harm::Part(part) => drop(refused.insert(part)),
            Harm::Keys(part, keys) => {
                partly.insert(part);
                lost.extend(keys.into_iter().map(|key| (part, key)));
            }
            Harm::Nothing => {}
        }
    }

    // It is named; and in the other snapshot, too, if the very bytes are shared.
    let (verdict, names) = verified(&second).await.unwrap();
    assert_eq!(verdict, Verdict::Damaged, "{case}");
    for file in &harmed {
        assert!(names.iter().any(|named| named == name(file)), "{case}: {names:?}");
    }
    let in_both = place.file.ends_with("/shared") && matches!(action, Action::Truncate | Action::FlipABit);
    let expected =
        if in_both { (Verdict::Damaged, vec!["shared".to_owned()]) } else { (Verdict::Good, vec![]) };
    assert_eq!(verified(&two.first()).await.unwrap(), expected, "{case}: the first snapshot");

    // A restore of everything is refused, or says that it is not whole; and writes nothing that is not the snapshot's.
    let (site, all) = restored(&second, &[]).await;
    let rests_on_it = !refused.is_empty() || !partly.is_empty();
    match all {
        Ok(report) if rests_on_it => assert_eq!(report.verdict, Verdict::Damaged, "{case}"),
        Ok(report) => assert_eq!(report.verdict, Verdict::Good, "{case}"),
        Err(error) => {
            assert!(rests_on_it, "{case}: {error:?}");
            // A registry without a complete tag is not restored without a word.
            let is_refused = matches!(error.kind(), ErrorKind::Damaged | ErrorKind::Guard);
            assert!(is_refused, "{case}: {error:?}");
        }
    }
    assert!(there(&site).await.is_subset(&all_of(&PARTS, &lost)), "{case}");

    // What rests on it is refused by name as well, and of a bucket all other keys come back.
    for part in &refused {
        let (site, result) = restored(&second, &[part]).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Damaged, "{case}: {part}");
        assert!(there(&site).await.is_empty(), "{case}: {part}");
    }
    for part in &partly {
        let (site, result) = restored(&second, &[part]).await;
        assert_eq!(result.unwrap().verdict, Verdict::Damaged, "{case}: {part}");
        assert_eq!(there(&site).await, all_of(&[part], &lost), "{case}: {part}");
    }

    // The rest comes back by name.
    let others: Vec<_> =
        PARTS.into_iter().filter(|part| !refused.contains(part) && !partly.contains(part)).collect();
    let (site, result) = restored(&second, &others).await;
    assert_eq!(result.unwrap().verdict, Verdict::Good, "{case}: {others:?}");
    assert_eq!(there(&site).await, all_of(&others, &BTreeSet::new()), "{case}: {others:?}");
}

/// A snapshot whose manifest is not what was sealed is none: no verb does anything with it.
async fn check_closed(snapshot: &Path, case: &str) {
    let error = verified(snapshot).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "{case}: {error:?}");
    assert!(error.what().contains("manifest") && error.to_string().contains("20"), "{case}: {error}");
    assert!(error.advice().is_some(), "{case}");
    for parts in [&[][..], &["registry"], &["config"]] {
        let (site, result) = restored(snapshot, parts).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Damaged, "{case}");
        assert!(there(&site).await.is_empty(), "{case}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_damaged_is_named_what_rests_on_it_is_refused_and_the_rest_comes_back_by_name() {
    let two = std::sync::Arc::new(Two::taken().await);
    for snapshot in [two.first(), two.second()] {
        assert_eq!(verified(&snapshot).await.unwrap(), (Verdict::Good, vec![]));
    }
    let (site, report) = restored(&two.second(), &[]).await;
    assert_eq!(report.unwrap().verdict, Verdict::Good);
    assert_eq!(there(&site).await, all_of(&PARTS, &BTreeSet::new()));
    let checked = PLACES.map(|place| {
        let two = two.clone();
        tokio::spawn(async move {
            for action in ACTIONS {
                // An older copy of what did not change is no damage.
                if action != Action::OlderCopy || !place.file.ends_with("/shared") {
                    check(&two, action, place).await;
                }
            }
        })
    });
    for checked in checked {
        checked.await.unwrap();
    }
}

#[tokio::test]
async fn an_older_manifest_with_its_own_digest_fits_nothing_that_has_changed_since() {
    let two = Two::taken().await;
    for file in ["manifest.json", "manifest.json.sha256"] {
        fs::remove_file(two.second().join(file)).unwrap();
        fs::copy(two.first().join(file), two.second().join(file)).unwrap();
    }
    match verified(&two.second()).await {
        // The manifest is another snapshot's.
        Err(error) => assert_eq!(error.kind(), ErrorKind::Damaged),
        Ok((verdict, names)) => {
            assert_eq!(verdict, Verdict::Damaged);
            for file in
                PLACES.map(|place| place.file).iter().filter(|file| matches!(harm(file), Harm::Part(_)))
            {
                assert!(names.iter().any(|name| name == file), "{file}: {names:?}");
            }
        }
    }
    for parts in [&[][..], &["registry"], &["bucket.uploads"], &["volume"], &["config"]] {
        let (site, result) = restored(&two.second(), parts).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Damaged, "{parts:?}");
        assert!(there(&site).await.is_empty(), "{parts:?}");
    }
}
