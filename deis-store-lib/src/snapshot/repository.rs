//! A repository: a directory of snapshots that says of itself that it is one.
//!
//! It must touch nothing but the names of the format: a directory that is not a repository is left alone.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::edition::{FORMAT, check_format};
use super::free_name::free_from;
use super::json::json;
use super::name::{MANIFEST, REPOSITORY, SnapshotName, UNFINISHED};
use super::reader::SnapshotReader;
use super::time::timestamp;
use super::writer::SnapshotWriter;
use crate::disk::{Entry, Kind, Lock, PARTIAL, PROBE_NAME, Room, Root, probe};
use crate::error::{At, Context, Error, ErrorKind, Result, disk_error};
use crate::hash::Sha256;
use crate::run::Run;

const LOCK: &str = ".lock";

/// A directory of snapshots.
#[derive(Clone, Debug)]
pub struct Repository {
    root: Root,
    identity: Identity,
}

/// The content of `deis-store.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    repository: String,
    format: u64,
}

/// A snapshot in a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotEntry {
    /// Its name.
    pub name: SnapshotName,
    /// Whether it can be used.
    pub state: SnapshotState,
}

/// Whether a snapshot can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotState {
    /// It has a good manifest, which may say that it is not complete.
    Finished,
    /// Its run has not finished.
    Unfinished,
    /// It has no good manifest.
    Damaged,
}

impl Repository {
    /// Refuses a directory that is neither a repository nor can become one. Nothing is made.
    pub fn check(path: impl AsRef<Path>) -> Result<()> {
        match Root::open(&path) {
            Ok(root) if root.kind(&[REPOSITORY])?.is_some() => Self::of(root).map(drop),
            Ok(root) => refuse_others(&root),
            Err(error) if error.kind() == ErrorKind::NotFound => refuse_below_snapshot(path.as_ref()),
            // It is said better when it is made.
            Err(_) => Ok(()),
        }
    }

    /// Opens a repository, or makes one of a directory that is missing or empty.
    pub fn create(path: impl AsRef<Path>, run: &Run) -> Result<Self> {
        Self::check(&path)?;
        let root = Root::create(path)?;
        if root.kind(&[REPOSITORY])?.is_some() {
            return Self::of(root);
        }
        probe(&root)?;
        let identity = Identity { repository: uuid(run.seed, run.clock.now()), format: FORMAT };
        root.new_file(&[REPOSITORY])?.commit_with(&json(&identity)?)?;
        Ok(Self { root, identity })
    }

