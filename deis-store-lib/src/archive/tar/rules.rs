//! Which entries may be unpacked as root into an empty directory. Pure.
//!
//! Nothing may be written outside of it, and nothing through a link that the archive itself has made. No entry may give
//! anybody the rights of another user.

use std::collections::HashSet;

use super::fault::{Fault, Refused, Why};
use super::header::Kind;

/// Files and directories of ours in a volume begin so, and nothing in an archive may.
const OURS: &str = ".deis-store-";

/// The most symlinks of an archive, whose names are kept, and the most bytes of their names.
const MOST_SYMLINKS: usize = 200_000;
const MOST_SYMLINK_BYTES: usize = 32 << 20;
/// The longest path. A system takes 4,096 bytes of a path at once; tar goes down directory by directory.
const MOST_PATH_BYTES: usize = 64 << 10;

/// An entry, with the names that long names and pax headers give it.
#[derive(Debug)]
pub(super) struct Member<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a [u8],
    pub(super) link: &'a [u8],
    pub(super) mode: u32,
}

/// What is known of the entries so far.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// The symlinks so far. An entry at or below one of them is refused.
    symlinks: HashSet<Vec<u8>>,
    symlink_bytes: usize,
}

impl Rules {
    /// Checks the next entry.
    pub(super) fn check(&mut self, member: &Member<'_>) -> Result<(), Fault> {
        let refused = |why| Refused::new(member.name, why);
        let path = self.place(member.name).map_err(refused)?;
        if path.is_empty() && member.kind != Kind::Directory {
            return Err(refused(Why::Escapes("would replace the directory itself")).into());
        }
        match member.kind {
            Kind::Special(what) => return Err(refused(Why::Privileged(what)).into()),
            Kind::HardLink => {
                let target = self.place(member.link).map_err(|why| match why {
                    Why::Escapes(_) => refused(Why::Escapes(
                        "is a hard link to something outside of the directory, or by way of a symlink",
                    )),
                    Why::Privileged(_) => refused(why),
                })?;
                if target.is_empty() {
                    return Err(refused(Why::Escapes("is a hard link to the directory itself")).into());
                }
            }
            Kind::Symlink => self.remember(path)?,
            _ => {}
        }
        if member.mode & 0o4000 != 0 && member.kind != Kind::Symlink {
            return Err(refused(Why::Privileged("is setuid: it would run with its owner's rights")).into());
        }
        // A directory may be setgid: what is made in it belongs to its group.
        if member.mode & 0o2000 != 0 && !matches!(member.kind, Kind::Symlink | Kind::Directory) {
            return Err(refused(Why::Privileged("is setgid: it would run with its group's rights")).into());
        }
        Ok(())
    }

    /// The place of a name below the directory, as its components joined by slashes.
    fn place(&self, name: &[u8]) -> Result<Vec<u8>, Why> {
        if name.len() > MOST_PATH_BYTES {
            return Err(Why::Escapes("has a name of more than 64 KiB"));
        }
        if name.starts_with(b"/") {
            return Err(Why::Escapes("has an absolute name"));
        }
        let mut path = Vec::with_capacity(name.len());
        for part in name.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".") {
            if part == b".." {
                return Err(Why::Escapes("has a name with `..`"));
            }
            if part.starts_with(OURS.as_bytes()) {
                return Err(Why::Escapes("has a name that is this program's own"));
            }
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(part);
            if self.symlinks.contains(&path) {
                return Err(Why::Escapes("lies at or below a symlink of the archive"));
            }
        }
        Ok(path)
    }

    fn remember(&mut self, path: Vec<u8>) -> Result<(), Fault> {
        self.symlink_bytes += path.len();
        self.symlinks.insert(path);
        if self.symlinks.len() > MOST_SYMLINKS || self.symlink_bytes > MOST_SYMLINK_BYTES {
            return Err(Fault::Malformed("there are more symlinks in it than can be kept track of"));
        }
        Ok(())
    }
}
