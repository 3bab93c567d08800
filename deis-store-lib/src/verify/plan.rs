//! Which files there should be: read from manifest and lists, and handed to the workers. Blocking.

use std::collections::BTreeSet;
use std::sync::mpsc::SyncSender;

use tokio::sync::mpsc;

use super::event::{Event, as_finding};
use super::files::{Job, Target};
use super::read::Read;
use crate::contents::Contents;
use crate::contents::registry::beside_layer;
use crate::error::{At, Error, Result};
use crate::outcome::{Outcome, PartOutcome};
use crate::part::Part;
use crate::report::{Finding, FindingKind};
use crate::s3::BucketName;
use crate::snapshot::{FileDigest, LISTS, ListLine, Listed, PartEntry, SnapshotReader, is_path};

pub(super) struct Plan {
    pub(super) snapshot: SnapshotReader,
    pub(super) read: Read,
    pub(super) seed: u64,
    pub(super) jobs: SyncSender<Job>,
    pub(super) events: mpsc::Sender<Event>,
}

/// The other side is gone: it has its reasons, and there is nobody to tell.
struct Gone;

impl Plan {
    pub(super) fn run(self) {
        // The only error is that nobody listens any more.
        let _ = self.all();
    }

    fn all(&self) -> Result<(), Gone> {
        let manifest = self.snapshot.manifest();
        // The lists of buckets are checked while they are read below.
        let buckets = manifest.parts.iter().filter(|(part, _)| part.as_bucket().is_some());
        let lists = buckets.flat_map(|(_, entry)| &entry.lists).map(|name| format!("{LISTS}/{name}"));
        let lists: BTreeSet<String> = lists.collect();
        let mut paths = BTreeSet::new();
        for file in &manifest.files {
            if !paths.insert(&file.path) {
                self.contradiction(None, &file.path, "the manifest names it twice")?;
            } else if !is_path(&file.path) {
                self.contradiction(None, &file.path, "the manifest names a path that no snapshot has")?;
            } else if !lists.contains(&file.path) {
                self.file(file)?;
            }
        }
        for (part, entry) in &manifest.parts {
            self.entry(part, entry)?;
            if part.as_bucket().is_some() {
                self.bucket(part, entry)?;
            }
        }
        Ok(())
    }

    /// What the manifest says of a part, by itself.
    fn entry(&self, part: &Part, entry: &PartEntry) -> Result<(), Gone> {
        let manifest = self.snapshot.manifest();
        for path in entry.files.iter().filter(|path| manifest.file(path).is_none()) {
            self.contradiction(Some(part), path, "the manifest has no digest of it")?;
        }
        let contradiction = |what| self.contradiction(Some(part), part.name(), what);
        let named = !entry.lists.is_empty() || !entry.files.is_empty();
        let stored = entry.outcome == PartOutcome::Stored;
        if stored && !named {
            contradiction("it is said to be stored, and no list or file of it is named")?;
        } else if stored && part.file_name().is_some_and(|name| !entry.files.iter().any(|own| own == name)) {
            contradiction("it is said to be stored, and its file is not named")?;
        } else if !stored && named {
            contradiction("it is said not to be stored, and lists or files of it are named")?;
        }
        let lost = entry.counts.lost();
        if lost > 0 && part.as_bucket().is_none() {
            let what = format!("{lost} keys of it were not taken: `not_included` of the manifest names them");
            self.tell(Event::Finding(Finding::new(Some(part), part.name(), FindingKind::Failed, what)))?;
        }
        if entry.bucket.as_ref().is_some_and(|bucket| BucketName::new(bucket).is_err()) {
            contradiction("the manifest names a bucket that cannot be one")?;
        }
        Ok(())
    }

    fn file(&self, file: &FileDigest) -> Result<(), Gone> {
        let part = Part::of_file(&file.path);
        // The others are small, and everything else rests on them.
        let large = matches!(part, Some(Part::Volume | Part::Sql));
        let read = if large { self.reads(&file.path) } else { true };
        let (target, name) = (Target::File, file.path.clone());
        self.job(Job { part, name, target, size_bytes: file.size_bytes, sha256: file.sha256, read })
    }