    /// Opens a repository.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::of(Root::open(path)?)
    }

    fn of(root: Root) -> Result<Self> {
        let file = root.open_file(&[REPOSITORY]).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::new(ErrorKind::NotFound, "the directory is not a repository")
                .at(At::Path, root.path().display())
                .todo("make a backup there first"),
            _ => error,
        })?;
        let place = root.path().join(REPOSITORY);
        let mut text = Vec::new();
        file.take(4096).read_to_end(&mut text).map_err(|error| disk_error("read", place.display(), error))?;
        let identity: Identity = serde_json::from_slice(&text).map_err(|error| {
            Error::new(ErrorKind::Damaged, "the repository's own file is damaged")
                .at(At::Path, place.display())
                .because(error)
        })?;
        check_format("repository", identity.format).at(At::Path, place.display())?;
        Ok(Self { root, identity })
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// Its identity: a UUID.
    #[must_use]
    pub(crate) fn identity(&self) -> &str {
        &self.identity.repository
    }

    /// The room on its file system.
    pub(crate) fn room(&self) -> Result<Room> {
        self.root.room()
    }

    /// Its directory.
    pub(super) fn root(&self) -> &Root {
        &self.root
    }

    /// Locks it against other runs that write. `holder` tells people who holds it: host, process, command, since when.
    pub(crate) fn lock(&self, holder: &str) -> Result<Lock> {
        Lock::exclusive(&self.root, LOCK, holder)
    }

    /// The same for a verb of this process.
    pub(crate) fn lock_for(&self, verb: &str, now: Timestamp) -> Result<Lock> {
        self.lock(&format!("{verb}, process {}, since {now}", std::process::id()))
    }

    /// Its snapshots, oldest first. Names that are not of the format are not ours.
    pub fn snapshots(&self) -> Result<Vec<SnapshotEntry>> {
        let entry = |(name, is_unfinished)| {
            let state = if is_unfinished { SnapshotState::Unfinished } else { self.state(&name) };
            SnapshotEntry { name, state }
        };
        Ok(self.names()?.into_iter().map(entry).collect())
    }

    /// The names of its snapshots, oldest first, and of each whether it is unfinished. None of them is opened.
    pub(super) fn names(&self) -> Result<Vec<(SnapshotName, bool)>> {
        let name = |entry: Entry| {
            let name = entry.name.to_str().filter(|_| entry.kind == Kind::Directory)?;
            let plain = name.strip_suffix(UNFINISHED);
            Some((plain.unwrap_or(name).parse().ok()?, plain.is_some()))
        };
        Ok(self.root.list()?.into_iter().filter_map(name).collect())
    }

    /// Those of its finished snapshots that can be opened, newest first.
    pub(super) fn newest_first(&self) -> Result<impl Iterator<Item = SnapshotReader>> {
        let finished = self.names()?.into_iter().rev().filter(|(_, is_unfinished)| !is_unfinished);
        Ok(finished.filter_map(|(name, _)| self.snapshot(&name).ok()))
    }

    /// Opens one of its snapshots.
    pub fn snapshot(&self, name: &SnapshotName) -> Result<SnapshotReader> {
        SnapshotReader::of(self.root.subdirectory(name.as_str(), false)?)
    }

    /// Begins a snapshot, named by the time. `run_file` says what the run was asked for: with what an interrupted run of the
    /// same kind has left, it goes on. Hold the lock.
    pub(crate) fn begin(&self, run: &Run, run_file: &Value) -> Result<SnapshotWriter> {
        let name = self.free_name(run.clock.now())?;
        let (root, identity, text) = (&self.root, self.identity(), json(run_file)?);
        match self.left_by_such(run_file)? {
            Some(left) => SnapshotWriter::go_on(root, identity, (&left, name), &text),
            None => SnapshotWriter::begin(root, identity, name, &text),
        }
    }

    /// Begins a snapshot of what was there already at this time, by which it is named. What an interrupted run of the same kind
    /// has left is removed. Hold the lock.
    pub(crate) fn begin_at(&self, time: SystemTime, run_file: &Value) -> Result<SnapshotWriter> {
        while let Some(left) = self.left_by_such(run_file)? {
            self.root.remove_directory(&format!("{left}{UNFINISHED}"))?;
        }
        SnapshotWriter::begin(&self.root, self.identity(), self.free_name(time)?, &json(run_file)?)
    }

    fn free_name(&self, time: SystemTime) -> Result<SnapshotName> {
        // Each time, since a repository can be copied to another file system.
        probe(&self.root)?;
        free_from(&self.root, SnapshotName::new(timestamp(time)?))
    }

    fn state(&self, name: &SnapshotName) -> SnapshotState {
        match self.snapshot(name) {
            Ok(_) => SnapshotState::Finished,
            // A newer version can use it; one that is being deleted was good.
            Err(error) if matches!(error.kind(), ErrorKind::Format | ErrorKind::Locked) => {
                SnapshotState::Finished
            }
            // Also if the disk does not give its manifest: no other snapshot is the worse for it.
            Err(_) => SnapshotState::Damaged,
        }
    }
}

/// Refuses a directory that holds something of others; one of a snapshot, with a hint at the repository above it.
fn refuse_others(root: &Root) -> Result<()> {
    let harmless = |name: &str| ["lost+found", LOCK, PROBE_NAME].contains(&name) || name.starts_with(PARTIAL);
    if root.list()?.iter().all(|entry| entry.name.to_str().is_some_and(harmless)) {
        return refuse_below_snapshot(root.path());
    }
    refuse_below_snapshot(root.path())?;
    let error = Error::new(ErrorKind::Occupied, "the directory is not empty, and no repository");
    Err(error.at(At::Path, root.path().display()).todo("choose an empty or a new directory"))
}

/// Refuses the directory of a snapshot, and what is below one.
fn refuse_below_snapshot(path: &Path) -> Result<()> {
    let Some(repository) = repository_of_snapshot(path) else { return Ok(()) };
    Err(Error::new(ErrorKind::Occupied, "that is a snapshot, or in one, and no repository")
        .at(At::Path, path.display())
        .todo(format!("give the repository that it is in: {}", repository.display())))
}

/// The repository of the snapshot which is at this path, or above it.
pub(crate) fn repository_of_snapshot(path: &Path) -> Option<PathBuf> {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let whole = std::fs::canonicalize(&whole).unwrap_or(whole);
    for above in whole.ancestors() {
        let Some(repository) = above.parent() else { break };
        let name = above.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let name = name.strip_suffix(UNFINISHED).unwrap_or(name);
        if name.parse::<SnapshotName>().is_ok() && repository.join(REPOSITORY).is_file() {
            return Some(repository.to_owned());
        }
    }
    None
}

