//! Lives of a repository: random sequences of what happens to it, held against a model of a few lines.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use fastrand::Rng;

use crate::backup::site::Site;
use crate::backup::{BackupOptions, backup};
use crate::error::{ErrorKind, Result};
use crate::gateway::Operation;
use crate::part::{BucketPart, Part, PartChoice};
use crate::prune::{Fate, PruneOptions, prune};
use crate::report::Verdict;
use crate::restore::{RestoreOptions, plan, restore};
use crate::run::{Clock, Run, Stop};
use crate::s3::{BucketName, ObjectKey};
use crate::snapshot::{Keep, Repository, SnapshotReader, SnapshotState};
use crate::verify::{VerifyOptions, verify};

/// A clock that is set.
struct Set(Mutex<SystemTime>);

impl Clock for Set {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }
}

type Objects = BTreeMap<String, Vec<u8>>;

/// A snapshot, as the model has it.
#[derive(Clone, Debug)]
struct Kept {
    objects: Objects,
    is_complete: bool,
    is_held: bool,
    /// The files that its verifications have named, by inode.
    named: BTreeSet<u64>,
}

/// After so many GETs the run is stopped.
type Countdown = Arc<Mutex<Option<(usize, Stop)>>>;

struct Life {
    random: Rng,
    site: Site,
    countdown: Countdown,
    clock: Arc<Set>,
    scratch: tempfile::TempDir,
    repository: Repository,
    bucket: Objects,
    snapshots: BTreeMap<String, Kept>,
    /// Files of which a bit was flipped, by inode.
    damaged: BTreeSet<u64>,
}

fn part() -> Part {
    Part::Bucket("uploads".parse().unwrap())
}

fn bucket_name() -> BucketName {
    BucketName::new("uploads").unwrap()
}

impl Life {
    async fn begin(seed: u64) -> Self {
        let countdown = Countdown::default();
        let counted = Arc::clone(&countdown);
        let site = Site::faulty(false, &Run::silent(), move |seen, _| {
            let mut countdown = counted.lock().unwrap();
            if let Some((left, stop)) = countdown.as_mut().filter(|_| seen.operation == Operation::GetObject)
            {
                match left.checked_sub(1) {
                    Some(fewer) => *left = fewer,
                    None => stop.stop(),
                }
            }
            None
        })
        .await;
        site.client.create_bucket(&bucket_name()).await.unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let repository = Repository::create(scratch.path(), &Run::silent()).unwrap();
        let clock = Arc::new(Set(Mutex::new(SystemTime::now())));
        let (bucket, snapshots, damaged) = Default::default();
        let random = Rng::with_seed(seed);
        Self { random, site, countdown, clock, scratch, repository, bucket, snapshots, damaged }
    }

    fn run(&self) -> Run {
        let mut run = Run::silent();
        run.clock = self.clock.clone();
        run
    }

    async fn step(&mut self) {
        let by = Duration::from_secs(self.random.u64(1..8000));
        *self.clock.0.lock().unwrap() += by;
        match self.random.u32(0..100) {
            0..50 => self.put().await,
            50..62 => self.delete().await,
            62..76 => self.backup().await,
            76..82 => self.interrupted().await,
            82..87 => self.prune().await,
            87..90 => self.hold(),
            90..96 => self.verify().await,
            96..98 => self.damage(),
            _ => self.restore().await,
        }
        self.is_as_the_model_says();
    }

    async fn put(&mut self) {
        const KEYS: [&str; 12] =
            ["a", "a/b", "a/b/c", "d/", "/e//f", "g%h", "i", "j/k", "j/l", "m", "n/../o", "p"];
        let key = self.random.choice(KEYS).unwrap();
        let bytes: Vec<u8> = (0..self.random.usize(1..40)).map(|_| self.random.u8(..)).collect();
        let object = ObjectKey::new(key).unwrap();
        self.site.client.put_bytes(&bucket_name(), &object, bytes.clone()).await.unwrap();
        self.bucket.insert(key.to_owned(), bytes);
    }

    async fn delete(&mut self) {
        let Some(key) = self.random.choice(self.bucket.keys()).cloned() else { return };
        self.site.client.delete(&bucket_name(), &ObjectKey::new(key.as_str()).unwrap()).await.unwrap();
        self.bucket.remove(&key);
    }

