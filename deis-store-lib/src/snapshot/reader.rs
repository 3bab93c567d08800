//! A finished snapshot, open for reading. It is untrusted input: paths are derived anew, names must be the format's.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use futures_util::Stream;

use super::list_line::ListLine;
use super::manifest::Manifest;
use super::name::{LISTS, MANIFEST, MANIFEST_DIGEST, is_path, list_name};
use super::part_entry::PartEntry;
use super::part_objects::PartObjects;
use crate::blocking::read_ahead;
use crate::disk::{Lock, Root};
use crate::error::{At, Context, Error, ErrorKind, Result, disk_error};
use crate::hash::Sha256;
use crate::outcome::PartOutcome;
use crate::part::Part;

/// A manifest names a handful of files and gateways.
const LARGEST_MANIFEST_BYTES: u64 = 16 << 20;

pub(super) const NO_MANIFEST: &str = "the snapshot has no manifest";

/// A finished snapshot. While a clone of it lives, nobody prunes it.
#[derive(Clone, Debug)]
pub struct SnapshotReader(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: Root,
    manifest: Manifest,
    #[cfg(feature = "gateway")]
    manifest_digest: Sha256,
    _lock: Lock,
}

impl SnapshotReader {
    pub(super) fn of(root: Root) -> Result<Self> {
        let file = root.open_file(&[MANIFEST]).map_err(|error| match error.kind() {
            ErrorKind::NotFound => damaged(&root, NO_MANIFEST),
            _ => error,
        })?;
        let text = read(&root, MANIFEST, &file)?;
        let lock = Lock::shared(file).at(At::Path, root.path().display())?;
        let digest = match root.open_file(&[MANIFEST_DIGEST]) {
            Ok(file) => read(&root, MANIFEST_DIGEST, &file)?,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let manifest_digest = Sha256::of(&text);
        if digest != format!("{manifest_digest}  {MANIFEST}\n").as_bytes() {
            return Err(damaged(&root, "the manifest is not the one that was sealed"));
        }
        let manifest = Manifest::parse(&text).at(At::Path, root.path().display())?;
        Ok(Self(Arc::new(Inner {
            root,
            manifest,
            #[cfg(feature = "gateway")]
            manifest_digest,
            _lock: lock,
        })))
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.root.path()
    }

    /// Its manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// The digest of its manifest: no other snapshot has the same.
    #[cfg(feature = "gateway")]
    pub(crate) fn manifest_digest(&self) -> Sha256 {
        self.0.manifest_digest
    }

    /// The listed keys of a part with their outcomes, in order of the keys. A part without lists has no lines.
    pub fn lines(&self, part: &Part) -> Result<impl Iterator<Item = Result<ListLine>> + Send + use<>> {
        self.objects(part)?.lines()
    }

    /// The same, read ahead by a blocking task.
    pub(crate) fn lines_ahead(&self, part: &Part) -> impl Stream<Item = Result<ListLine>> + Send + use<> {
        let (snapshot, part) = (self.clone(), part.clone());
        read_ahead(move || snapshot.lines(&part))
    }

    /// Opens the file of an object.
    pub fn open_object(&self, part: &Part, line: &ListLine) -> Result<File> {
        PartObjects { root: self.0.root.clone(), part: part.clone(), lists: Vec::new() }.open(line)
    }

    /// What the manifest says of a part.
    pub(crate) fn entry(&self, part: &Part) -> PartEntry {
        let entry = self.0.manifest.parts.get(part).cloned();
        entry.unwrap_or_else(|| PartEntry::new(PartOutcome::Skipped))
    }

    /// The objects of a part: a bucket that is stored has lists, and all of them are named.
    pub(crate) fn objects(&self, part: &Part) -> Result<PartObjects> {
        let entry = self.0.manifest.parts.get(part);
        let names = entry.map_or(&[][..], |entry| &entry.lists);
        let expected: Vec<_> = (1..=names.len()).map(|number| list_name(part, number, names.len())).collect();
        let mut given = names.to_vec();
        given.sort_unstable();
        let stored = entry.is_some_and(|entry| entry.outcome == PartOutcome::Stored);
        let has_none = names.is_empty() && stored && part.as_bucket().is_some();
        if has_none || !expected.iter().all(|name| given.binary_search(name).is_ok()) {
            return Err(damaged(&self.0.root, &format!("the manifest does not name all lists of {part}")));
        }
        let lists = expected.iter().map(|name| {
            let path = format!("{LISTS}/{name}");
            self.0.manifest.file(&path).cloned().ok_or_else(|| {
                damaged(&self.0.root, "the manifest has no digest of an object list").at(At::List, &path)
            })
        });
        let (root, lists) = (self.0.root.clone(), lists.collect::<Result<_>>()?);
        Ok(PartObjects { root, part: part.clone(), lists })
    }

    /// Opens a file that no list covers, by its path in the manifest.
    pub fn open_file(&self, path: &str) -> Result<File> {
        if self.0.manifest.file(path).is_none() {
            let error = Error::new(ErrorKind::NotFound, "the snapshot has no such file");
            return Err(error.at(At::File, path).at(At::Snapshot, self.path().display()));
        }
        let components: Vec<&str> = path.split('/').collect();
        if !is_path(path) {
            let error = damaged(&self.0.root, "the manifest names a path that no snapshot has");
            return Err(error.at(At::File, path));
        }
        self.0.root.open_file(&components)
    }

    pub(crate) fn root(&self) -> &Root {
        &self.0.root
    }
}

fn read(root: &Root, name: &str, file: &File) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    file.take(LARGEST_MANIFEST_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(|error| disk_error("read", root.path().join(name).display(), error))?;
    if text.len() as u64 > LARGEST_MANIFEST_BYTES {
        return Err(damaged(root, "the manifest is far too large"));
    }
    Ok(text)
}

pub(super) fn damaged(root: &Root, what: &str) -> Error {
    Error::new(ErrorKind::Damaged, what)
        .at(At::Snapshot, root.path().display())
        .todo("use another snapshot, and look for the cause in the disk's health")
}
