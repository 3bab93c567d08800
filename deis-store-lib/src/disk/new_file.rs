//! A file that is being written: under a temporary name in its directory until it is whole and committed.
//!
//! Nothing else opens a file for writing, and this never opens a final name. The file is locked while it is written: who
//! has the lock of the file that a temporary name names, and nobody else, renames or removes that name.

use std::fs::{File, Metadata, Permissions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::SystemTime;

use bytes::Bytes;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use sha2::Digest;

use super::key_path::TAKEN;
use super::link::link;
use super::read_chunks::read_chunks;
use super::root::{Kind, NO_FILE, Root, SYMLINK};
use super::writer::Tap;
use crate::error::{At, Error, ErrorKind, Result, disk_error};
use crate::hash::Sha256;

/// The block of MD5 and of SHA-256.
const BLOCK_BYTES: usize = 64;

/// A file that is being written. Dropped without [`NewFile::commit`], it is removed, or stays for the next run if it was
/// begun so.
pub struct NewFile {
    parent: Root,
    directories: Vec<String>,
    name: String,
    temporary: String,
    file: File,
    size_bytes: u64,
    sha256: Option<sha2::Sha256>,
    on_commit: Option<OnCommit>,
    dropped: Dropped,
}

/// What becomes of the temporary name when the file is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dropped {
    Removed,
    /// It stays for the next run, unless it is empty.
    Stays,
    /// It is not ours, or not there any more.
    Untouched,
}

type OnCommit = Box<dyn FnOnce(&Committed) + Send>;

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The components of its path below the root it was begun in: those that were asked for, some with `%+`.
    pub path: Vec<String>,
    /// Its size.
    pub size_bytes: u64,
    /// Its digest, unless it was begun without.
    pub sha256: Option<Sha256>,
}

