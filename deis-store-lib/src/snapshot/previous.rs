//! The earlier snapshots of a repository with which a new one shares the objects that have not changed.

use super::list_line::ListLine;
use super::manifest::Manifest;
use super::merged_list_reader::MergedListReader;
use super::part_entry::PartEntry;
use super::part_objects::PartObjects;
use super::reader::SnapshotReader;
use super::repository::Repository;
use super::verified::Damaged;
use crate::disk::{Identity, KnownFile, Linker, Root};
use crate::error::{ErrorKind, Result};
use crate::outcome::PartOutcome;
use crate::part::Part;

/// The earlier snapshots that have a part.
#[derive(Debug, Default)]
pub(crate) struct Previous {
    /// The newest one; where that is not complete, the newest complete one behind it.
    sources: Vec<Source>,
    /// Files that a verification has named as damaged.
    damaged: Vec<DamagedIn>,
    /// What the newest one that has not shrunk has of the part, whether or not it is complete: if an object is refused for
    /// ever, none is.
    before: Option<(String, PartEntry)>,
    /// Whether a complete one is among the sources: none behind it is needed.
    has_complete: bool,
    /// The snapshots whose lists are not as they were: nothing is shared with them.
    unusable: Vec<String>,
}

/// A snapshot, and its lists of the part.
#[derive(Debug)]
pub(crate) struct Source {
    snapshot: SnapshotReader,
    objects: PartObjects,
}

/// The objects of a part in a snapshot, some of which were found damaged.
#[derive(Debug)]
struct DamagedIn {
    objects: Root,
    damaged: Damaged,
}

impl Previous {
    /// Looks for the earlier snapshots with a part; what was there before is told of the platform with this domain. Blocking: it
    /// reads their lists, to see that they are as they were.
    pub(crate) fn of(repository: &Repository, part: &Part, domain: Option<&str>) -> Result<Self> {
        let mut previous = Self::default();
        let mut with_it = repository.newest_first()?.filter(|snapshot| has(snapshot.manifest(), part));
        with_it.try_for_each(|snapshot| previous.look(snapshot, part, domain))?;
        Ok(previous)
    }

    fn look(&mut self, snapshot: SnapshotReader, part: &Part, domain: Option<&str>) -> Result<()> {
        let damaged = snapshot.damaged(part);
        if !damaged.is_empty()
            && let Ok(objects) = snapshot.root().subdirectory(part.name(), false)
        {
            self.damaged.push(DamagedIn { objects, damaged });
        }
        let entry = snapshot.manifest().parts.get(part).filter(|entry| entry.shrunk.is_none());
        let its_domain = snapshot.manifest().source.domain.as_deref();
        let is_of_another = domain.zip(its_domain).is_some_and(|(ours, its)| ours != its);
        if let Some(entry) = entry.filter(|_| self.before.is_none() && !is_of_another) {
            self.before = Some((snapshot.manifest().snapshot.clone(), entry.clone()));
        }
        let complete = snapshot.manifest().complete;
        if self.has_complete || (!complete && !self.sources.is_empty()) {
            return Ok(());
        }
        match snapshot.objects(part).and_then(|objects| objects.check_lists().map(|()| objects)) {
            Ok(objects) => {
                self.has_complete = complete;
                self.sources.push(Source { snapshot, objects });
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::Damaged | ErrorKind::NotFound | ErrorKind::Disk) =>
            {
                self.unusable.push(snapshot.manifest().snapshot.clone());
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The name of the newest snapshot with which anything can be shared.
    pub(crate) fn name(&self) -> Option<&str> {
        self.sources.first().map(|source| source.snapshot.manifest().snapshot.as_str())
    }

    /// What the newest snapshot in which it has not shrunk has of the part, and its name.
    pub(crate) fn before(&self) -> Option<(&str, &PartEntry)> {
        self.before.as_ref().map(|(name, entry)| (name.as_str(), entry))
    }

    /// The snapshots with which nothing is shared, since their lists are not as they were.
    pub(crate) fn unusable(&self) -> &[String] {
        &self.unusable
    }

    /// For each source its lines in order of the keys.
    pub(crate) fn lines(&self) -> Result<Vec<MergedListReader>> {
        self.sources.iter().map(|source| source.objects.lines()).collect()
    }

    /// For each source a linker of its files to below a root.
    pub(crate) fn linkers(&self, to: &Root, part: &Part) -> Vec<Option<Linker>> {
        let linker = |source: &Source| {
            let from = source.snapshot.root().subdirectory(part.name(), false).ok()?;
            Some(Linker::new(&from, to))
        };
        self.sources.iter().map(linker).collect()
    }

    /// Whether a file of a source may be one that a verification has named as damaged, in whatever snapshot. Where that one has
    /// it under another name, since a name was taken, that is not known.
    pub(crate) fn is_damaged(&self, line: &ListLine, file: &KnownFile<'_>, identity: Identity) -> bool {
        let named = self.damaged.iter().filter(|snapshot| snapshot.damaged.has(&line.key));
        named
            .into_iter()
            .any(|snapshot| snapshot.objects.identity(file.path).is_none_or(|damaged| damaged == identity))
    }
}

impl Repository {
    /// What the newest snapshot that has a part says of it.
    pub(crate) fn newest_entry(&self, part: &Part) -> Result<Option<PartEntry>> {
        let mut with_it = self.newest_first()?.filter(|snapshot| has(snapshot.manifest(), part));
        Ok(with_it.next().and_then(|snapshot| snapshot.manifest().parts.get(part).cloned()))
    }
}

/// Whether a snapshot has a part.
fn has(manifest: &Manifest, part: &Part) -> bool {
    manifest.parts.get(part).is_some_and(|entry| entry.outcome == PartOutcome::Stored)
}
