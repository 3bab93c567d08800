//! Makes an archive of a directory, as many bytes at a time as there is room for.

use std::os::fd::OwnedFd;
use std::path::Path;

use bytes::{Buf as _, BytesMut};
use rustix::fs::Stat;
use rustix::io::Errno;

use super::hard_links::{HardLinks, Known};
use super::noted::Noted;
use super::reading::{Outcome, Reading};
use super::walk::{Found, Walk};
use crate::archive::tar::{Entry, EntryKind, Modified, TarSummary, encode};
use crate::disk::Root;
use crate::error::{Result, disk_error};
use crate::volume::host::UNPACKING;

/// Said of a name that [`crate::archive::tar`] lets no archive have. It may be somebody's data, and so it counts.
const OURS: &str = "is not saved, since names that begin so are this program's own: give it another name";

/// A directory that was saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Saved {
    /// The totals of the archive.
    pub(crate) archive: TarSummary,
    /// What changed as it was read: it is in the archive, and may be neither what it was nor what it is.
    pub(crate) changed: Noted,
    /// What went away before it was read: it is not in the archive.
    pub(crate) vanished: Noted,
    /// What no archive is made of, so it is not in it.
    pub(crate) skipped: Noted,
    /// What could not be read, or has a name that no archive may have: it is not in the archive, or zeros stand for it.
    pub(crate) failed: Noted,
    /// Names of files that have more of them, and of which more is stored than one.
    pub(crate) unlinked: Noted,
}

impl Saved {
    /// Whether everything is in the archive that could be, though it may have changed meanwhile.
    pub(crate) fn is_complete(&self) -> bool {
        self.failed.count == 0
    }
}

/// A directory of which an archive is being made.
#[derive(Debug)]
pub(crate) struct Archiver {
    root: Root,
    walk: Walk,
    /// Headers and padding that have found no room yet.
    pending: BytesMut,
    reading: Option<(Vec<u8>, Reading, u64)>,
    hard_links: HardLinks,
    saved: Saved,
    ended: bool,
}

impl Archiver {
    /// Opens a directory. Symlinks on the way to it are followed, and none below it.
    pub(crate) fn new(root: &Path) -> Result<Self> {
        let root = Root::open(root)?;
        let top = rustix::io::fcntl_dupfd_cloexec(&root, 0)
            .map_err(|error| disk_error("open the directory", root.path().display(), error.into()))?;
        Ok(Self {
            walk: Walk::new(top),
            root,
            pending: BytesMut::new(),
            reading: None,
            hard_links: HardLinks::default(),
            saved: Saved::default(),
            ended: false,
        })
    }

    /// Fills this room with the next bytes of the archive, and says how many: less than there is room for at the archive's
    /// end alone.
    ///
    /// What cannot be read is noted, and the archive goes on. The error is one that each further file would meet, too.
    pub(crate) fn fill(&mut self, room: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while let Some(room) = room.get_mut(filled..).filter(|room| !room.is_empty()) {
            let put = if self.pending.is_empty() { self.read(room) } else { self.drain(room) };
            filled += put;
            self.saved.archive.archive_bytes += put as u64;
            if put == 0 && self.pending.is_empty() {
                if self.ended {
                    break;
                }
                self.next()?;
            }
        }
        Ok(filled)
    }

    /// What was saved. All of the archive must have been asked for.
    pub(crate) fn finish(self) -> Saved {
        self.saved
    }

    fn drain(&mut self, room: &mut [u8]) -> usize {
        let count = self.pending.len().min(room.len());
        self.pending.copy_to_slice(room.get_mut(..count).unwrap_or_default());
        count
    }

    /// The next bytes of the file that is being read: none if there is no such file, or it has come to its end.
    fn read(&mut self, room: &mut [u8]) -> usize {
        let Some((path, reading, stored_bytes)) = &mut self.reading else { return 0 };
        let read = reading.read(room);
        if read == 0 {
            match reading.outcome() {
                Outcome::Same => {}
                Outcome::Changed(what) => self.saved.changed.add(path, what),
                Outcome::Failed(what) => self.saved.failed.add(path, what),
            }
            encode::padding(*stored_bytes, &mut self.pending);
            self.reading = None;
        }
        read
    }

    /// Goes on to what is found next.
    fn next(&mut self) -> Result<()> {
        let Some((path, found)) = self.walk.next() else {
            self.ended = true;
            encode::end(self.saved.archive.archive_bytes, &mut self.pending);
            return Ok(());
        };
        match found {
            Found::Directory(stat) => self.entry(path, EntryKind::Directory, &stat),
            Found::Symlink(target, stat) => self.entry(path, EntryKind::Symlink(target), &stat),
            Found::File(file, stat) => self.file(path, file, &stat),
            Found::Special(what) => self.saved.skipped.add(&path, what),
            Found::Ours if path == UNPACKING.as_bytes() => {
                self.saved.skipped.add(&path, "is this program's own: what an interrupted load has left");
            }
            Found::Ours => self.saved.failed.add(&path, OURS),
            Found::TooLong => {
                self.saved.failed.add(&path, "its path is longer or deeper than an archive may have it");
            }
            Found::Vanished => self.saved.vanished.add(&path, "was removed before it was read"),
            Found::Changed => self.saved.changed.add(&path, "what is in it changed as it was read"),
            Found::Failed(error @ (Errno::MFILE | Errno::NFILE)) => {
                return Err(disk_error("open a file in", self.root.path().display(), error.into()));
            }
            Found::Failed(error) => self.saved.failed.add(&path, Outcome::failure(error)),
        }
        Ok(())
    }

    fn file(&mut self, path: Vec<u8>, file: OwnedFd, stat: &Stat) {
        match self.hard_links.look(&path, &file, stat) {
            Known::At(first) => return self.entry(path, EntryKind::HardLink(first), stat),
            Known::NoRoom => {
                self.saved.unlinked.add(&path, "is stored as a file of its own, since there are too many");
            }
            Known::New => {}
        }
        let reading = Reading::new(file, *stat);
        let kind = reading.kind();
        self.reading = Some((path.clone(), reading, kind.stored_bytes()));
        self.entry(path, kind, stat);
    }

    fn entry(&mut self, path: Vec<u8>, kind: EntryKind, stat: &Stat) {
        if let EntryKind::File { size_bytes } | EntryKind::Sparse { size_bytes, .. } = kind {
            self.saved.archive.file_bytes += size_bytes;
        }
        self.saved.archive.entries += 1;
        let modified = Modified {
            seconds: stat.st_mtime,
            nanoseconds: u32::try_from(stat.st_mtime_nsec).unwrap_or_default(),
        };
        let owner = (stat.st_uid.into(), stat.st_gid.into());
        let entry = Entry { path, kind, mode: stat.st_mode & 0o7777, owner, modified };
        encode::entry(&entry, &mut self.pending);
    }
}
