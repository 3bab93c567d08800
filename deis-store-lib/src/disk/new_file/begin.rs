//! A file is begun under its temporary name: anew, or with what an earlier run has left of it.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use sha2::Digest as _;

use super::{Dropped, NewFile, other_run};
use crate::disk::root::Root;
use crate::error::Result;

impl NewFile {
    pub(in crate::disk) fn create(
        parent: Root,
        directories: Vec<String>,
        name: String,
        temporary: String,
    ) -> Result<Self> {
        // For reading, too: bytes that it shares with another file are hashed afterwards.
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || rustix::fs::openat(&parent, &*temporary, flags, Mode::RUSR | Mode::WUSR);
        let file = match open() {
            // A file that a crash has left is of no use.
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

    /// Opens what an earlier run has left under the temporary name, or creates it; it stays if it is dropped.
    ///
    /// Where the file system has no locks, what was left is not touched but created anew, and stays for nobody.
    pub(in crate::disk) fn resume(
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
        // Another user's file could be changed by that user after it was checked.
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

    fn of(parent: Root, directories: Vec<String>, name: String, temporary: String, file: File) -> Self {
        let (size_bytes, sha256, on_commit) = (0, Some(sha2::Sha256::new()), None);
        let dropped = Dropped::Untouched;
        Self { parent, directories, name, temporary, file, size_bytes, sha256, on_commit, dropped }
    }

    /// Locks it, so that its temporary name is this run's to rename and to remove. False where the file system has no
    /// locks.
    fn lock(&self) -> Result<bool> {
        match rustix::fs::flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
            // The run that had the lock may have given the file its name since it was opened, or removed it.
            Ok(()) => self.still_ours().map(|()| true),
            Err(Errno::WOULDBLOCK) => Err(other_run(&self.parent, &self.name)),
            Err(_) => Ok(false),
        }
    }
}
