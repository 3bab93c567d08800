//! A snapshot that is being made, in a directory of its own that is renamed when everything in it is whole.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio_util::task::TaskTracker;

use super::edition::{BUCKETS, FORMAT};
use super::journal::{self, JournalLines, JournalWriter};
use super::json::json;
use super::list_line::ListLine;
use super::list_writer::{ListWriter, SealedList};
use super::manifest::{FileDigest, Manifest};
use super::name::{
    HELD, JOURNAL, LISTS, MANIFEST, MANIFEST_DIGEST, REHEARSED, RUN, SnapshotName, UNFINISHED, VERIFIED,
    VOLUME_INDEX, is_list_of, journal_name, list_name,
};
use super::part_objects::PartObjects;
use super::reader::SnapshotReader;
use crate::blocking::blocking;
use crate::disk::{CHUNK_BYTES, ForeignFile, Kind, NewFile, Root, is_partial_name, sha256_of};
use crate::error::{At, Context, Error, ErrorKind, Result, disk_error};
use crate::hash::Sha256;
use crate::part::Part;

/// A snapshot that is being made. Until [`SnapshotWriter::commit`] it is a directory `NAME.unfinished`.
#[derive(Debug)]
pub(crate) struct SnapshotWriter {
    pub(super) repository: Root,
    identity: String,
    pub(super) root: Root,
    pub(super) name: SnapshotName,
    digests: Arc<Mutex<Digests>>,
    /// Whether an interrupted run has begun it.
    pub(super) goes_on: AtomicBool,
    /// What the run was asked for.
    pub(super) run_file: Vec<u8>,
    /// The directory to which failed parts are set aside for the next run.
    pub(super) aside: OnceLock<Root>,
    /// The tasks that write journals.
    pub(super) journals: TaskTracker,
}

/// The digests of files whose bytes went through our hands, by path.
type Digests = BTreeMap<String, (u64, Sha256)>;

impl SnapshotWriter {
    pub(super) fn begin(
        repository: &Root,
        identity: &str,
        name: SnapshotName,
        run_file: &[u8],
    ) -> Result<Self> {
        Self::at(repository, identity, (name, false), run_file)?.begun()
    }

    /// Goes on with what an interrupted run has left, under a new name: it becomes what is listed now. Its objects and
    /// journals stay, and everything else is made anew.
    pub(super) fn go_on(
        repository: &Root,
        identity: &str,
        (left, name): (&SnapshotName, SnapshotName),
        run_file: &[u8],
    ) -> Result<Self> {
        repository.rename(&format!("{left}{UNFINISHED}"), &format!("{name}{UNFINISHED}"))?;
        repository.sync()?;
        let unfinished = Self::at(repository, identity, (name, true), run_file)?;
        // A deletion that was interrupted has left what was found and said of another snapshot.
        for file in [MANIFEST_DIGEST, MANIFEST, VERIFIED, HELD, REHEARSED]
            .into_iter()
            .chain(Part::FILES.iter().filter_map(Part::file_name))
        {
            unfinished.root.remove_file(file)?;
        }
        remove_files(&unfinished.root, is_partial_name)?;
        remove_lists(&unfinished.root, |name| !name.ends_with(JOURNAL))?;
        unfinished.begun()
    }

    fn at(
        repository: &Root,
        identity: &str,
        (name, goes_on): (SnapshotName, bool),
        run_file: &[u8],
    ) -> Result<Self> {
        let root = repository.subdirectory(&format!("{name}{UNFINISHED}"), true)?;
        let (repository, identity) = (repository.clone(), identity.to_owned());
        let (goes_on, run_file) = (AtomicBool::new(goes_on), run_file.to_vec());
        let (aside, journals) = (OnceLock::new(), TaskTracker::new());
        let digests = Arc::default();
        Ok(Self { repository, identity, root, name, digests, goes_on, run_file, aside, journals })
    }

    fn begun(self) -> Result<Self> {
        self.write(RUN, &self.run_file)?;
        self.root.sync()?;
        self.repository.sync()?;
        Ok(self)
    }

    /// Whether it goes on with what an interrupted run has left.
    pub(crate) fn goes_on(&self) -> bool {
        self.goes_on.load(Ordering::Relaxed)
    }