/// Refuses a directory that is ours: a repository, a snapshot, or what is below one.
pub(crate) fn refuse_ours(root: &Root) -> Result<()> {
    let is_ours = |what: &str, todo: &str| {
        Err(Error::new(ErrorKind::Usage, what).at(At::Path, root.path().display()).todo(todo))
    };
    if root.kind(&[REPOSITORY])?.is_some() {
        return is_ours("that is a repository of snapshots", "give the directory of another program");
    }
    if root.kind(&[MANIFEST])?.is_some() || repository_of_snapshot(root.path()).is_some() {
        let todo = "it can be verified and restored as it is; give the directory of another program";
        return is_ours("that is a snapshot already, or in one", todo);
    }
    Ok(())
}

/// A UUID of version 8, whose bits are ours to choose: a digest of the run's seed and the time.
fn uuid(seed: u64, now: SystemTime) -> String {
    let Sha256(mut bytes) = Sha256::of(format!("{seed} {now:?}").as_bytes());
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = Sha256(bytes).to_string();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32]].join("-")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn create(directory: &tempfile::TempDir) -> Repository {
        Repository::create(directory.path(), &Run::silent()).unwrap()
    }

    #[test]
    fn a_repository_keeps_its_identity() {
        let directory = tempfile::tempdir().unwrap();
        let made = create(&directory);
        assert_eq!(made.identity().len(), 36);
        assert_eq!(made.identity().as_bytes()[14], b'8');
        assert_eq!(create(&directory).identity(), made.identity());
        assert_eq!(Repository::open(directory.path()).unwrap().identity(), made.identity());
    }

    #[test]
    fn a_directory_of_something_else_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("thesis.tex"), "").unwrap();
        let error = Repository::create(directory.path(), &Run::silent()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Occupied);
        assert!(error.advice().is_some());
        assert_eq!(Repository::open(directory.path()).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_snapshot_in_the_place_of_a_repository_is_refused_with_its_repository() {
        let directory = tempfile::tempdir().unwrap();
        let repository = create(&directory);
        let unfinished = repository.begin(&Run::silent(), &json!({})).unwrap();
        let snapshot = directory.path().join(format!("{}.unfinished", unfinished.name()));
        let finished = directory.path().join("2026-11-26T00-00-00Z");
        std::fs::create_dir_all(finished.join("registry")).unwrap();
        for path in [&snapshot, &finished, &finished.join("registry"), &finished.join("not/there")] {
            for error in [Repository::check(path), Repository::create(path, &Run::silent()).map(drop)] {
                let error = error.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Occupied, "{path:?}");
                assert!(
                    error.advice().unwrap().ends_with(&directory.path().display().to_string()),
                    "{error:?}"
                );
            }
        }
        assert!(!finished.join("not").exists());
        Repository::check(directory.path()).unwrap();
        Repository::check(directory.path().join("2026-11-26T00-00-00Z-old")).unwrap();
    }

    #[test]
    fn a_fresh_mount_and_what_a_crash_left_are_as_good_as_empty() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("lost+found")).unwrap();
        std::fs::create_dir(directory.path().join(PROBE_NAME)).unwrap();
        std::fs::write(directory.path().join(crate::disk::partial_name(REPOSITORY, "")), "{").unwrap();
        create(&directory);
    }

    #[test]
    fn a_repository_of_a_newer_format_or_with_a_damaged_file_is_not_touched() {
        let directory = tempfile::tempdir().unwrap();
        for (text, kind) in
            [("{\"repository\":\"u\",\"format\":2}", ErrorKind::Format), ("{", ErrorKind::Damaged)]
        {
            std::fs::write(directory.path().join(REPOSITORY), text).unwrap();
            assert_eq!(Repository::create(directory.path(), &Run::silent()).unwrap_err().kind(), kind);
        }
    }

    #[test]
    fn it_is_locked_once() {
        let directory = tempfile::tempdir().unwrap();
        let repository = create(&directory);
        let _lock = repository.lock("backup on host1").unwrap();
        let error = create(&directory).lock("prune").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert!(error.to_string().contains("backup on host1"));
    }

    #[test]
    fn a_taken_name_gives_the_next_second_and_names_of_others_are_not_ours() {
        let directory = tempfile::tempdir().unwrap();
        let repository = create(&directory);
        let first = repository.begin(&Run::silent(), &json!({})).unwrap();
        let second = repository.begin(&Run::silent(), &json!({"parts": ["config"]})).unwrap();
        assert!(first.name() < second.name());
        std::fs::create_dir(directory.path().join("2015-10-21T07-28-00Z")).unwrap();
        std::fs::create_dir(directory.path().join("2015-10-21")).unwrap();
        std::fs::write(directory.path().join("2016-10-21T07-28-00Z"), "").unwrap();
        let states: Vec<_> = repository.snapshots().unwrap().into_iter().map(|entry| entry.state).collect();
        assert_eq!(states, [SnapshotState::Damaged, SnapshotState::Unfinished, SnapshotState::Unfinished]);
    }
}
