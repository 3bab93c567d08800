//! Directories as s3cmd makes them, adopted beside an embedded gateway.

mod files;
mod objects;
mod runs;

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::backup::site::Site;
use crate::backup::{BackupOptions, BackupReport, backup};
use crate::error::ErrorKind;
use crate::gateway::Operation;
use crate::outcome::{Outcome, PartOutcome};
use crate::part::{BucketPart, PartChoice};
use crate::restore::{RestoreOptions, plan, restore};
use crate::s3::{BucketName, Checked, ObjectKey};
use crate::snapshot::{ListLine, SnapshotReader};
use crate::verify::{VerifyOptions, verify};

const BASE: &str = "basebackups_005/base_00000001000000000000000A_00000040";
const SEGMENT: &str = "wal_005/00000001000000000000000A.lz4";

/// The requests for objects, as they came.
type Asked = Arc<Mutex<Vec<(Operation, String)>>>;

struct World {
    site: Site,
    asked: Asked,
    scratch: tempfile::TempDir,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Beside,
    Apart,
}

impl World {
    /// A gateway with a base backup, its log and an image, and a directory into which these were synced.
    async fn new(form: Form) -> Self {
        let asked = Asked::default();
        let told = Arc::clone(&asked);
        let site = Site::faulty(false, &Run::silent(), move |seen, _| {
            told.lock().unwrap().push((seen.operation, seen.key.clone()));
            None
        })
        .await;
        let (sentinel, part) = (
            format!("{BASE}_backup_stop_sentinel.json"),
            format!("{BASE}/tar_partitions/part_00000000.tar.lz4"),
        );
        site.put("db_wal", &[&part, SEGMENT, &sentinel]).await;
        site.put("registry", &["registry/images/0a/json", "registry/images/0a/layer"]).await;
        let world = Self { site, asked, scratch: tempfile::tempdir().unwrap() };
        std::fs::create_dir(world.directory()).unwrap();
        world.sync("db_wal", form).await;
        world.sync("registry", form).await;
        world
    }

    fn directory(&self) -> PathBuf {
        self.scratch.path().join("synced")
    }

    fn repository(&self) -> Repository {
        Repository::create(self.scratch.path().join("repository"), &Run::silent()).unwrap()
    }

    /// What `s3cmd sync s3://BUCKET .` makes, in the directory or in one of the bucket's name.
    async fn sync(&self, bucket: &str, form: Form) {
        let to = if form == Form::Apart { self.directory().join(bucket) } else { self.directory() };
        let name = BucketName::new(bucket).unwrap();
        for object in self.site.objects(bucket).await {
            let path = to.join(object.key.as_str());
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let (bytes, _) = self.site.client.get_bytes(&name, &object.key).await.unwrap();
            std::fs::write(&path, bytes).unwrap();
            let modified = object.modified.known().unwrap();
            let seconds = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
            set_time(&path, SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        }
    }

    async fn adopt(&self, compared: bool) -> AdoptReport {
        self.adopt_with(compared, &AdoptOptions::default()).await.unwrap()
    }

    async fn adopt_with(&self, compared: bool, options: &AdoptOptions) -> Result<AdoptReport> {
        let cluster = compared.then_some(&self.site.cluster);
        adopt(&self.directory(), &self.repository(), cluster, options, &Run::silent()).await
    }

    async fn back_up(&self) -> BackupReport {
        self.asked.lock().unwrap().clear();
        let only = ["db_wal", "registry"].map(|name| name.parse().unwrap());
        let options = BackupOptions::new([], PartChoice::Only(only.into())).unwrap();
        backup(&self.site.cluster, &self.repository(), &options, &Run::silent()).await.unwrap()
    }

    /// How often objects were asked for in this way since the last backup began.
    fn asked(&self, operation: Operation) -> usize {
        self.asked.lock().unwrap().iter().filter(|(of, _)| *of == operation).count()
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn put(&self, key: &str, bytes: &'static str) {
        let (bucket, key) = (BucketName::new("registry").unwrap(), ObjectKey::new(key).unwrap());
        self.site.client.put_bytes(&bucket, &key, bytes).await.unwrap();
    }

    async fn delete(&self, bucket: &str, key: &str) {
        let (bucket, key) = (BucketName::new(bucket).unwrap(), ObjectKey::new(key).unwrap());
        self.site.client.delete(&bucket, &key).await.unwrap();
    }
}

fn set_time(path: &Path, time: SystemTime) {
    std::fs::File::open(path).unwrap().set_modified(time).unwrap();
}

/// Some time ago, so that what is written now is written since.
fn make_old(directory: &Path, seconds: u64) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            make_old(&path, seconds);
        } else {
            set_time(&path, SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        }
    }
}

fn lines(snapshot: &str, part: &Part) -> Vec<ListLine> {
    SnapshotReader::open(snapshot).unwrap().lines(part).unwrap().collect::<Result<_>>().unwrap()
}

fn line(snapshot: &str, part: &Part, key: &str) -> ListLine {
    lines(snapshot, part).into_iter().find(|line| line.key == key).unwrap()
}

fn kinds(report: &AdoptReport) -> Vec<(String, FindingKind)> {
    report.findings.list().iter().map(|finding| (finding.name.clone(), finding.kind)).collect()
}

async fn verified(report: &AdoptReport) -> Verdict {
    let snapshot = SnapshotReader::open(&report.snapshot).unwrap();
    let verified = verify(&snapshot, &VerifyOptions::default(), &Run::silent()).await.unwrap();
    assert!(verified.findings.list().iter().all(|found| found.kind != FindingKind::Extra));
    verified.verdict
}
