//! Unpacks the entries of an archive below a directory.
//!
//! Everything is reached from a directory's handle, name by name, and no symlink is followed: not one that the archive has
//! made, and not one that somebody else puts there meanwhile. Nothing that is there is written to or replaced.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::attributes::{Attributes, Owners};
use super::content::Content;
use super::directories::Directories;
use super::failure::{Failure, WAS_THERE, no_room, refused, refused_link};
use super::way::{Way, open_directory, split};
use crate::archive::tar::{Entry, EntryKind, Sink};
use crate::disk::Room;
use crate::error::Result;
use crate::volume::members::Members;

/// The longest target of a symlink that a system has.
const MOST_TARGET_BYTES: usize = 4095;

/// How an archive is unpacked.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) owners: Owners,
    /// The most that is written, if there is a limit.
    pub(crate) room: Option<Room>,
    /// What is wanted, if it is not everything.
    pub(crate) members: Option<Members>,
}

/// What was unpacked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unpacked {
    /// The number of files, directories and links.
    pub(crate) entries: u64,
    /// The size of all files, with the holes of sparse files.
    pub(crate) file_bytes: u64,
    /// The size of all files' content, without the holes of sparse files.
    pub(crate) written_bytes: u64,
    /// The number of entries that were not wanted.
    pub(crate) passed_over: u64,
    /// The wanted members that the archive does not have, for people.
    pub(crate) missing: Vec<String>,
    /// What the archive says of the directory itself.
    pub(super) itself: Option<Attributes>,
}

/// Unpacks the entries that it is given.
#[derive(Debug)]
pub(crate) struct Unpacker {
    top: Arc<OwnedFd>,
    way: Way,
    /// The way to the files that hard links are to.
    links: Way,
    options: Options,
    failure: Failure,
    writing: Option<(Vec<u8>, Content)>,
    directories: Directories,
    done: Unpacked,
}

impl Unpacker {
    /// Unpacks below a directory, which messages call by this path.
    pub(crate) fn new(top: OwnedFd, path: PathBuf, options: Options) -> Result<Self> {
        options.owners.require_possible()?;
        let top = Arc::new(top);
        Ok(Self {
            way: Way::new(Arc::clone(&top)),
            links: Way::new(Arc::clone(&top)),
            top,
            options,
            failure: Failure::new(path),
            writing: None,
            directories: Directories::default(),
            done: Unpacked::default(),
        })
    }

    /// Gives the directories their modes, owners and times when all entries have come, and makes sure that all survives a
    /// crash. The directory itself is left as it is: [`Unpacked`] has what the archive says of it.
    pub(crate) fn finish(mut self) -> Result<Unpacked> {
        self.directories.apply(&mut self.way).map_err(|(path, error)| self.failure.disk(&path, error))?;
        rustix::fs::syncfs(&self.top).map_err(|error| self.failure.disk(b"", error))?;
        if let Some(members) = &self.options.members {
            self.done.missing = members.missing();
        }
        Ok(self.done)
    }

    /// The number of entries and bytes so far.
    #[cfg(test)]
    pub(super) fn done_for_tests(&self) -> (u64, u64) {
        (self.done.entries, self.done.written_bytes)
    }

    fn begin(&mut self, entry: &Entry) -> Result<()> {
        if self.options.members.as_mut().is_some_and(|members| !members.wants(&entry.path)) {
            self.done.passed_over += 1;
            return Ok(());
        }
        let attributes = Attributes::of(entry, self.options.owners)
            .ok_or_else(|| refused(&entry.path, "belongs to a user or group that no system can have"))?;
        if entry.path.is_empty() && entry.kind == EntryKind::Directory {
            self.done.itself = Some(attributes);
        } else {
            self.make(entry, attributes)?;
        }
        self.done.entries += 1;
        self.done.file_bytes = self.done.file_bytes.saturating_add(entry.kind.size_bytes());
        self.done.written_bytes = self.done.written_bytes.saturating_add(entry.kind.stored_bytes());
        Ok(())
    }

    /// Makes a file, directory or link.
    fn make(&mut self, entry: &Entry, attributes: Attributes) -> Result<()> {
        let (parent, name) = split(&entry.path);
        if !is_path(&entry.path) {
            return Err(refused(&entry.path, "has a path that leads nowhere"));
        }
        self.take_room(entry)?;
        self.go_to(parent, &entry.path)?;
        match &entry.kind {
            EntryKind::Directory => self.directory(&entry.path, name, attributes),
            EntryKind::Symlink(target) => self.symlink(&entry.path, (name, target), &attributes),
            EntryKind::HardLink(first) => self.hard_link(&entry.path, name, first),
            EntryKind::File { .. } | EntryKind::Sparse { .. } => self.file(entry, name, attributes),
        }
    }

    /// Takes what an entry will need of the room, before anything of it is written.
    fn take_room(&mut self, entry: &Entry) -> Result<()> {
        let Some(room) = &mut self.options.room else { return Ok(()) };
        let bytes = entry.kind.stored_bytes();
        let files = u64::from(!matches!(entry.kind, EntryKind::HardLink(_)));
        if !room.has_room_for(files, bytes) {
            return Err(no_room(&entry.path, room));
        }
        *room = Room { bytes: room.bytes - bytes, files: room.files.map(|left| left - files) };
        Ok(())
    }

