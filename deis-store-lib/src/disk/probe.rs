//! Whether a file system keeps names as they are given: without that, two keys would become one file.

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::root::Root;
use crate::error::{At, Error, ErrorKind, Result};

/// The directory that the probe makes and removes. No key makes such a name.
pub(crate) const PROBE_NAME: &str = "%part.probe";

/// Refuses a file system that folds case, normalises Unicode or does not take the names that keys become.
pub(crate) fn probe(root: &Root) -> Result<()> {
    let directory = root.subdirectory(PROBE_NAME, true)?;
    let findings = look(&directory);
    for name in PAIRS.map(|(one, _, _)| one.to_owned()).into_iter().chain([hardest()]) {
        // Those that the file system does not take are not there.
        let _ = directory.remove_file(&name);
    }
    match rustix::fs::unlinkat(root, PROBE_NAME, AtFlags::REMOVEDIR) {
        // Somebody may have put something into it.
        Ok(()) | Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOENT) => {}
        Err(error) => return Err(root.failed("remove", PROBE_NAME, error)),
    }
    match findings? {
        None => Ok(()),
        Some(finding) => Err(Error::new(ErrorKind::Unsupported, format!("the file system {finding}"))
            .at(At::Path, root.path().display())
            .todo("choose a directory on another one, such as ext4 or XFS")),
    }
}

/// Names that must be kept apart, and what a file system does that does not.
const PAIRS: [(&str, &str, &str); 3] = [
    ("%case-a", "%CASE-A", "folds case: the keys `a` and `A` would become one file"),
    ("%n-\u{e9}", "%n-e\u{301}", "normalises Unicode: two keys that look alike would become one file"),
    ("%dot", "%dot.", "drops a dot at the end of a name: two keys would become one file"),
];

fn look(directory: &Root) -> Result<Option<&'static str>> {
    for (one, other, finding) in PAIRS {
        if !touch(directory, one)? {
            return Ok(Some("does not take all names that keys have"));
        }
        if directory.kind_here(other)?.is_some() || !is_listed(directory, one)? {
            return Ok(Some(finding));
        }
    }
    Ok((!touch(directory, &hardest())?).then_some("does not take all names of 250 bytes"))
}

fn hardest() -> String {
    format!("\\:*?\"<>| %+{}", "\u{20ac}".repeat(79))
}

/// Makes an empty file; false if the file system does not take its name.
fn touch(directory: &Root, name: &str) -> Result<bool> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(directory, name, flags, Mode::RUSR | Mode::WUSR) {
        Ok(_) => Ok(true),
        Err(Errno::NAMETOOLONG | Errno::INVAL | Errno::ILSEQ) => Ok(false),
        Err(error) => Err(directory.failed("write", name, error)),
    }
}

/// Some file systems find a name by any spelling but keep one of their own.
fn is_listed(directory: &Root, name: &str) -> Result<bool> {
    Ok(directory.list()?.iter().any(|entry| entry.name == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_that_keeps_names_passes_and_nothing_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        probe(&root).unwrap();
        assert!(root.list().unwrap().is_empty());
    }

    #[test]
    fn names_that_mean_the_same_file_are_a_finding() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        // As a file system that folds case would answer: the other spelling is there too.
        for (_, other, finding) in PAIRS {
            std::fs::write(directory.path().join(other), "").unwrap();
            assert_eq!(look(&root).unwrap(), Some(finding));
            std::fs::remove_file(directory.path().join(other)).unwrap();
        }
    }

    #[test]
    fn what_a_crashed_probe_left_does_not_block_but_cannot_be_what_it_was_not() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        std::fs::create_dir(directory.path().join(PROBE_NAME)).unwrap();
        std::fs::write(directory.path().join(PROBE_NAME).join("%case-a"), "").unwrap();
        probe(&root).unwrap();
        assert!(root.list().unwrap().is_empty());
        std::fs::create_dir(directory.path().join(PROBE_NAME)).unwrap();
        std::fs::write(directory.path().join(PROBE_NAME).join("mine"), "mine").unwrap();
        probe(&root).unwrap();
        let mine = directory.path().join(PROBE_NAME).join("mine");
        assert_eq!(std::fs::read_to_string(&mine).unwrap(), "mine");
        std::fs::remove_dir_all(directory.path().join(PROBE_NAME)).unwrap();
        std::fs::write(directory.path().join(PROBE_NAME), "").unwrap();
        assert_eq!(probe(&root).unwrap_err().kind(), ErrorKind::Occupied);
    }
}