impl NewFile {
    pub(super) fn create(
        parent: Root,
        directories: Vec<String>,
        name: String,
        temporary: String,
    ) -> Result<Self> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || rustix::fs::openat(&parent, &*temporary, flags, Mode::RUSR | Mode::WUSR);
        let file = match open() {
            // What a crash has left is of no use to anybody.
            Err(Errno::EXIST) => {
                if !parent.remove_unlocked(&temporary)? {
                    return Err(other_run(&parent, &name));
                }
                open()
            }
            other => other,
        }
        .map_err(|error| parent.failed("write", &name, error))?;
        let mut file = Self::of(parent, directories, name, temporary, File::from(file));
        file.lock()?;
        file.dropped = Dropped::Removed;
        Ok(file)
    }

    fn of(parent: Root, directories: Vec<String>, name: String, temporary: String, file: File) -> Self {
        let (size_bytes, sha256, on_commit) = (0, Some(sha2::Sha256::new()), None);
        let dropped = Dropped::Untouched;
        Self { parent, directories, name, temporary, file, size_bytes, sha256, on_commit, dropped }
    }

    /// Opens what an earlier run has left under the temporary name, or creates it; it stays if it is dropped.
    ///
    /// Where the file system has no locks, what was left is not touched but created anew, and stays for nobody.
    pub(super) fn resume(
        parent: Root,
        directories: Vec<String>,
        name: String,
        temporary: String,
    ) -> Result<Self> {
        // Without NONBLOCK, a planted pipe would wait for its other end for ever.
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let left = match rustix::fs::openat(&parent, &*temporary, flags, Mode::empty()) {
            Ok(file) => Some(File::from(file)),
            Err(_) => None,
        };
        // What is another user's could be changed by that user after it was checked.
        let ours = |metadata: Metadata| {
            metadata.is_file()
                && metadata.nlink() == 1
                && metadata.uid() == rustix::process::geteuid().as_raw()
        };
        let left = left.filter(|left| left.metadata().is_ok_and(ours));
        let mut file = match left {
            Some(left) => Self::of(parent, directories, name, temporary, left),
            None => Self::create(parent, directories, name, temporary)?,
        };
        file.dropped = Dropped::Untouched;
        if file.lock()? {
            file.dropped = Dropped::Stays;
            return Ok(file);
        }
        let directories = std::mem::take(&mut file.directories);
        Self::create(file.parent.clone(), directories, file.name.clone(), file.temporary.clone())
    }

    /// Locks it, so that its temporary name is this run's to rename and to remove. False where the file system has no
    /// locks.
    fn lock(&self) -> Result<bool> {
        match rustix::fs::flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
            // Whoever had the lock may have given the file its name since it was opened, or removed it.
            Ok(()) => self.still_ours().map(|()| true),
            Err(Errno::WOULDBLOCK) => Err(other_run(&self.parent, &self.name)),
            Err(_) => Ok(false),
        }
    }

    /// How many bytes an earlier run has left, which are not hashed yet.
    pub fn left_bytes(&self) -> Result<u64> {
        let metadata = self.file.metadata().map_err(|error| self.failed("look at", error))?;
        Ok(metadata.len() - self.size_bytes.min(metadata.len()))
    }

    /// Reads what an earlier run has left, shows it to somebody, and goes on behind it.
    pub fn reread(&mut self, tap: &mut impl Tap) -> Result<()> {
        let reading = self.file.try_clone();
        let read = reading.and_then(|mut file| read_chunks(&mut file, |piece| self.hash(piece, tap)));
        read.map(drop).map_err(|error| self.failed("read", error))
    }

    /// Throws away what is in it.
    pub fn empty(&mut self) -> Result<()> {
        (self.size_bytes, self.sha256) = (0, self.sha256.take().map(|_| sha2::Sha256::new()));
        let emptied = self.file.set_len(0).and_then(|()| self.file.rewind());
        emptied.map_err(|error| self.failed("empty", error))
    }

    /// Removes it, also if it would have stayed.
    pub fn discard(mut self) {
        self.dropped = Dropped::Removed;
    }

    /// The same without a digest, for whoever wants none: it is a good part of what a file costs.
    #[must_use]
    pub fn without_digest(mut self) -> Self {
        self.sha256 = None;
        self
    }

    /// How many bytes were written so far.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The digest of the bytes written so far, unless it was begun without.
    #[must_use]
    pub fn sha256(&self) -> Option<Sha256> {
        self.sha256.clone().map(|sha256| Sha256(sha256.finalize().into()))
    }

    /// Our error of an error while writing.
    #[must_use]
    pub fn write_error(&self, error: io::Error) -> Error {
        self.failed("write", error)
    }

    /// Gives it its mode, its time and its name; with `durable`, it survives a crash from then on.
    pub fn commit(self, mode: u32, modified: Option<SystemTime>, durable: bool) -> Result<Committed> {
        self.set(mode, modified)?;
        if !durable {
            return self.name_it();
        }
        self.sync()?;
        let parent = self.parent.clone();
        let committed = self.name_it()?;
        parent.sync()?;
        Ok(committed)
    }

    /// Gives it its mode and its time.
    pub(crate) fn set(&self, mode: u32, modified: Option<SystemTime>) -> Result<()> {
        let mode = Permissions::from_mode(mode);
        self.file.set_permissions(mode).map_err(|error| self.failed("set the mode of", error))?;
        let Some(modified) = modified else { return Ok(()) };
        self.file.set_modified(modified).map_err(|error| self.failed("set the time of", error))
    }

    /// Makes its bytes survive a crash.
    pub(super) fn sync(&self) -> Result<()> {
        self.file.sync_all().map_err(|error| self.failed("sync", error))
    }

    /// The directory it is in, and the number of its file system.
    pub(super) fn file_system(&self) -> Result<(&Root, u64)> {
        let metadata = self.file.metadata().map_err(|error| self.failed("look at", error))?;
        Ok((&self.parent, metadata.dev()))
    }

    /// Gives it its name.
    pub(super) fn name_it(mut self) -> Result<Committed> {
        self.still_ours().inspect_err(|_| self.dropped = Dropped::Untouched)?;
        let name = self.rename()?;
        self.dropped = Dropped::Untouched;
        let mut path = std::mem::take(&mut self.directories);
        path.push(name);
        let committed = Committed { path, size_bytes: self.size_bytes, sha256: self.sha256() };
        if let Some(on_commit) = self.on_commit.take() {
            on_commit(&committed);
        }
        Ok(committed)
    }

    /// Makes its temporary name a link of another file.
    pub(super) fn replace_by_link(&self, from: &Root, name: &str) -> Result<(), Errno> {
        rustix::fs::unlinkat(&self.parent, &*self.temporary, AtFlags::empty())?;
        link(from, name, &self.parent, &self.temporary)
    }

    /// Gives its final name to the link of this very file.
    pub(super) fn commit_link(mut self, original: File) -> Result<Vec<String>> {
        self.file = original;
        self.still_ours()?;
        let name = self.rename()?;
        let mut path = std::mem::take(&mut self.directories);
        path.push(name);
        // Not committed: if the final name was a link of the same file already, the rename has left the temporary one,
        // which dropping removes.
        Ok(path)
    }

    /// Makes it a clone that shares the bytes of another file, if the file system can. Its digest is not known then.
    pub(super) fn clone_of(&self, original: &File) -> bool {
        #[cfg(target_os = "linux")]
        return rustix::fs::ioctl_ficlone(&self.file, original).is_ok();
        #[cfg(not(target_os = "linux"))]
        return false;
    }

    pub(crate) fn on_commit(&mut self, on_commit: impl FnOnce(&Committed) + Send + 'static) {
        self.on_commit = Some(Box::new(on_commit));
    }

    /// Another run that writes the same file takes our temporary name away, and would have its half renamed by us.
    fn still_ours(&self) -> Result<()> {
        match self.parent.is_name_of(&self.temporary, &self.file) {
            Ok(true) => Ok(()),
            Ok(false) | Err(Errno::NOENT) => Err(other_run(&self.parent, &self.name)),
            Err(error) => Err(self.parent.failed("look at", &self.temporary, error)),
        }
    }

    fn rename(&self) -> Result<String> {
        let later = format!("{}{TAKEN}", self.name);
        let mut name = match self.parent.kind_here(&later)? {
            Some(Kind::File) => &later,
            Some(Kind::Directory) | None => &self.name,
            Some(Kind::Symlink) => return Err(self.parent.unexpected_entry(&later, SYMLINK)),
            Some(Kind::Other) => return Err(self.parent.unexpected_entry(&later, NO_FILE)),
        };
        if name == &self.name {
            match self.parent.kind_here(name)? {
                Some(Kind::Symlink) => return Err(self.parent.unexpected_entry(name, SYMLINK)),
                Some(Kind::Other) => return Err(self.parent.unexpected_entry(name, NO_FILE)),
                Some(Kind::Directory) => name = &later,
                Some(Kind::File) | None => (),
            }
        }
        match self.rename_to(name) {
            // A directory was made there in the meantime.
            Err(Errno::ISDIR | Errno::EXIST | Errno::NOTEMPTY) if name == &self.name => {
                name = &later;
                self.rename_to(name)
            }
            other => other,
        }
        .map_err(|error| self.parent.failed("rename to", name, error))?;
        Ok(name.clone())
    }

    fn rename_to(&self, name: &str) -> Result<(), Errno> {
        rustix::fs::renameat(&self.parent, &*self.temporary, &self.parent, name)
    }

    fn failed(&self, what: &str, error: io::Error) -> Error {
        disk_error(what, self.parent.path().join(&self.name).display(), error)
    }
}

