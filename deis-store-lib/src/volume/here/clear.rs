//! Removes a directory with all that is in it. It follows no symlink: a link is removed, not what it points to.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode};
use rustix::io::Errno;

use super::names::names_after;
use super::rights::{open_path, set_mode};
use super::way::{Identity, Way, open_directory};

/// So much memory the names of one directory take.
const MOST_NAMES_BYTES: usize = 1 << 20;

/// What is left of a directory on the way.
struct Level {
    name: Vec<u8>,
    directories: Vec<Vec<u8>>,
    more: bool,
}

/// Removes a directory in another one, if it is there.
pub(super) fn remove_directory(top: OwnedFd, name: &[u8]) -> Result<(), Errno> {
    let mut way = Way::new(Arc::new(top));
    let mut levels: Vec<Level> = Vec::new();
    match enter(&mut way, name) {
        Ok(level) => levels.push(level),
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(error),
    }
    while let Some(level) = levels.last_mut() {
        if let Some(next) = level.directories.pop() {
            levels.push(enter(&mut way, &next)?);
        } else if level.more {
            (level.directories, level.more) = remove_files(way.here()?)?;
        } else {
            way.up();
            if let Some(level) = levels.pop() {
                rustix::fs::unlinkat(way.here()?, &*level.name, AtFlags::REMOVEDIR)?;
            }
        }
    }
    Ok(())
}

fn enter(way: &mut Way, name: &[u8]) -> Result<Level, Errno> {
    let here = way.here()?;
    let directory = match open_directory(here, name) {
        // It has the mode that the archive gives it.
        Err(Errno::ACCESS) => {
            set_mode(open_path(here, name)?.as_fd(), Mode::RWXU)?;
            open_directory(here, name)?
        }
        opened => opened?,
    };
    let stat = rustix::fs::fstat(&directory)?;
    if !Mode::from_raw_mode(stat.st_mode).contains(Mode::RWXU) {
        rustix::fs::fchmod(&directory, Mode::RWXU)?;
    }
    way.down(name, directory, Identity::of(&stat));
    let name = name.to_vec();
    Ok(Level { name, directories: Vec::new(), more: true })
}

/// Removes all files and links of a directory that are seen at a time, and gives the directories in it, and whether there
/// is more.
fn remove_files(directory: BorrowedFd<'_>) -> Result<(Vec<Vec<u8>>, bool), Errno> {
    let names = names_after(directory, None, MOST_NAMES_BYTES)?;
    let mut directories = Vec::new();
    for (name, kind) in names.sorted {
        let is_directory = kind == FileType::Directory
            || match rustix::fs::unlinkat(directory, &*name, AtFlags::empty()) {
                Err(Errno::ISDIR | Errno::PERM) if kind == FileType::Unknown => true,
                Ok(()) | Err(Errno::NOENT) => false,
                Err(error) => return Err(error),
            };
        if is_directory {
            directories.push(name);
        }
    }
    Ok((directories, names.more))
}
