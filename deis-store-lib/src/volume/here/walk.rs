//! Goes through a directory and all below it: each directory before what is in it, names in the order of their bytes.
//!
//! Everything is reached from a directory's handle and no symlink is followed, so that nothing outside is read whatever
//! happens to the tree meanwhile. Few handles are open, and few names of each directory on the way are held.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::vec;

use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use super::find::{Opened, open};
use super::names::{Names, names_after};
use super::way::{Identity, Way};
use crate::archive::tar::{Limits, is_ours};

/// So much memory the names of one directory take.
const MOST_NAMES_BYTES: usize = 8 << 20;

/// A walk through a directory.
#[derive(Debug)]
pub(super) struct Walk {
    way: Way,
    /// Of the directories on the way, the top first.
    levels: Vec<Level>,
    begun: bool,
    limits: Limits,
}

/// A directory on the way.
#[derive(Debug)]
struct Level {
    names: vec::IntoIter<(Vec<u8>, FileType)>,
    /// Whether there are more names after this one.
    more: bool,
    after: Option<Vec<u8>>,
    /// As it was before its names were read.
    before: Stat,
}

/// What was found at a path.
#[derive(Debug)]
pub(super) enum Found {
    /// What is in it comes next.
    Directory(Stat),
    File(OwnedFd, Stat),
    /// A symlink with its target.
    Symlink(Vec<u8>, Stat),
    /// A socket, device or fifo: what it is.
    Special(&'static str),
    /// A name that no archive may bring.
    Ours,
    /// A path that is longer or deeper than an archive may bring it.
    TooLong,
    /// A name that was there a moment ago.
    Vanished,
    /// A directory that came before: what is in it has changed since.
    Changed,
    /// It cannot be read; of a directory that came before, not all of it.
    Failed(Errno),
}

impl Walk {
    pub(super) fn new(top: OwnedFd) -> Self {
        Self { way: Way::new(Arc::new(top)), levels: Vec::new(), begun: false, limits: Limits::default() }
    }

    /// The next path, and what was found there. The directory itself comes first, with an empty path.
    pub(super) fn next(&mut self) -> Option<(Vec<u8>, Found)> {
        if !self.begun {
            self.begun = true;
            return Some((Vec::new(), self.begin()));
        }
        loop {
            let level = self.levels.last_mut()?;
            let found = if let Some((name, kind)) = level.names.next() {
                return Some((self.way.path_of(&name), self.look(&name, kind)));
            } else if std::mem::take(&mut level.more) {
                let after = level.after.take();
                self.read_names(after.as_deref())
            } else {
                self.leave()
            };
            if let Some((path, found)) = found {
                return Some((path, found));
            }
        }
    }

    fn begin(&mut self) -> Found {
        match self.way.here().and_then(rustix::fs::fstat) {
            Ok(stat) => {
                self.levels.push(Level::new(stat));
                Found::Directory(stat)
            }
            Err(error) => Found::Failed(error),
        }
    }

    fn look(&mut self, name: &[u8], kind: FileType) -> Found {
        if is_ours(name) {
            return Found::Ours;
        }
        let path_bytes = self.way.path().len() + usize::from(!self.way.path().is_empty()) + name.len();
        if path_bytes > self.limits.path_bytes || self.levels.len() > self.limits.depth {
            return Found::TooLong;
        }
        // A directory that has come is no name alone: what is in it is missing from the archive.
        let here = match self.way.here() {
            Ok(here) => here,
            Err(error) => return Found::Failed(error),
        };
        match open(here, name, kind) {
            Ok(Opened::Directory(directory, stat)) => {
                self.way.down(name, directory, Identity::of(&stat));
                self.levels.push(Level::new(stat));
                Found::Directory(stat)
            }
            Ok(Opened::File(file, stat)) => Found::File(file, stat),
            Ok(Opened::Symlink(target, stat)) => Found::Symlink(target, stat),
            Ok(Opened::Special(what)) => Found::Special(what),
            Err(Errno::NOENT) => Found::Vanished,
            Err(error) => Found::Failed(error),
        }
    }

    fn read_names(&mut self, after: Option<&[u8]>) -> Option<(Vec<u8>, Found)> {
        let read = self.way.here().and_then(|directory| names_after(directory, after, MOST_NAMES_BYTES));
        match (read, self.levels.last_mut()) {
            (Ok(Names { sorted, more }), Some(level)) => {
                level.more = more;
                level.after = sorted.last().filter(|_| more).map(|(name, _)| name.clone());
                level.names = sorted.into_iter();
                None
            }
            (Ok(_), None) => None,
            (Err(error), _) => Some((self.way.path().to_vec(), Found::Failed(error))),
        }
    }

    /// Leaves a directory of which all has come.
    fn leave(&mut self) -> Option<(Vec<u8>, Found)> {
        let level = self.levels.pop()?;
        let after = self.way.here().and_then(rustix::fs::fstat);
        let path = self.way.path().to_vec();
        self.way.up();
        let same = after.is_ok_and(|after| {
            let before = &level.before;
            (after.st_mtime, after.st_mtime_nsec) == (before.st_mtime, before.st_mtime_nsec)
                && after.st_nlink >= before.st_nlink
        });
        (!same).then_some((path, Found::Changed))
    }
}

impl Level {
    fn new(before: Stat) -> Self {
        Self { names: Vec::new().into_iter(), more: true, after: None, before }
    }
}
