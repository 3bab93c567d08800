//! The names of an archive so far: none may come twice, and a hard link is to a file that has come. Pure.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use super::entry::{Entry, EntryKind};
use super::fault::Why;

/// So many names are kept. Of what comes after them, tar keeps the last of each name, and tar itself refuses a hard link to nothing.
const MOST_NAMES: usize = 1_000_000;

/// The names so far, so that no name comes twice: of two files of one name it would not be known which one counts. A directory that
/// is only in the name of another entry counts, too. They are kept as numbers, of which two are the same once in a billion archives.
#[derive(Debug, Default)]
pub(super) struct Names {
    directories: HashSet<u64>,
    /// Files, with their further names, and symlinks.
    others: HashSet<u64>,
    hasher: RandomState,
}

impl Names {
    /// Takes the name of the next entry, which has passed the rules.
    pub(super) fn take(&mut self, entry: &Entry) -> Result<(), Why> {
        let is_directory = entry.kind == EntryKind::Directory;
        let directory = if is_directory { Some(&entry.path[..]) } else { parent(&entry.path) };
        let name = self.hasher.hash_one(&entry.path[..]);
        if self.others.contains(&name) || (!is_directory && self.directories.contains(&name)) {
            return Err(Why::Ambiguous("is in the archive twice"));
        }
        if !self.take_directories(directory) {
            return Err(Why::Ambiguous("lies below what the archive has as a file or link"));
        }
        if let EntryKind::HardLink(target) = &entry.kind
            && !self.may_have_file(target)
        {
            return Err(Why::Ambiguous("is a hard link to nothing that is a file earlier in the archive"));
        }
        if !is_directory && self.has_room() {
            self.others.insert(name);
        }
        Ok(())
    }

    /// Takes a directory and those above it. Whether none of them is something else.
    fn take_directories(&mut self, mut directory: Option<&[u8]>) -> bool {
        while let Some(path) = directory {
            let name = self.hasher.hash_one(path);
            if self.others.contains(&name) {
                return false;
            }
            if self.directories.contains(&name) {
                break;
            }
            if self.has_room() {
                self.directories.insert(name);
            }
            directory = parent(path);
        }
        true
    }

    /// Whether a file of this path has come. It may have if there is no room, since then not every name was kept. Nothing takes
    /// the file's place later, since no name comes twice; and the rules have refused a hard link to a symlink.
    fn may_have_file(&self, path: &[u8]) -> bool {
        let name = self.hasher.hash_one(path);
        self.others.contains(&name) || (!self.has_room() && !self.directories.contains(&name))
    }

    fn has_room(&self) -> bool {
        self.others.len() + self.directories.len() < MOST_NAMES
    }
}

fn parent(path: &[u8]) -> Option<&[u8]> {
    path.get(..path.iter().rposition(|byte| *byte == b'/')?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::tar::Modified;

    /// Whether the entry of this path is taken. That of a directory ends in a slash; a hard link is `path==target`.
    fn is_taken(names: &mut Names, path: &str) -> bool {
        let (path, kind) = match path.split_once("==") {
            Some((path, target)) => (path, EntryKind::HardLink(target.as_bytes().to_vec())),
            None if path.ends_with('/') => (path.trim_end_matches('/'), EntryKind::Directory),
            None => (path, EntryKind::File { size_bytes: 0 }),
        };
        let (path, modified) = (path.as_bytes().to_vec(), Modified { seconds: 0, nanoseconds: 0 });
        names.take(&Entry { path, kind, mode: 0, owner: (0, 0), modified }).is_ok()
    }

    /// Whether these entries are taken one after the other.
    fn are_taken(paths: &[&str]) -> bool {
        let mut names = Names::default();
        paths.iter().all(|path| is_taken(&mut names, path))
    }

    #[test]
    fn what_comes_twice_is_a_directory_alone() {
        assert!(are_taken(&["/", "a/b/c", "a/", "a/b/", "a/b/", "a/b/d", "ab"]));
        for refused in [
            &["a", "a"][..],
            &["a", "a/"],
            &["a/", "a"],
            &["a/b", "a"],
            &["a/b/c/", "a"],
            &["a/b", "a/b/c"],
            &["a", "a/b/c/"],
            &["a", "b==a", "b"],
        ] {
            assert!(!are_taken(refused), "{refused:?}");
        }
    }

    #[test]
    fn a_hard_link_is_to_a_file_that_has_come_or_to_a_further_name_of_one() {
        assert!(are_taken(&["a", "b==a", "c/d==b", "e==c/d"]));
        for refused in [
            &["b==a"][..],
            &["b==a", "a"],
            &["a/", "b==a"],
            &["a/c", "b==a"],
            &["a", "b==a/c"],
            &["a/b==a"],
            &["c", "a==b", "b==c"],
        ] {
            assert!(!are_taken(refused), "{refused:?}");
        }
    }

    #[test]
    fn a_hard_link_is_not_refused_for_a_name_that_was_not_kept() {
        let mut names = Names::default();
        names.directories.insert(names.hasher.hash_one(&b"directory"[..]));
        names.others.extend(0..MOST_NAMES as u64 - 2);
        assert!(!is_taken(&mut names, "a==late"));
        assert!(is_taken(&mut names, "last"));
        assert!(!names.has_room());
        assert!(is_taken(&mut names, "late"));
        assert!(is_taken(&mut names, "a==late"));
        assert!(!is_taken(&mut names, "b==directory"));
    }
}
