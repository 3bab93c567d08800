//! The directory in which writes are kept above a snapshot, which is never written to.
//!
//! The bytes of each body are in a file of their own, below a number. The journal says in one line what a request has changed, when
//! the bytes that it speaks of are safe; only then is the request answered. So a process that is killed anywhere leaves all that
//! was acknowledged, and of what was not at most a file that no line speaks of: the next start removes it.

mod journal;
mod read;
mod record;

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bucket::Buckets;
use super::failures::Failures;
use super::kept_file::{BodyFile, KeptFile, Place};
use super::snapshot::{HeldBackParts, Sources};
use crate::disk::{Entry, Lock, PARTIAL, Root, sealed};
use crate::error::{At, Context as _, Error, ErrorKind, Result};
use crate::snapshot::{SnapshotReader, repository_of_snapshot};

use read::damaged;

pub(super) use journal::Journal;

const LOCK: &str = ".lock";
const JOURNAL: &str = "journal";
const OBJECTS: &str = "objects";

const FORMAT: &str = "deis-store writes";
const VERSION: u64 = 1;

/// The directory, locked. Dropped, it ends that its files are removed when nothing needs them: what the journal speaks of stays.
#[derive(Debug)]
pub(super) struct Kept {
    root: Root,
    place: Arc<Place>,
    _lock: Lock,
}

/// The first line of the journal.
#[derive(Serialize, Deserialize)]
struct About {
    format: String,
    version: u64,
    /// The SHA-256 of the manifest of the snapshot that the writes are above.
    snapshot: String,
}

/// A directory that was opened, with what is in it.
pub(super) struct Opened {
    pub(super) kept: Kept,
    pub(super) journal: Journal,
    pub(super) buckets: Buckets,
    /// The number of the last upload.
    pub(super) uploads: u64,
}

impl Kept {
    /// Opens the directory of the writes above a snapshot, or makes it.
    pub(super) fn open(
        snapshot: &SnapshotReader,
        (directory, holder): (&Path, &str),
        held: &HeldBackParts,
        failures: &Arc<Failures>,
    ) -> Result<Opened> {
        refuse_in_snapshot(directory, snapshot)?;
        let root = Root::create(directory)?;
        refuse_others(&root)?;
        let lock = Lock::exclusive(&root, LOCK, holder)?;
        begin(&root, snapshot)?;
        let objects = root.subdirectory(OBJECTS, true)?;
        let mut journal = root.append_file(JOURNAL)?;
        root.sync()?;

        let sources = Sources::new(snapshot, failures);
        let mut buckets = sources.buckets(held)?;
        let place = Arc::new(Place::new(objects, failures.clone()));
        let about = |line: &[u8]| require_same(&root, line, snapshot);
        let (size_bytes, uploads) = read::read(&mut journal, &place, about, sources, &mut buckets)?;
        let journal = Journal::new(journal, size_bytes, place.clone());
        Ok(Opened { kept: Self { root, place, _lock: lock }, journal, buckets, uploads })
    }

    pub(super) fn root(&self) -> &Root {
        &self.root
    }

    /// Begins the file of a body. It waits for the disk.
    pub(super) fn begin(&self) -> Result<BodyFile> {
        self.place.begin()
    }

    /// Makes a body last that is whole. It waits for the disk.
    pub(super) fn keep(&self, file: BodyFile) -> Result<KeptFile> {
        file.keep(&self.place)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.place.let_files_stay();
    }
}

/// Begins the journal of a new directory: with its first line it is the directory's first file, and is never missing from then on.
fn begin(root: &Root, snapshot: &SnapshotReader) -> Result<()> {
    refuse_others(root)?;
    if root.kind(&[JOURNAL])?.is_some() {
        return Ok(());
    }
    let snapshot = snapshot.manifest_digest().to_string();
    let about = About { format: FORMAT.to_owned(), version: VERSION, snapshot };
    let text = serde_json::to_string(&about)
        .map_err(|error| Error::new(ErrorKind::Internal, "a value that is no JSON").because(error))?;
    root.new_file(&[JOURNAL])?.commit_with(&sealed(&text))?;
    // Its own name lasts, too. Where its parent may not be opened, that is up to the file system.
    let _ = Root::open(root.path().join("..")).and_then(|parent| parent.sync());
    Ok(())
}

/// Refuses the writes to another snapshot, by the first line of their journal.
fn require_same(root: &Root, line: &[u8], snapshot: &SnapshotReader) -> Result<()> {
    let about = serde_json::from_slice(line).ok().filter(|about: &About| about.format == FORMAT);
    let about = about
        .ok_or_else(|| damaged("what says to which snapshot the writes belong cannot be read"))
        .at(At::Path, root.path().join(JOURNAL).display())?;
    if about.version > VERSION {
        let error = Error::new(ErrorKind::Format, "the writes were kept by a newer version of this program");
        return Err(error.at(At::Path, root.path().display()).todo("use that version"));
    }
    if about.snapshot != snapshot.manifest_digest().to_string() {
        let error =
            Error::new(ErrorKind::Guard, "the writes that are kept here were made to another snapshot");
        return Err(error
            .at(At::Path, root.path().display())
            .at(At::Snapshot, snapshot.path().display())
            .todo("give that snapshot, or another directory for the writes"));
    }
    Ok(())
}

/// Refuses a directory that holds something of others.
fn refuse_others(root: &Root) -> Result<()> {
    let harmless = |name: &str| ["lost+found", LOCK].contains(&name) || name.starts_with(PARTIAL);
    let is_harmless = |entry: &Entry| entry.name.to_str().is_some_and(harmless);
    if root.kind(&[JOURNAL])?.is_some() || root.list()?.iter().all(is_harmless) {
        return Ok(());
    }
    let what = "the directory is not empty, and no writes to a snapshot are kept in it";
    let error = Error::new(ErrorKind::Occupied, what).at(At::Path, root.path().display());
    Err(error.todo("choose an empty or a new directory"))
}

/// Refuses a directory in a snapshot, before it is made.
fn refuse_in_snapshot(directory: &Path, snapshot: &SnapshotReader) -> Result<()> {
    let whole = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let nearest = whole.ancestors().find(|above| above.exists()).unwrap_or(&whole);
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if real(nearest).starts_with(real(snapshot.path())) || repository_of_snapshot(nearest).is_some() {
        let error =
            Error::new(ErrorKind::Usage, "that directory is in a snapshot, which is never written to");
        return Err(error.at(At::Path, directory.display()).todo("choose an empty or a new directory"));
    }
    Ok(())
}