    /// Whether nothing of any object is in it.
    pub(crate) fn is_empty(&self) -> Result<bool> {
        for entry in self.root.list()?.into_iter().filter(|entry| entry.kind == Kind::Directory) {
            let Some(name) = entry.name.to_str().filter(|name| *name != LISTS) else { continue };
            if !self.root.subdirectory(name, false)?.is_empty()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        self.root.path()
    }

    /// The name the snapshot will have.
    pub(crate) fn name(&self) -> &SnapshotName {
        &self.name
    }

    /// The directory of the objects of a bucket. Commit their files as 0400: an inode is shared by many snapshots.
    pub(crate) fn objects(&self, part: &Part) -> Result<Root> {
        if part.as_bucket().is_none() {
            return Err(internal("a part that has no objects", part.name()));
        }
        self.root.subdirectory(part.name(), true)
    }

    /// Begins one of the files with a fixed name: [`Part::file_name`], or the index of the volume. Commit it as 0600.
    pub(crate) fn file(&self, name: &str) -> Result<NewFile> {
        if name == VOLUME_INDEX {
            return self.begin_file(&[LISTS, name]);
        }
        if Part::of_file(name).is_none() {
            return Err(internal("a snapshot has no file of this name", name));
        }
        self.begin_file(&[name])
    }

    /// Gives a file of somebody else's the fixed name of a part, too. False if it can have no further name here.
    pub(crate) fn link_file(&self, part: &Part, file: &ForeignFile) -> Result<bool> {
        let name = part.file_name().ok_or_else(|| internal("a part that is no file", part.name()))?;
        Ok(file.link(&self.root, name)?.is_some())
    }

    /// Opens what was written of a part that is a file.
    pub(crate) fn open_file(&self, part: &Part) -> Result<File> {
        self.root.open_file(&[part.file_name().unwrap_or_default()])
    }

    /// Begins the `number`th of `of` lists of a part, counted from one.
    pub(crate) fn list(&self, part: &Part, number: usize, of: usize) -> Result<ListWriter> {
        let name = list_name(part, number, of);
        if part.as_bucket().is_none() || !(1..=of).contains(&number) {
            return Err(internal("there is no such list", &name));
        }
        let file = self.begin_file(&[LISTS, &name])?;
        Ok(ListWriter::new(name, file))
    }

    /// What interrupted runs remember of a list's objects, and the journal in which this run goes on.
    pub(crate) fn journal(
        &self,
        part: &Part,
        (number, of): (usize, usize),
    ) -> Result<(JournalLines, JournalWriter)> {
        let lists = self.root.subdirectory(LISTS, true)?;
        let name = journal_name(part, number, of);
        let mut file = lists.append_file(&name)?;
        let lines = journal::read(&mut file).or_else(|_| {
            // The disk does not give it: what it remembers is read again.
            lists.remove_file(&name)?;
            file = lists.append_file(&name)?;
            journal::read(&mut file)
        })?;
        Ok((lines, JournalWriter::new(file, self.root.clone(), &self.journals)))
    }

    /// The objects of a part that were written so far, by its sealed lists.
    pub(crate) fn part_objects(&self, part: &Part, lists: &[String]) -> Result<PartObjects> {
        let lists = lists.iter().map(|name| self.file_digest(&[LISTS.to_owned(), name.clone()]));
        Ok(PartObjects {
            root: self.root.clone(),
            part: part.clone(),
            lists: lists.collect::<Result<Vec<_>>>()?,
        })
    }

    /// Removes the files of a part's objects that its sealed lists do not name.
    pub(crate) async fn sweep(&self, part: &Part, lists: &[String]) -> Result<()> {
        let objects = self.part_objects(part, lists)?;
        blocking(move || objects.sweep()).await
    }

    /// Waits until the journals of a run that was given up are on the disk: the next run may be about to read them.
    pub(crate) async fn settle(&self) {
        self.journals.close();
        self.journals.wait().await;
    }

    /// Writes the `number`th of `of` lists of a part anew, with lines that were changed.
    pub(crate) fn rewrite_list(
        &self,
        part: &Part,
        (number, of): (usize, usize),
        mut change: impl FnMut(&mut ListLine),
    ) -> Result<SealedList> {
        let objects = self.part_objects(part, &[list_name(part, number, of)])?;
        let mut list = self.list(part, number, of)?;
        for line in objects.lines()? {
            let mut line = line?;
            change(&mut line);
            list.add(&line)?;
        }
        list.finish()
    }

    /// Removes what was written of a part that could not be taken, so that nothing of it looks like a backup.
    pub(crate) fn discard(&self, part: &Part) -> Result<()> {
        match part.file_name() {
            Some(name) => self.root.remove_file(name)?,
            None => self.root.remove_directory(part.name())?,
        }
        if *part == Part::Volume && self.root.kind(&[LISTS])?.is_some() {
            self.root.subdirectory(LISTS, false)?.remove_file(VOLUME_INDEX)?;
        }
        remove_lists(&self.root, |name| is_list_of(part, name))
    }

    /// Removes everything of a run that has failed.
    pub(crate) fn remove(self) -> Result<()> {
        self.repository.remove_directory(&format!("{}{UNFINISHED}", self.name))
    }

    /// Makes everything durable, seals it with the manifest and gives it its name. The manifest's format,
    /// requirements, names and files are filled in here.
    pub(crate) fn commit(self, mut manifest: Manifest) -> Result<SnapshotReader> {
        manifest.format = FORMAT;
        manifest.requires.clear();
        let added = |part: &Part| part.as_bucket().is_some_and(|bucket| bucket.added().is_some());
        if manifest.parts.keys().any(added) {
            manifest.requires.insert(BUCKETS.to_owned());
        }
        manifest.snapshot = self.name.to_string();
        manifest.repository.clone_from(&self.identity);
        manifest.files = self.file_digests()?;
        check(&manifest)?;
        self.root.sync_filesystem()?;

        let text = json(&manifest)?;
        self.write(MANIFEST, &text)?;
        self.write(MANIFEST_DIGEST, format!("{}  {MANIFEST}\n", Sha256::of(&text)).as_bytes())?;
        self.root.sync()?;
        finish(&self.repository, &self.root, &self.name)?;
        SnapshotReader::of(self.repository.subdirectory(self.name.as_str(), false)?)
    }

    fn begin_file(&self, path: &[&str]) -> Result<NewFile> {
        let mut file = self.root.new_file(path)?;
        let digests = Arc::clone(&self.digests);
        file.on_commit(move |committed| {
            let mut digests = digests.lock().unwrap_or_else(PoisonError::into_inner);
            let facts = committed.sha256.map(|sha256| (committed.size_bytes, sha256));
            digests.extend(facts.map(|facts| (committed.path.join("/"), facts)));
        });
        Ok(file)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.begin_file(&[name])?.commit_with(bytes).map(drop)
    }

    /// The digests of all files that no list covers: as they were written, or read again after a restart.
    fn file_digests(&self) -> Result<Vec<FileDigest>> {
        let mut paths = vec![vec![RUN.to_owned()]];
        for name in Part::FILES.iter().filter_map(Part::file_name) {
            if self.root.kind(&[name])? == Some(Kind::File) {
                paths.push(vec![name.to_owned()]);
            }
        }
        if self.root.kind(&[LISTS])?.is_some() {
            let names = names(&self.root.subdirectory(LISTS, false)?)?;
            paths.extend(
                names.filter(|name| name.ends_with(".jsonl.gz")).map(|name| vec![LISTS.to_owned(), name]),
            );
        }
        paths.into_iter().map(|path| self.file_digest(&path)).collect()
    }

    fn file_digest(&self, path: &[String]) -> Result<FileDigest> {
        let name = path.join("/");
        let known = self.digests.lock().unwrap_or_else(PoisonError::into_inner).get(&name).copied();
        let (size_bytes, sha256) = match known {
            Some(known) => known,
            None => self.read_digest(path)?,
        };
        Ok(FileDigest { path: name, size_bytes, sha256 })
    }

    fn read_digest(&self, path: &[String]) -> Result<(u64, Sha256)> {
        let mut file = self.root.open_file(path)?;
        sha256_of(&mut file, &mut vec![0; CHUNK_BYTES])
            .map_err(|error| disk_error("read", self.root.path().join(path.join("/")).display(), error))
    }
}

/// Gives a snapshot that is sealed its name. A journal is what a run remembers; its list is what the snapshot does.
pub(super) fn finish(repository: &Root, root: &Root, name: &SnapshotName) -> Result<()> {
    remove_lists(root, |name| name.ends_with(JOURNAL))?;
    repository.rename(&format!("{name}{UNFINISHED}"), name.as_str())?;
    repository.sync()
}

/// Removes those of the lists and journals that are such.
fn remove_lists(root: &Root, goes: impl Fn(&str) -> bool) -> Result<()> {
    if root.kind(&[LISTS])?.is_none() {
        return Ok(());
    }
    let lists = root.subdirectory(LISTS, false)?;
    remove_files(&lists, goes)?;
    lists.sync()
}

/// Removes those of the files in a directory whose names are such.
fn remove_files(directory: &Root, goes: impl Fn(&str) -> bool) -> Result<()> {
    let mut names = names(directory)?.filter(|name| goes(name));
    names.try_for_each(|name| directory.remove_file(&name))
}

/// The names in a directory that are text, as all of ours are.
pub(super) fn names(directory: &Root) -> Result<impl Iterator<Item = String> + use<>> {
    Ok(directory.list()?.into_iter().filter_map(|entry| entry.name.into_string().ok()))
}

/// A manifest that contradicts itself or the directory is our own mistake, found before it is sealed.
fn check(manifest: &Manifest) -> Result<()> {
    for (part, entry) in &manifest.parts {
        entry.counts.add_up().at(At::Part, part)?;
        let lists = entry.lists.iter().map(|name| format!("{LISTS}/{name}"));
        if let Some(missing) =
            lists.chain(entry.files.iter().cloned()).find(|path| manifest.file(path).is_none())
        {
            return Err(internal("the manifest names a file that was not written", &missing));
        }
    }
    Ok(())
}

fn internal(what: &str, name: &str) -> Error {
    Error::new(ErrorKind::Internal, what).at(At::Name, name)
}