    fn bucket(&self, part: &Part, entry: &PartEntry) -> Result<(), Gone> {
        let (mut listed, mut files, mut not_compared) = (Listed::default(), 0_u64, 0_u64);
        let objects = match self.snapshot.objects(part) {
            Ok(objects) => objects,
            Err(error) => return self.unreadable(part, error),
        };
        let lines = match objects.lines() {
            Ok(lines) => lines,
            Err(error) => return self.unreadable(part, error),
        };
        let mut beside = Beside::default();
        for line in lines {
            let line = match line {
                Ok(line) => line,
                Err(error) => return self.unreadable(part, error),
            };
            listed.add(&line);
            if !line.outcome.is_on_disk() {
                self.tell(Event::Lost(part.clone(), line.key.clone()))?;
                let not_taken = Finding::not_taken(part, &line.key, &line.outcome);
                not_taken.map_or(Ok(()), |finding| self.tell(Event::Finding(finding)))?;
                continue;
            }
            if line.outcome.is_doubtful() {
                self.tell(Event::Finding(Finding::doubtful(part, &line.key, &line.outcome)))?;
            } else if line.outcome.is_not_compared() {
                not_compared += 1;
            } else if let Outcome::Unverifiable(why) = &line.outcome {
                let finding = Finding::new(Some(part), &line.key, FindingKind::Unverifiable, why);
                self.tell(Event::Finding(finding))?;
            }
            files += 1;
            let Some(sha256) = line.sha256 else {
                self.contradiction(Some(part), &line.key, "the object list has no digest of it")?;
                continue;
            };
            let (name, size_bytes, read) = (line.key.clone(), line.size_bytes, self.reads(&line.key));
            let target = beside.target(part, line);
            self.job(Job { part: Some(part.clone()), name, target, size_bytes, sha256, read })?;
        }
        if not_compared > 0 {
            self.tell(Event::Finding(Finding::not_compared(part, not_compared)))?;
        }
        for _ in &entry.lists {
            self.tell(Event::Checked { read: true })?;
        }
        listed.findings(part, entry).try_for_each(|finding| self.tell(Event::Finding(finding)))?;
        self.tell(Event::Listed(part.clone(), Some(files)))
    }

    fn unreadable(&self, part: &Part, error: Error) -> Result<(), Gone> {
        let name = error.place().get(At::List).unwrap_or(part.name()).to_owned();
        self.tell(match as_finding(Some(part), &name, error) {
            Ok(finding) => Event::Finding(finding),
            Err(error) => Event::Failed(error),
        })?;
        self.tell(Event::Listed(part.clone(), None))
    }

    /// Whether this file's bytes are read, or only its size is seen.
    fn reads(&self, name: &str) -> bool {
        self.read.reads(name, self.seed)
    }

    fn contradiction(&self, part: Option<&Part>, name: &str, what: &str) -> Result<(), Gone> {
        self.tell(Event::Finding(Finding::new(part, name, FindingKind::Contradiction, what)))
    }

    fn job(&self, job: Job) -> Result<(), Gone> {
        self.jobs.send(job).map_err(|_| Gone)
    }

    fn tell(&self, event: Event) -> Result<(), Gone> {
        self.events.blocking_send(event).map_err(|_| Gone)
    }
}

/// The objects of an image of docker-registry 0.x that come before its layer in the order of the list.
#[derive(Default)]
struct Beside([Option<ListLine>; 2]);

impl Beside {
    /// What is to be read of this object, with what is beside it if it is a layer.
    fn target(&mut self, part: &Part, line: ListLine) -> Target {
        if part.contents() != Some(Contents::Registry) {
            return Target::Object(part.clone(), Box::new(line));
        }
        if let Some(keys) = beside_layer(&line.key)
            && let [Some(description), Some(checksums)] = std::mem::take(&mut self.0)
            && [&description.key, &checksums.key] == keys.each_ref()
        {
            return Target::Layer(part.clone(), Box::new([line, description, checksums]));
        }
        match line.key.rsplit('/').next() {
            Some("json") => self.0[0] = Some(line.clone()),
            Some("_checksum") => self.0[1] = Some(line.clone()),
            _ => {}
        }
        Target::Object(part.clone(), Box::new(line))
    }
}
