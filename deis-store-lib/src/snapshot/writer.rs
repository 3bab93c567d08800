//! A snapshot that is being made, in a directory of its own that is renamed when everything in it is whole.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
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
    HELD, JOURNAL, LISTS, MANIFEST, MANIFEST_DIGEST, RUN, SnapshotName, UNFINISHED, VERIFIED, VOLUME_INDEX,
    is_list_of, journal_name, list_name,
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
    repository: Root,
    identity: String,
    root: Root,
    name: SnapshotName,
    digests: Arc<Mutex<Digests>>,
    /// Whether an interrupted run has begun it.
    goes_on: AtomicBool,
    /// What the run was asked for.
    run_file: Vec<u8>,
    /// The directory to which failed parts are set aside for the next run.
    aside: OnceLock<Root>,
    /// The tasks that write journals.
    journals: TaskTracker,
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
        for file in [MANIFEST_DIGEST, MANIFEST, VERIFIED, HELD]
            .into_iter()
            .chain(Part::FILES.iter().filter_map(Part::file_name))
        {
            unfinished.root.remove_file(file)?;
        }
        unfinished.remove_lists(|name| !name.ends_with(JOURNAL))?;
        for directory in [Some(unfinished.root.clone()), unfinished.root.subdirectory(LISTS, false).ok()] {
            directory.iter().try_for_each(remove_partial_files_of)?;
        }
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

    /// What has come so far is from now on what an interrupted run has left.
    pub(crate) async fn go_on_from_here(&self) {
        self.settle().await;
        self.journals.reopen();
        self.goes_on.store(true, Ordering::Relaxed);
    }

    /// Sets the objects of a part that could not be taken aside, with their journals, so that the next run goes on with them.
    /// Where that is; nothing if there are none.
    pub(crate) async fn set_aside(&self, part: &Part) -> Result<Option<String>> {
        if part.as_bucket().is_none() || self.root.kind(&[part.name()])? != Some(Kind::Directory) {
            return Ok(None);
        }
        if self.root.subdirectory(part.name(), false)?.is_empty()? {
            return Ok(None);
        }
        self.go_on_from_here().await;
        let aside = match self.aside.get() {
            Some(aside) => aside.clone(),
            None => self.begin_aside()?,
        };
        if let Ok(lists) = self.root.subdirectory(LISTS, false) {
            let to = aside.subdirectory(LISTS, true)?;
            for name in lists.list()?.into_iter().filter_map(|entry| entry.name.into_string().ok()) {
                if is_list_of(part, &name) && name.ends_with(JOURNAL) {
                    lists.rename_to(&name, &to)?;
                }
            }
            to.sync()?;
        }
        self.root.rename_to(part.name(), &aside)?;
        aside.sync()?;
        self.root.sync()?;
        Ok(Some(aside.path().display().to_string()))
    }

    fn begin_aside(&self) -> Result<Root> {
        let mut name = self.name.next()?;
        let taken = |name: &SnapshotName| {
            let unfinished = format!("{name}{UNFINISHED}");
            Ok::<_, Error>(
                self.repository.kind(&[name.as_str()])?.is_some()
                    || self.repository.kind(&[unfinished])?.is_some(),
            )
        };
        while taken(&name)? {
            name = name.next()?;
        }
        let aside = self.repository.subdirectory(&format!("{name}{UNFINISHED}"), true)?;
        let mut run_file = aside.new_file(&[RUN])?;
        run_file.write_all(&self.run_file).map_err(|error| run_file.write_error(error))?;
        run_file.commit(0o600, None, true)?;
        self.repository.sync()?;
        Ok(self.aside.get_or_init(|| aside).clone())
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
        if let Ok(lines) = journal::read(&mut file) {
            return Ok((lines, JournalWriter::new(file, self.root.clone(), &self.journals)));
        }
        // The disk does not give it: what it remembers is read again.
        lists.remove_file(&name)?;
        file = lists.append_file(&name)?;
        let lines = journal::read(&mut file)?;
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
        self.remove_lists(|name| is_list_of(part, name))
    }

    fn remove_lists(&self, goes: impl Fn(&str) -> bool) -> Result<()> {
        if self.root.kind(&[LISTS])?.is_none() {
            return Ok(());
        }
        let lists = self.root.subdirectory(LISTS, false)?;
        for name in lists.list()?.into_iter().filter_map(|entry| entry.name.into_string().ok()) {
            if goes(&name) {
                lists.remove_file(&name)?;
            }
        }
        lists.sync()
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
        let mut file = self.begin_file(&[name])?;
        file.write_all(bytes).map_err(|error| file.write_error(error))?;
        file.commit(0o600, None, true).map(drop)
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
            let names = self.root.subdirectory(LISTS, false)?.list()?;
            let names = names.into_iter().filter_map(|entry| entry.name.into_string().ok());
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
    if root.kind(&[LISTS])?.is_some() {
        let lists = root.subdirectory(LISTS, false)?;
        let names = lists.list()?.into_iter().filter_map(|entry| entry.name.into_string().ok());
        for journal in names.filter(|name| name.ends_with(JOURNAL)) {
            lists.remove_file(&journal)?;
        }
        lists.sync()?;
    }
    repository.rename(&format!("{name}{UNFINISHED}"), name.as_str())?;
    repository.sync()
}

fn remove_partial_files_of(directory: &Root) -> Result<()> {
    let names = directory.list()?.into_iter().filter_map(|entry| entry.name.into_string().ok());
    names.filter(|name| is_partial_name(name)).try_for_each(|name| directory.remove_file(&name))
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
