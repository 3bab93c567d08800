//! Which entries may be unpacked as root into an empty directory, and how. Pure.
//!
//! Nothing may be written outside of it, and nothing through a link that the archive itself has made. No entry may give
//! anybody the rights of another user.

use std::collections::HashSet;

use super::before::Member;
use super::entry::{Entry, EntryKind};
use super::fault::{Refused, Why};
use super::header::Kind;
use super::pax_sparse::Form;
use super::policy::{Limits, Special};

/// Files and directories of ours in a volume begin so, and nothing in an archive may.
const OURS: &str = ".deis-store-";

/// The most names of an archive that are kept of a sort, and the most bytes of theirs.
const MOST_NAMES: usize = 200_000;
const MOST_NAME_BYTES: usize = 32 << 20;

const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;
const STICKY: u32 = 0o1000;

/// Whether files and directories of this name are this program's own.
pub(crate) fn is_ours(name: &[u8]) -> bool {
    name.starts_with(OURS.as_bytes())
}

/// What is known of the entries so far.
#[derive(Debug)]
pub(super) struct Rules {
    special: Special,
    limits: Limits,
    /// The symlinks so far. An entry at or below one of them is refused.
    symlinks: Names,
    /// The entries that were left out. A hard link to one of them is left out too.
    left_out: Names,
}

/// What becomes of an entry that is not refused.
#[derive(Debug)]
pub(super) enum Checked {
    /// It is unpacked, perhaps without something that it had. A sparse file has its map yet to come.
    Taken(Entry, Option<String>),
    LeftOut(&'static str),
}

impl Rules {
    pub(super) fn new(special: Special, limits: Limits) -> Self {
        Self { special, limits, symlinks: Names::default(), left_out: Names::default() }
    }

    /// Checks the next entry.
    pub(super) fn check(&mut self, member: &Member) -> Result<Checked, Refused> {
        self.checked(member).map_err(|why| Refused::new(&member.name, why))
    }

    fn checked(&mut self, member: &Member) -> Result<Checked, Why> {
        match member.kind {
            // Its name is one of the archive, and none of a file.
            Kind::Label => return Ok(Checked::LeftOut("is a label of the archive, which is left out")),
            Kind::Unread(what) => return Err(Why::Unread(what)),
            _ => {}
        }
        let path = self.place(&member.name)?;
        if path.is_empty() && member.kind != Kind::Directory {
            return Err(Why::Escapes("would replace the directory itself"));
        }
        if matches!(member.form, Form::Unread) {
            return Err(Why::Unread("is a sparse file of a form that is not read"));
        }
        let kind = match member.kind {
            Kind::Special(what) => {
                self.left_out.insert(path)?;
                return Ok(Checked::LeftOut(what));
            }
            Kind::Directory => EntryKind::Directory,
            Kind::Symlink => {
                let target = self.target(&member.link)?;
                self.symlinks.insert(path.clone())?;
                EntryKind::Symlink(target)
            }
            Kind::HardLink => {
                let target = self.first_name(&member.link)?;
                if target == path {
                    return Ok(Checked::LeftOut("is a hard link to itself, which is left out"));
                }
                if self.left_out.0.contains(&target) {
                    self.left_out.insert(path)?;
                    return Ok(Checked::LeftOut("is a hard link to what is left out, which is left out too"));
                }
                EntryKind::HardLink(target)
            }
            _ => EntryKind::File { size_bytes: member.stored_bytes },
        };
        self.left_out.0.remove(&path);
        let (mode, dropped) = self.mode(member.mode, &kind);
        let Member { owner, modified, .. } = *member;
        Ok(Checked::Taken(Entry { path, kind, mode, owner, modified }, dropped))
    }

    /// The place of a name below the directory, as its components joined by slashes.
    fn place(&self, name: &[u8]) -> Result<Vec<u8>, Why> {
        if name.is_empty() {
            return Err(Why::Escapes("has an empty name"));
        }
        if name.starts_with(b"/") {
            return Err(Why::Escapes("has an absolute name"));
        }
        let mut path = Vec::with_capacity(name.len().min(self.limits.path_bytes));
        let mut depth = 0;
        for part in name.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".") {
            if part == b".." {
                return Err(Why::Escapes("has a name with `..`"));
            }
            if is_ours(part) {
                return Err(Why::Escapes("has a name that is this program's own"));
            }
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(part);
            depth += 1;
            self.check_limits(path.len(), depth)?;
            if self.symlinks.0.contains(&path) {
                return Err(Why::Escapes("lies at or below a symlink of the archive"));
            }
        }
        Ok(path)
    }

    fn check_limits(&self, path_bytes: usize, depth: usize) -> Result<(), Why> {
        if path_bytes > self.limits.path_bytes {
            let most = self.limits.path_bytes;
            return Err(Why::Beyond(format!(
                "has a path or target of more than {most} bytes, which is the limit"
            )));
        }
        if depth > self.limits.depth {
            let most = self.limits.depth;
            return Err(Why::Beyond(format!("lies more than {most} directories deep, which is the limit")));
        }
        Ok(())
    }

    /// The target of a symlink. Where it leads does not matter, since it is never followed.
    fn target(&self, link: &[u8]) -> Result<Vec<u8>, Why> {
        if link.is_empty() {
            return Err(Why::Escapes("is a symlink to an empty name"));
        }
        self.check_limits(link.len(), 0)?;
        Ok(link.to_vec())
    }

    /// The place of the file of which a hard link is a further name.
    fn first_name(&self, link: &[u8]) -> Result<Vec<u8>, Why> {
        const OUTSIDE: Why =
            Why::Escapes("is a hard link to something outside of the directory, or by way of a symlink");
        let target = self.place(link).map_err(|why| match why {
            Why::Escapes(_) => OUTSIDE,
            other => other,
        })?;
        if target.is_empty() {
            return Err(Why::Escapes("is a hard link to the directory itself"));
        }
        Ok(target)
    }

    /// The mode bits that are kept, and what is said of those that are dropped.
    fn mode(&self, mode: u32, kind: &EntryKind) -> (u32, Option<String>) {
        let dropped = match (kind, self.special) {
            // Its mode means nothing.
            (EntryKind::Symlink(_), _) => return (mode & 0o777, None),
            (_, Special::Keep) => 0,
            // A directory may be setgid: what is made in it belongs to its group. And it may be sticky: one that is open to
            // all is less safe without it.
            (EntryKind::Directory, Special::Drop) => mode & SETUID,
            (_, Special::Drop) => mode & (SETUID | SETGID | STICKY),
        };
        if dropped == 0 {
            return (mode, None);
        }
        let bits = [(SETUID, "setuid"), (SETGID, "setgid"), (STICKY, "sticky")];
        let names: Vec<_> =
            bits.iter().filter(|(bit, _)| dropped & bit != 0).map(|(_, name)| *name).collect();
        (mode & !dropped, Some(format!("is {}, which is dropped", names.join(" and "))))
    }
}

/// Paths of entries, as many as can be kept.
#[derive(Debug, Default)]
struct Names(HashSet<Vec<u8>>, usize);

impl Names {
    fn insert(&mut self, path: Vec<u8>) -> Result<(), Why> {
        if self.0.len() == MOST_NAMES || self.1 + path.len() > MOST_NAME_BYTES {
            let most = "is one of more symlinks, or of more that is left out, than can be kept track of";
            return Err(Why::Beyond(most.to_owned()));
        }
        self.1 += path.len();
        self.0.insert(path);
        Ok(())
    }
}
