//! A fresh directory below the one that is meant. What was unpacked in it is moved up when all of it is there.
//!
//! It is the mark of an unfinished unpacking. No archive can bring it, and the next unpacking removes it.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{FlockOperation, Mode};
use rustix::io::Errno;

use super::attributes::Attributes;
use super::clear::remove_directory;
use super::empty::is_empty;
use super::names::names_after;
use super::rights::{open_path, with_rights};
use crate::disk::Root;
use crate::error::{At, Error, ErrorKind, Result, disk_error};
use crate::volume::host::UNPACKING;

/// So much memory the names take that are moved at a time.
const MOST_NAMES_BYTES: usize = 1 << 20;

/// A fresh directory below an empty one, which is locked as long as this is held.
#[derive(Debug)]
pub(super) struct Fresh {
    target: Root,
    fresh: Root,
}

impl Fresh {
    /// Makes one, and removes what an interrupted unpacking has left.
    pub(super) fn new(target: &Root) -> Result<Self> {
        // Where directories cannot be locked, nothing is.
        if rustix::fs::flock(target, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
            return Err(Error::new(ErrorKind::Locked, "something is being unpacked there")
                .at(At::Path, target.path().display())
                .todo("wait for it to end"));
        }
        require_empty(target)?;
        remove(target)?;
        let failed = |error: Errno| failed("make the directory", target, error);
        rustix::fs::mkdirat(target, UNPACKING, Mode::RWXU).map_err(failed)?;
        Ok(Self { target: target.clone(), fresh: target.subdirectory(UNPACKING, false)? })
    }

    /// The handle of the fresh directory.
    pub(super) fn handle(&self) -> Result<OwnedFd> {
        handle(&self.fresh)
    }

    /// Moves all up to the directory that is meant, which gets these attributes. Says whether it could.
    ///
    /// What an empty volume has of itself gives way, if there is a directory for it and nothing is in it. Otherwise nothing
    /// is moved, and all that was unpacked is removed.
    pub(super) fn move_up(self, itself: Option<Attributes>) -> Result<bool> {
        if let Err(error) = self.require_places() {
            let _ = self.remove();
            return Err(error);
        }
        loop {
            let names = names_after(self.fresh.as_fd(), None, MOST_NAMES_BYTES)
                .map_err(|error| failed("list", &self.fresh, error))?;
            if names.sorted.is_empty() {
                break;
            }
            for (name, _) in names.sorted {
                self.move_one(&name)
                    .map_err(|error| failed("move up what was unpacked in", &self.fresh, error))?;
            }
        }
        let emptied = rustix::fs::unlinkat(&self.target, UNPACKING, rustix::fs::AtFlags::REMOVEDIR);
        emptied.map_err(|error| failed("remove", &self.fresh, error))?;
        let dressed = itself.map_or(Ok(()), |itself| itself.apply(&self.target));
        self.target.sync()?;
        match dressed {
            Ok(()) => Ok(true),
            // It is another user's, who has let us write to it.
            Err(Errno::PERM) => Ok(false),
            Err(error) => Err(failed("change mode and time of", &self.target, error)),
        }
    }

    /// Removes it with all that was unpacked.
    pub(super) fn remove(self) -> Result<()> {
        remove(&self.target)
    }

    fn require_places(&self) -> Result<()> {
        require_empty(&self.target)?;
        for name in ["lost+found", "logs"] {
            let (ours, theirs) = (self.fresh.kind(&[name])?, self.target.kind(&[name])?);
            let in_place = ours.is_some() && theirs.is_some();
            if in_place && !(ours == theirs && self.target.subdirectory(name, false)?.is_empty()?) {
                return Err(occupied(&self.target, &format!("there is something in the place of '{name}'")));
            }
        }
        Ok(())
    }

    fn move_one(&self, name: &[u8]) -> Result<(), Errno> {
        let rename = || rustix::fs::renameat(&self.fresh, name, &self.target, name);
        match rename() {
            // A directory that is moved is written to, since it knows what it is in.
            Err(Errno::ACCESS) => with_rights(open_path(self.fresh.as_fd(), name)?.as_fd(), rename),
            renamed => renamed,
        }
    }
}

fn require_empty(target: &Root) -> Result<()> {
    if is_empty(target)? { Ok(()) } else { Err(occupied(target, "the directory is not empty")) }
}

fn occupied(target: &Root, what: &str) -> Error {
    Error::new(ErrorKind::Occupied, what)
        .at(At::Path, target.path().display())
        .todo("unpack into an empty directory, while nothing writes to it")
}

fn remove(target: &Root) -> Result<()> {
    remove_directory(handle(target)?, UNPACKING.as_bytes())
        .map_err(|error| failed(&format!("remove {UNPACKING} from"), target, error))
}

fn handle(root: &Root) -> Result<OwnedFd> {
    rustix::io::fcntl_dupfd_cloexec(root, 0).map_err(|error| failed("open the directory", root, error))
}

fn failed(what: &str, root: &Root, error: Errno) -> Error {
    disk_error(what, root.path().display(), error.into())
}