fn other_run(parent: &Root, name: &str) -> Error {
    Error::new(ErrorKind::Locked, "another run writes the same file")
        .at(At::Path, parent.path().join(name).display())
        .todo("let one of the two end first")
}

impl NewFile {
    /// Writes these bytes and shows them to somebody.
    pub(super) fn write_tapped(&mut self, piece: &Bytes, tap: &mut impl Tap) -> io::Result<()> {
        self.file.write_all(piece)?;
        self.hash(piece, tap);
        Ok(())
    }

    /// The two digests of a downloaded object do not depend on each other, so a processor works on both at once if they
    /// get their blocks in turn: SHA-256 then costs next to nothing beside MD5.
    fn hash(&mut self, bytes: &Bytes, tap: &mut impl Tap) {
        if let Some(sha256) = &mut self.sha256 {
            let begun = usize::try_from(self.size_bytes % BLOCK_BYTES as u64).unwrap_or(0);
            let (end_of_block, blocks) = bytes.split_at(bytes.len().min((BLOCK_BYTES - begun) % BLOCK_BYTES));
            for block in std::iter::once(end_of_block).chain(blocks.chunks(BLOCK_BYTES)) {
                tap.bytes(block);
                sha256.update(block);
            }
        } else {
            tap.piece(bytes);
        }
        self.size_bytes += bytes.len() as u64;
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(&bytes[..written]);
        }
        self.size_bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        let remove = match self.dropped {
            Dropped::Removed => true,
            Dropped::Stays => self.file.metadata().is_ok_and(|metadata| metadata.len() == 0),
            Dropped::Untouched => false,
        };
        if remove {
            // Nobody is left to be told, and the next run removes it too.
            let _ = rustix::fs::unlinkat(&self.parent, &*self.temporary, AtFlags::empty());
        }
    }
}

impl std::fmt::Debug for NewFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewFile")
            .field("name", &self.name)
            .field("size_bytes", &self.size_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