    /// Goes to an entry's directory. One that the archive does not have itself, or has later, is made.
    fn go_to(&mut self, parent: &[u8], path: &[u8]) -> Result<()> {
        let mut made = 0;
        let gone = self.way.go(parent, |directory, name| match open_directory(directory, name) {
            Err(Errno::NOENT) => {
                made += 1;
                let open_to_all = Mode::RWXU | Mode::RGRP | Mode::XGRP | Mode::ROTH | Mode::XOTH;
                rustix::fs::mkdirat(directory, name, open_to_all)?;
                open_directory(directory, name)
            }
            opened => opened,
        });
        if let Some(Room { files: Some(files), .. }) = &mut self.options.room {
            *files = files.saturating_sub(made);
        }
        match gone {
            Ok(()) => Ok(()),
            Err(Errno::NOTDIR | Errno::LOOP) => {
                Err(refused(path, "lies below what the archive has as a file or link"))
            }
            Err(error) => Err(self.failure.disk(path, error)),
        }
    }

    fn directory(&mut self, path: &[u8], name: &[u8], attributes: Attributes) -> Result<()> {
        let here = self.way.here().map_err(|error| self.failure.disk(path, error))?;
        // Its own mode might not let us in.
        match rustix::fs::mkdirat(here, name, Mode::RWXU) {
            Ok(()) => {}
            Err(Errno::EXIST) if kind_of(here, name) == Ok(FileType::Directory) => {}
            Err(Errno::EXIST) => return Err(refused(path, WAS_THERE)),
            Err(error) => return Err(self.failure.disk(path, error)),
        }
        self.directories.add(path, attributes).map_err(|full| refused(path, full))
    }

    fn symlink(
        &mut self,
        path: &[u8],
        (name, target): (&[u8], &[u8]),
        attributes: &Attributes,
    ) -> Result<()> {
        if target.is_empty() || target.len() > MOST_TARGET_BYTES || target.contains(&0) {
            return Err(refused(path, "is a symlink to what no path can be"));
        }
        let here = self.way.here().map_err(|error| self.failure.disk(path, error))?;
        rustix::fs::symlinkat(target, here, name)
            .and_then(|()| attributes.apply_to_symlink(here, name))
            .map_err(|error| self.failure.new_name(path, error))
    }

    fn hard_link(&mut self, path: &[u8], name: &[u8], first: &[u8]) -> Result<()> {
        if !is_path(first) {
            return Err(refused_link(path, first, "leads nowhere"));
        }
        let (directory, first_name) = split(first);
        let gone = self.links.go(directory, open_directory);
        let from =
            gone.and_then(|()| self.links.here()).and_then(|from| Ok((from, kind_of(from, first_name)?)));
        match from {
            Ok((from, FileType::RegularFile)) => {
                let here = self.way.here().map_err(|error| self.failure.disk(path, error))?;
                rustix::fs::linkat(from, first_name, here, name, AtFlags::empty())
                    .map_err(|error| self.failure.new_name(path, error))
            }
            Ok(_) | Err(Errno::NOTDIR | Errno::LOOP) => Err(refused_link(path, first, "is no file")),
            Err(Errno::NOENT) if self.options.members.is_some() => {
                Err(refused_link(path, first, "is not among the members that are wanted"))
            }
            Err(Errno::NOENT) => Err(refused_link(path, first, "has not come before it")),
            Err(error) => Err(self.failure.disk(path, error)),
        }
    }

    fn file(&mut self, entry: &Entry, name: &[u8], attributes: Attributes) -> Result<()> {
        let here = self.way.here().map_err(|error| self.failure.disk(&entry.path, error))?;
        let new = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(here, name, OFlags::WRONLY | new, Mode::RUSR | Mode::WUSR)
            .map_err(|error| self.failure.new_name(&entry.path, error))?;
        self.writing = Some((entry.path.clone(), Content::new(file, &entry.kind, attributes)));
        Ok(())
    }
}

impl Sink for Unpacker {
    fn entry(&mut self, entry: &Entry, _: u64) -> io::Result<()> {
        self.writing = None;
        self.begin(entry).map_err(io::Error::other)
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Nothing is written of an entry that is not wanted.
        let Some((path, content)) = &mut self.writing else { return Ok(()) };
        content.write(bytes).map_err(|error| io::Error::other(self.failure.disk(path, error)))
    }

    fn end(&mut self) -> io::Result<()> {
        let Some((path, content)) = self.writing.take() else { return Ok(()) };
        content.end().map_err(|error| io::Error::other(self.failure.disk(&path, error)))
    }
}

/// The last line of defence, behind the archive's rules.
fn is_path(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').all(|name| !matches!(name, b"" | b"." | b"..") && !name.contains(&0))
}

fn kind_of(directory: BorrowedFd<'_>, name: &[u8]) -> Result<FileType, Errno> {
    let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode))
}
