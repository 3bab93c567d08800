//! A file that is being written: under a temporary name in its directory until it is whole and committed.
//!
//! Nothing else opens a file for writing, and this never opens a final name. The file is locked while it is written: the
//! run that has the lock of the file that a temporary name names, and no other, renames or removes that name.

mod begin;
mod commit;

use std::fs::File;
use std::io::{self, Seek, Write};

use bytes::Bytes;
use rustix::fs::{AtFlags, FlockOperation};
use rustix::io::Errno;
use sha2::Digest;

use super::read_chunks::read_chunks;
use super::root::Root;
use super::tap::Tap;
use crate::error::{At, Error, ErrorKind, Result, disk_error};
use crate::hash::Sha256;

/// The block of MD5 and of SHA-256.
const BLOCK_BYTES: usize = 64;

/// A file that is being written. Dropped without [`NewFile::commit`], it is removed, or stays for the next run if it was
/// begun so.
pub(crate) struct NewFile {
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

/// The fate of the temporary name when the file is dropped.
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
pub(crate) struct Committed {
    /// The components of its path below the root it was begun in: those that were asked for, some with `%+`.
    pub(crate) path: Vec<String>,
    /// Its size.
    pub(crate) size_bytes: u64,
    /// Its digest, unless it was begun without.
    pub(crate) sha256: Option<Sha256>,
}

impl NewFile {
    /// How many bytes an earlier run has left, which are not hashed yet.
    pub(crate) fn left_bytes(&self) -> Result<u64> {
        let metadata = self.file.metadata().map_err(|error| self.failed("look at", error))?;
        Ok(metadata.len() - self.size_bytes.min(metadata.len()))
    }

    /// Reads what an earlier run has left, shows it to the tap, and goes on behind it.
    pub(crate) fn reread(&mut self, tap: &mut impl Tap) -> Result<()> {
        let reading = self.file.try_clone();
        let read = reading.and_then(|mut file| read_chunks(&mut file, |chunk| self.hash(chunk, tap)));
        read.map(drop).map_err(|error| self.failed("read", error))
    }

    /// Throws away what is in it.
    pub(crate) fn empty(&mut self) -> Result<()> {
        (self.size_bytes, self.sha256) = (0, self.sha256.take().map(|_| sha2::Sha256::new()));
        let emptied = self.file.set_len(0).and_then(|()| self.file.rewind());
        emptied.map_err(|error| self.failed("empty", error))
    }

    /// Takes all bytes of a file as its own, where the file system lets two files share them. They are not hashed.
    pub(in crate::disk) fn share(&mut self, source: &File) -> bool {
        rustix::fs::ioctl_ficlone(&self.file, source).is_ok()
    }

    /// Removes it, also if it would have stayed.
    pub(crate) fn discard(mut self) {
        self.dropped = Dropped::Removed;
    }

    /// The same without a digest, where none is wanted: it is a good part of what a file costs.
    #[must_use]
    pub(crate) fn without_digest(mut self) -> Self {
        self.sha256 = None;
        self
    }

    /// How many bytes were written so far.
    #[must_use]
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The digest of the bytes written so far, unless it was begun without.
    #[must_use]
    pub(crate) fn sha256(&self) -> Option<Sha256> {
        self.sha256.clone().map(|sha256| Sha256(sha256.finalize().into()))
    }

    /// Our error of an error while writing.
    #[must_use]
    pub(crate) fn write_error(&self, error: io::Error) -> Error {
        self.failed("write", error)
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
    /// Writes these bytes and shows them to the tap.
    pub(super) fn write_tapped(&mut self, chunk: &Bytes, tap: &mut impl Tap) -> io::Result<()> {
        self.file.write_all(chunk)?;
        self.hash(chunk, tap);
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
            tap.chunk(bytes);
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
            // A drop cannot report an error, and the next run removes the file too.
            let _ = rustix::fs::unlinkat(&self.parent, &*self.temporary, AtFlags::empty());
        }
        // A program that is just starting may have inherited the file, and the lock with it.
        let _ = rustix::fs::flock(&self.file, FlockOperation::Unlock);
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
