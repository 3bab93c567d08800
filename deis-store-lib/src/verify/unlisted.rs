//! Finds the files in a snapshot's directory that nothing names. Blocking.
//!
//! Files are counted first, so that memory stays flat; only if their number is not the lists' own are the paths of a
//! bucket remembered (8 bytes each), to tell which ones are extra.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashSet};
use std::hash::{Hash, Hasher};
use std::os::unix::ffi::OsStrExt;

use crate::disk::{Descent, Kind, Root};
use crate::error::Result;
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings, Verdict};
use crate::run::Stop;
use crate::snapshot::{HELD, LISTS, MANIFEST, MANIFEST_DIGEST, REHEARSED, SnapshotReader, VERIFIED};

pub(super) struct Search {
    pub(super) snapshot: SnapshotReader,
    /// How many files each bucket should have; nothing if its lists could not be read.
    pub(super) buckets: BTreeMap<Part, Option<u64>>,
    pub(super) stop: Stop,
    /// The findings so far; those of the search are added.
    pub(super) findings: Findings,
}

impl Search {
    pub(super) fn run(mut self) -> Result<Findings> {
        let snapshot = self.snapshot.clone();
        let mut buckets = Part::of_deis();
        buckets.extend(snapshot.manifest().parts.keys().cloned());
        buckets.retain(|part| part.as_bucket().is_some());
        for entry in snapshot.root().list()? {
            let name = entry.name.to_string_lossy();
            match (buckets.iter().find(|part| part.name() == name), entry.kind) {
                (Some(part), Kind::Directory) => {
                    let directory = snapshot.root().subdirectory(part.name(), false)?;
                    self.bucket(part, &directory)?;
                }
                (None, Kind::Directory) if name == LISTS => self.lists()?,
                _ if [MANIFEST, MANIFEST_DIGEST, VERIFIED, HELD, REHEARSED].contains(&&*name) => (),
                _ if snapshot.manifest().file(&name).is_some() => (),
                _ => self.extra(None, &name),
            }
        }
        Ok(self.findings)
    }

    fn lists(&mut self) -> Result<()> {
        for entry in self.snapshot.root().subdirectory(LISTS, false)?.list()? {
            let path = format!("{LISTS}/{}", entry.name.to_string_lossy());
            if self.snapshot.manifest().file(&path).is_none() {
                self.extra(None, &path);
            }
        }
        Ok(())
    }

    fn bucket(&mut self, part: &Part, directory: &Root) -> Result<()> {
        let Some(expected) = self.buckets.get(part).copied().unwrap_or(Some(0)) else { return Ok(()) };
        let mut files = 0_u64;
        walk(directory, &self.stop, &mut |_| files += 1)?;
        // With something missing, the number alone says nothing.
        if files == expected && self.findings.verdict() != Verdict::Damaged {
            return Ok(());
        }
        let mut named = HashSet::new();
        for line in self.snapshot.lines(part)? {
            let line = line?;
            // A line that names a foreign path names no file; the worker has said so.
            if let (true, Ok(path)) = (line.outcome.is_on_disk(), line.path()) {
                named.insert(hash(path.join("/").as_bytes()));
            }
        }
        let mut extra = |path: &[u8]| {
            if !named.contains(&hash(path)) {
                let name = format!("{part}/{}", String::from_utf8_lossy(path));
                self.findings.push(Finding::new(Some(part), name, FindingKind::Extra, EXTRA));
            }
        };
        walk(directory, &self.stop, &mut extra)
    }

    fn extra(&mut self, part: Option<&Part>, path: &str) {
        self.findings.push(Finding::new(part, path, FindingKind::Extra, EXTRA));
    }
}

const EXTRA: &str = "is not part of the snapshot";

/// Visits everything below a directory that is not a directory, with few handles however deep it is.
fn walk(directory: &Root, stop: &Stop, visit: &mut dyn FnMut(&[u8])) -> Result<()> {
    let mut descent = Descent::new(directory.clone());
    let mut levels = vec![(0, directory.list()?.into_iter())];
    let mut path = Vec::new();
    while let Some((start, entries)) = levels.last_mut() {
        let start = *start;
        path.truncate(start);
        let Some(entry) = entries.next() else {
            levels.pop();
            descent.up();
            continue;
        };
        if start > 0 {
            path.push(b'/');
        }
        path.extend_from_slice(entry.name.as_bytes());
        match (entry.kind, entry.name.to_str()) {
            (Kind::Directory, Some(name)) => {
                stop.check()?;
                let below = descent.here()?.subdirectory(name, false)?;
                levels.push((path.len(), below.list()?.into_iter()));
                descent.down(vec![name.to_owned()], below);
            }
            _ => visit(&path),
        }
    }
    Ok(())
}

fn hash(path: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}