    async fn take(&mut self, max_loss_percent: u8, run: &Run) -> Result<crate::backup::BackupReport> {
        let bucket: BucketPart = "uploads".parse().unwrap();
        let options = BackupOptions::new([bucket], PartChoice::All).unwrap();
        let options = options.max_loss_percent(max_loss_percent).unwrap();
        backup(&self.site.cluster, &self.repository, &options, run).await
    }

    async fn backup(&mut self) {
        let max_loss_percent = if self.random.bool() { 100 } else { 10 };
        let report = self.take(max_loss_percent, &self.run()).await.unwrap();
        let alarms = self.shrinks() && max_loss_percent == 10;
        assert_eq!(report.verdict, if alarms { Verdict::Damaged } else { Verdict::Good });
        let name = report.snapshot.rsplit('/').next().unwrap().to_owned();
        let objects = self.bucket.clone();
        for (key, bytes) in &objects {
            let path = self.file(&name, key);
            // What nobody has named is shared; what was named is fetched anew.
            let inode = std::fs::metadata(&path).unwrap().ino();
            if self.damaged.contains(&inode) {
                let is_named = self.snapshots.values().any(|kept| kept.named.contains(&inode));
                assert!(!is_named, "{key} was named as damaged, and is shared");
            } else {
                assert_eq!(&std::fs::read(&path).unwrap(), bytes, "{key}");
            }
        }
        self.snapshots
            .insert(name, Kept { objects, is_complete: !alarms, is_held: false, named: BTreeSet::new() });
    }

    /// Whether more than a tenth of the objects or bytes of the newest complete snapshot has gone.
    fn shrinks(&self) -> bool {
        let size = |objects: &Objects| (objects.len(), objects.values().map(Vec::len).sum::<usize>());
        let Some(before) = self.snapshots.values().rev().find(|kept| kept.is_complete) else { return false };
        let (before, now) = (size(&before.objects), size(&self.bucket));
        let loses = |before: usize, now: usize| before.saturating_sub(now) * 10 > before;
        loses(before.0, now.0) || loses(before.1, now.1)
    }

    async fn interrupted(&mut self) {
        let run = self.run();
        let after = self.random.usize(0..4);
        *self.countdown.lock().unwrap() = Some((after, run.stop.clone()));
        let result = self.take(100, &run).await;
        *self.countdown.lock().unwrap() = None;
        match result {
            Err(error) => assert_eq!(error.kind(), ErrorKind::Interrupted),
            // It had fewer objects to fetch.
            Ok(report) => {
                let name = report.snapshot.rsplit('/').next().unwrap().to_owned();
                let objects = self.bucket.clone();
                let kept = Kept { objects, is_complete: true, is_held: false, named: BTreeSet::new() };
                self.snapshots.insert(name, kept);
            }
        }
    }

    async fn prune(&mut self) {
        let mut number = || self.random.usize(0..4);
        let keep = Keep {
            last: 1 + number(),
            hourly: number(),
            daily: number(),
            weekly: number(),
            monthly: number(),
        };
        let report =
            prune(&self.repository, &PruneOptions { keep, dry_run: false }, &self.run()).await.unwrap();
        let anchor = self.snapshots.iter().rev().find(|(_, kept)| kept.is_complete && kept.named.is_empty());
        let anchor = anchor.map(|(name, _)| name.clone());
        for pruned in report.snapshots.iter().filter(|pruned| pruned.fate == Fate::Removed) {
            let Some(kept) = self.snapshots.remove(&pruned.snapshot) else {
                assert!(pruned.snapshot.ends_with(".unfinished"), "{pruned:?}");
                continue;
            };
            assert!(!kept.is_held, "{pruned:?}");
            let anchor = anchor.as_ref().expect("nothing goes without a good one");
            assert!(pruned.snapshot < *anchor, "{pruned:?} is not older than the newest good one");
        }
        // An inode whose last name has gone may become another file's.
        let mut inodes = BTreeSet::new();
        all_inodes(self.scratch.path(), &mut inodes);
        self.damaged.retain(|inode| inodes.contains(inode));
    }

    fn hold(&mut self) {
        let Some(name) = self.random.choice(self.snapshots.keys()).cloned() else { return };
        let (snapshot, kept) = (self.open(&name), self.snapshots.get_mut(&name).unwrap());
        if kept.is_held {
            assert!(snapshot.release().unwrap().is_some());
        } else {
            snapshot.hold(Some("model"), &Run::silent()).unwrap();
        }
        kept.is_held = !kept.is_held;
    }

