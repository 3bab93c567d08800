//! What stands behind a name that a directory's listing has given: opened, and known by its own handle.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::way::open_directory;

/// How often a name is looked at that is another kind of thing each time.
const TRIES: usize = 4;

/// What stands behind a name.
#[derive(Debug)]
pub(super) enum Opened {
    Directory(OwnedFd, Stat),
    File(OwnedFd, Stat),
    /// A symlink with its target.
    Symlink(Vec<u8>, Stat),
    /// A socket, device or fifo: what it is. It is not opened.
    Special(&'static str),
}

/// Opens what stands behind a name. The listing's kind saves a look, and is not believed.
pub(super) fn open(directory: BorrowedFd<'_>, name: &[u8], listed: FileType) -> Result<Opened, Errno> {
    let mut kind = listed;
    for _ in 0..TRIES {
        let opened = match kind {
            FileType::RegularFile => file(directory, name),
            FileType::Directory => subdirectory(directory, name),
            FileType::Symlink => symlink(directory, name),
            FileType::Unknown => Ok(None),
            special => return Ok(Opened::Special(said(special))),
        };
        match opened {
            Ok(Some(opened)) => return Ok(opened),
            // It is of another kind by now.
            Ok(None) | Err(Errno::LOOP | Errno::NOTDIR | Errno::NXIO | Errno::ISDIR) => {}
            Err(error) => return Err(error),
        }
        kind = kind_of(&rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?);
    }
    Err(Errno::AGAIN)
}

fn file(directory: BorrowedFd<'_>, name: &[u8]) -> Result<Option<Opened>, Errno> {
    // What has taken a file's place may be a fifo, or a terminal.
    let unharmed = OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | unharmed;
    let file = rustix::fs::openat(directory, name, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    Ok((kind_of(&stat) == FileType::RegularFile).then_some(Opened::File(file, stat)))
}

fn subdirectory(directory: BorrowedFd<'_>, name: &[u8]) -> Result<Option<Opened>, Errno> {
    let directory = open_directory(directory, name)?;
    let stat = rustix::fs::fstat(&directory)?;
    Ok(Some(Opened::Directory(directory, stat)))
}

/// A symlink never changes: another target is another symlink. So its handle has the target to its owner and time.
fn symlink(directory: BorrowedFd<'_>, name: &[u8]) -> Result<Option<Opened>, Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let link = rustix::fs::openat(directory, name, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&link)?;
    if kind_of(&stat) != FileType::Symlink {
        return Ok(None);
    }
    let target = rustix::fs::readlinkat(&link, c"", Vec::new())?;
    Ok(Some(Opened::Symlink(target.into_bytes(), stat)))
}

fn kind_of(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

fn said(special: FileType) -> &'static str {
    match special {
        FileType::Socket => "a socket",
        FileType::Fifo => "a fifo",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        _ => "neither a file, directory nor link",
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn the_listing_is_not_believed() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        std::fs::write(path("file"), "x").unwrap();
        std::fs::create_dir(path("directory")).unwrap();
        std::os::unix::fs::symlink("file", path("link")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, path("fifo"), Mode::RUSR).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        let directory = std::fs::File::open(place.path()).unwrap();
        for listed in [FileType::RegularFile, FileType::Directory, FileType::Symlink, FileType::Unknown] {
            let open = |name: &str| open(directory.as_fd(), name.as_bytes(), listed).unwrap();
            assert!(matches!(open("file"), Opened::File(_, stat) if stat.st_size == 1), "{listed:?}");
            assert!(matches!(open("directory"), Opened::Directory(..)), "{listed:?}");
            assert!(matches!(open("link"), Opened::Symlink(target, _) if target == b"file"), "{listed:?}");
            assert!(matches!(open("fifo"), Opened::Special("a fifo")), "{listed:?}");
            assert!(matches!(open("socket"), Opened::Special("a socket")), "{listed:?}");
        }
    }
}
