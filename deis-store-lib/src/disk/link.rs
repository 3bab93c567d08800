//! A file that another snapshot has already: shared where the file system can, else cloned or copied.

use std::borrow::Borrow;
use std::fs::File;

use rustix::io::Errno;

use super::root::Root;
use crate::error::{Result, disk_error};

impl Root {
    /// Puts the object's file, which another root has under `path`, here too, and says at which path. The two share
    /// one inode, so that nobody may ever edit it; with too many links, across file systems or where links are not
    /// allowed it is a copy. That the file is still the one that is meant is its caller's to see first.
    pub fn link_object<S: Borrow<str>>(&self, key: &str, source: &Self, path: &[S]) -> Result<Vec<String>> {
        let original = source.open_file(path)?;
        let (from, name) = source.parent(path)?;
        let new_file = self.new_object(key, "")?;
        match new_file.replace_by_link(&from, name) {
            Ok(()) => new_file.commit_link(original),
            Err(Errno::MLINK | Errno::XDEV | Errno::PERM | Errno::NOTSUP | Errno::NOSYS) => {
                drop(new_file);
                self.copy(key, original)
            }
            Err(error) => Err(from.failed("link", name, error)),
        }
    }

    fn copy(&self, key: &str, mut original: File) -> Result<Vec<String>> {
        let mut new_file = self.new_object(key, "")?;
        if !new_file.clone_of(&original) {
            std::io::copy(&mut original, &mut new_file).map_err(|error| new_file.write_error(error))?;
        }
        let modified = original.metadata().and_then(|metadata| metadata.modified());
        let modified = modified.map_err(|error| disk_error("look at", key, error))?;
        new_file.commit(0o400, Some(modified), false).map(|committed| committed.path)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::MetadataExt;
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::error::ErrorKind;

    fn object(root: &Root, key: &str) {
        let mut file = root.new_object(key, "").unwrap();
        file.write_all(key.as_bytes()).unwrap();
        file.commit(0o400, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(7)), false).unwrap();
    }

    #[test]
    fn an_object_is_shared_and_keeps_nothing_temporary() {
        let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (from, to) = (Root::open(old.path()).unwrap(), Root::open(new.path()).unwrap());
        object(&from, "d/k");
        object(&to, "d");
        // The second time, old and new are one inode already, which a rename leaves as it is.
        for _ in 0..2 {
            assert_eq!(to.link_object("d/k", &from, &["d", "k"]).unwrap(), ["d%+", "k"]);
            assert_eq!(to.subdirectory("d%+", false).unwrap().list().unwrap().len(), 1);
        }
        let inode = |path: std::path::PathBuf| path.metadata().unwrap().ino();
        assert_eq!(inode(old.path().join("d/k")), inode(new.path().join("d%+/k")));
    }

    #[test]
    fn a_symlink_is_not_shared() {
        let directory = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", directory.path().join("k")).unwrap();
        let root = Root::open(directory.path()).unwrap();
        assert_eq!(root.link_object("l", &root, &["k"]).unwrap_err().kind(), ErrorKind::Occupied);
        assert_eq!(root.list().unwrap().len(), 1);
    }
}