    async fn verify(&mut self) {
        let Some(name) = self.random.choice(self.snapshots.keys()).cloned() else { return };
        let report = verify(&self.open(&name), &VerifyOptions::default(), &self.run()).await.unwrap();
        let kept = self.snapshots[&name].clone();
        let mut expected = BTreeSet::new();
        for key in kept.objects.keys() {
            let inode = std::fs::metadata(self.file(&name, key)).unwrap().ino();
            if self.damaged.contains(&inode) {
                expected.insert(key.clone());
                self.snapshots.get_mut(&name).unwrap().named.insert(inode);
            }
        }
        let damage =
            report.findings.list().iter().filter(|finding| finding.kind.verdict() == Verdict::Damaged);
        let found: BTreeSet<String> = damage.map(|finding| finding.name.clone()).collect();
        assert_eq!(found, expected, "{name}");
    }

    /// Flips a bit of a file; its size and time stay.
    fn damage(&mut self) {
        let Some(name) = self.random.choice(self.snapshots.keys()).cloned() else { return };
        let Some(key) = self.random.choice(self.snapshots[&name].objects.keys()).cloned() else { return };
        let path = self.file(&name, &key);
        let metadata = std::fs::metadata(&path).unwrap();
        if !self.damaged.insert(metadata.ino()) {
            return;
        }
        let mut bytes = std::fs::read(&path).unwrap();
        let at = self.random.usize(0..bytes.len());
        bytes[at] ^= 1 << self.random.u32(0..8);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        std::fs::write(&path, bytes).unwrap();
        std::fs::File::open(&path).unwrap().set_modified(metadata.modified().unwrap()).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o400)).unwrap();
    }

    async fn restore(&mut self) {
        let Some(name) = self.random.choice(self.snapshots.keys()).cloned() else { return };
        let kept = self.snapshots[&name].clone();
        let is_damaged =
            |key: &String| self.damaged.contains(&std::fs::metadata(self.file(&name, key)).unwrap().ino());
        if !kept.is_complete || kept.objects.keys().any(is_damaged) {
            return;
        }
        let (target, snapshot) = (Site::new(false).await, self.open(&name));
        let planned =
            plan(&target.cluster, &snapshot, &RestoreOptions::default(), &self.run()).await.unwrap();
        let report = restore(&target.cluster, &snapshot, &planned, &self.run()).await.unwrap();
        assert_eq!(report.verdict, Verdict::Good);
        let listed: Vec<(String, u64)> = target
            .objects("uploads")
            .await
            .into_iter()
            .map(|object| (object.key.to_string(), object.size_bytes))
            .collect();
        let expected: Vec<(String, u64)> =
            kept.objects.iter().map(|(key, bytes)| (key.clone(), bytes.len() as u64)).collect();
        assert_eq!(listed, expected);
    }

    fn is_as_the_model_says(&self) {
        let finished = self.repository.snapshots().unwrap().into_iter();
        let finished = finished.filter(|entry| entry.state != SnapshotState::Unfinished);
        let names: Vec<String> = finished.map(|entry| entry.name.to_string()).collect();
        assert!(
            names.iter().eq(self.snapshots.keys()),
            "{names:?}, and the model has {:?}",
            self.snapshots.keys()
        );
    }

    fn open(&self, name: &str) -> SnapshotReader {
        SnapshotReader::open(self.scratch.path().join(name)).unwrap()
    }

    /// The file of an object.
    fn file(&self, name: &str, key: &str) -> PathBuf {
        let lines = self.open(name).lines(&part()).unwrap();
        let line = lines.map(Result::unwrap).find(|line| line.key == key).unwrap();
        self.scratch.path().join(name).join("bucket.uploads").join(line.path().unwrap().join("/"))
    }
}

fn all_inodes(directory: &Path, inodes: &mut BTreeSet<u64>) {
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            all_inodes(&entry.path(), inodes);
        } else {
            inodes.insert(entry.metadata().unwrap().ino());
        }
    }
}

async fn live(seed: u64, steps: u32) {
    let mut life = Life::begin(seed).await;
    for step in 0..steps {
        let stepped = std::panic::AssertUnwindSafe(life.step());
        if let Err(panic) = futures_util::FutureExt::catch_unwind(stepped).await {
            eprintln!("seed {seed}, step {step}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[tokio::test]
async fn short_lives_are_as_the_model_says() {
    for seed in 0..3 {
        live(seed, 150).await;
    }
    live(fastrand::u64(..), 150).await;
}

#[tokio::test]
#[ignore = "some minutes: with --all"]
async fn a_long_life_is_as_the_model_says() {
    live(fastrand::u64(..), 10_000).await;
}
