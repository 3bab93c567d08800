//! Locks on files, which the kernel drops when their holder dies.
//!
//! The text in a lock file is for people alone; the file is never deleted, since a lock on a deleted one excludes nobody.

use std::fs::File;
use std::io::{Read, Seek, Write};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::descend::component;
use super::root::{Root, SYMLINK};
use crate::error::{At, Error, ErrorKind, Result, printable};

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Locks a file of this name against everybody, and writes into it who we are. It does not wait.
    pub(crate) fn exclusive(root: &Root, name: &str, holder: &str) -> Result<Self> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(root, component(name)?, flags, Mode::RUSR | Mode::WUSR);
        let mut file = match file {
            Ok(file) => File::from(file),
            Err(Errno::LOOP) => return Err(root.unexpected_entry(name, SYMLINK)),
            Err(error) => return Err(root.failed("open", name, error)),
        };
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => (),
            Err(Errno::WOULDBLOCK) => return Err(held_by(&file).at(At::Path, root.path().display())),
            Err(error) => return Err(root.failed("lock", name, error)),
        }
        // The text tells people; a full disk must not keep us from the lock.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(holder.as_bytes()));
        Ok(Self { file })
    }

    /// Locks a directory against other runs that would write to it; nothing is left in it. Where the file system has no
    /// locks it is not locked.
    pub(crate) fn directory(root: &Root) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        // Not the root's own handle: a lock belongs to the handle, and that one has clones.
        let file = rustix::fs::openat(root, ".", flags, Mode::empty());
        let file = File::from(file.map_err(|error| root.failed("open", ".", error))?);
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => {
                Err(Error::new(ErrorKind::Locked, "another run writes to this directory")
                    .at(At::Path, root.path().display())
                    .todo("wait for it to end, then run it again"))
            }
            _ => Ok(Self { file }),
        }
    }

    /// Locks a file that is there against all its readers, before it is deleted. It does not wait.
    pub(crate) fn of_deleter(root: &Root, name: &str) -> Result<Self> {
        // For a file on NFS, an exclusive lock needs a handle that could write.
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(root, component(name)?, flags, Mode::empty());
        let file = File::from(file.map_err(|error| root.failed("open", name, error))?);
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { file }),
            Err(Errno::WOULDBLOCK) => Err(Error::new(ErrorKind::Locked, "somebody reads it")
                .at(At::Path, root.path().join(name).display())
                .todo("wait for the reader to end")),
            Err(error) => Err(root.failed("lock", name, error)),
        }
    }

    /// Locks an open file against those who would delete it, together with other readers. It does not wait.
    pub(crate) fn shared(file: File) -> Result<Self> {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(Self { file }),
            Err(Errno::WOULDBLOCK) => Err(Error::new(ErrorKind::Locked, "another run is about to delete it")),
            Err(error) => {
                Err(Error::new(ErrorKind::Disk, "cannot lock").because(std::io::Error::from(error)))
            }
        }
    }
}

impl Drop for Lock {
    /// To close the file is not enough: a program that another thread is just starting has inherited it, until its `exec`.
    fn drop(&mut self) {
        let _ = rustix::fs::flock(&self.file, FlockOperation::Unlock);
    }
}

fn held_by(file: &File) -> Error {
    let mut holder = Vec::new();
    // Without the text the message is the same, only shorter.
    let _ = file.take(1000).read_to_end(&mut holder);
    let holder = printable(String::from_utf8_lossy(&holder).trim());
    let who = if holder.is_empty() { "another run".to_owned() } else { holder };
    Error::new(ErrorKind::Locked, format!("locked by {who}")).todo("wait for it to end, then run it again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_is_refused_with_the_name_of_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        std::fs::write(directory.path().join(".lock"), "an older and longer text of a run that ended")
            .unwrap();
        let first = Lock::exclusive(&root, ".lock", "backup on host1, pid 7").unwrap();
        let error = Lock::exclusive(&root, ".lock", "other").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert!(error.to_string().starts_with("locked by backup on host1, pid 7 (path"), "{error}");
        drop(first);
        Lock::exclusive(&root, ".lock", "other").unwrap();
    }

    #[test]
    fn a_lock_ends_with_its_holder_even_if_a_program_that_is_just_starting_has_inherited_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        let first = Lock::exclusive(&root, ".lock", "one").unwrap();
        let inherited = first.file.try_clone().unwrap();
        drop(first);
        Lock::exclusive(&root, ".lock", "other").unwrap();
        drop(inherited);
    }

    #[test]
    fn a_directory_is_locked_and_nothing_is_left_in_it() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        let lock = Lock::directory(&root).unwrap();
        assert_eq!(Lock::directory(&root).unwrap_err().kind(), ErrorKind::Locked);
        drop(lock);
        Lock::directory(&Root::open(directory.path()).unwrap()).unwrap();
        assert!(root.list().unwrap().is_empty());
    }

    #[test]
    fn readers_share_and_keep_deleters_out() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        std::fs::write(directory.path().join("m"), "").unwrap();
        let first = Lock::shared(root.open_file(&["m"]).unwrap()).unwrap();
        let second = Lock::shared(root.open_file(&["m"]).unwrap()).unwrap();
        assert_eq!(Lock::of_deleter(&root, "m").unwrap_err().kind(), ErrorKind::Locked);
        drop((first, second));
        let deleter = Lock::of_deleter(&root, "m").unwrap();
        assert_eq!(Lock::shared(root.open_file(&["m"]).unwrap()).unwrap_err().kind(), ErrorKind::Locked);
        drop(deleter);
    }

    #[test]
    fn a_symlink_is_not_locked() {
        let directory = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/null", directory.path().join(".lock")).unwrap();
        let root = Root::open(directory.path()).unwrap();
        assert_eq!(Lock::exclusive(&root, ".lock", "").unwrap_err().kind(), ErrorKind::Occupied);
    }
}
