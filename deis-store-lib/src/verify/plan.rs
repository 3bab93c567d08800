//! Which files there should be: read from manifest and lists, and handed to the workers. Blocking.

use std::collections::BTreeSet;
use std::sync::mpsc::SyncSender;

use tokio::sync::mpsc;

use super::event::{Event, as_finding};
use super::files::{Job, Target};
use super::read::Read;
use crate::error::{At, Error, Result};
use crate::outcome::{Counts, PartOutcome};
use crate::part::Part;
use crate::report::{Finding, FindingKind};
use crate::snapshot::{FileDigest, LISTS, PartEntry, SnapshotReader};

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
        // The lists of parts are checked while they are read below.
        let lists =
            manifest.parts.values().flat_map(|entry| &entry.lists).map(|name| format!("{LISTS}/{name}"));
        let lists: BTreeSet<String> = lists.collect();
        for file in manifest.files.iter().filter(|file| !lists.contains(&file.path)) {
            self.file(file)?;
        }
        for (part, entry) in &manifest.parts {
            for path in entry.files.iter().filter(|path| manifest.file(path).is_none()) {
                self.contradiction(part, path, "the manifest has no digest of it")?;
            }
            if entry.outcome == PartOutcome::Stored && entry.lists.is_empty() && entry.files.is_empty() {
                self.contradiction(
                    part,
                    part.name(),
                    "it is said to be stored, and no list or file of it is named",
                )?;
            }
            if part.as_bucket().is_some() {
                self.bucket(part, entry)?;
            }
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
        let (mut counts, mut files, mut bytes) = (Counts::default(), 0_u64, 0_u64);
        let lines = match self.snapshot.lines(part) {
            Ok(lines) => lines,
            Err(error) => return self.unreadable(part, error),
        };
        for line in lines {
            let line = match line {
                Ok(line) => line,
                Err(error) => return self.unreadable(part, error),
            };
            counts.add(&line.outcome);
            if !line.outcome.is_on_disk() {
                continue;
            }
            files += 1;
            bytes = bytes.saturating_add(line.size_bytes);
            let Some(sha256) = line.sha256 else {
                self.contradiction(part, &line.key, "the object list has no digest of it")?;
                continue;
            };
            let (name, size_bytes, read) = (line.key.clone(), line.size_bytes, self.reads(&line.key));
            let target = Target::Object(part.clone(), Box::new(line));
            self.job(Job { part: Some(part.clone()), name, target, size_bytes, sha256, read })?;
        }
        for _ in &entry.lists {
            self.tell(Event::Checked)?;
        }
        if (counts, bytes) != (entry.counts, entry.bytes) {
            let what = format!(
                "the lists have {counts:?} and {bytes} bytes, the manifest {:?} and {}",
                entry.counts, entry.bytes
            );
            self.contradiction(part, part.name(), &what)?;
        }
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

    fn contradiction(&self, part: &Part, name: &str, what: &str) -> Result<(), Gone> {
        self.tell(Event::Finding(Finding::new(Some(part), name, FindingKind::Contradiction, what)))
    }

    fn job(&self, job: Job) -> Result<(), Gone> {
        self.jobs.send(job).map_err(|_| Gone)
    }

    fn tell(&self, event: Event) -> Result<(), Gone> {
        self.events.blocking_send(event).map_err(|_| Gone)
    }
}
