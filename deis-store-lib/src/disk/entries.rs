//! The names in a directory, and what each one names.

use std::ffi::{CStr, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::FileType;
use rustix::io::Errno;

use super::metadata::Kind;
use super::root::Root;
use crate::error::{Result, disk_error};

/// So many bytes of names are asked for at a time.
#[cfg(target_os = "linux")]
const LISTING_BYTES: usize = 32 << 10;

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// The name.
    pub(crate) name: OsString,
    /// The kind of thing that it names.
    pub(crate) kind: Kind,
}

impl Root {
    /// The names in it, sorted.
    pub(crate) fn list(&self) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        self.each_entry(|entry| {
            entries.push(entry);
            Ok(())
        })?;
        entries.sort_unstable();
        Ok(entries)
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> Result<bool> {
        let mut is_empty = true;
        self.each_entry(|_| {
            is_empty = false;
            Ok(())
        })?;
        Ok(is_empty)
    }

    /// Calls `each` for the names in it, which come as the file system has them, so that none is held.
    pub(crate) fn each_entry(&self, mut each: impl FnMut(Entry) -> Result<()>) -> Result<()> {
        let failed = |error: Errno| disk_error("list", self.path().display(), error.into());
        let mut named = |name: &CStr, file_type| {
            let name = OsStr::from_bytes(name.to_bytes());
            if name == "." || name == ".." {
                return Ok(());
            }
            let kind = match file_type {
                FileType::Unknown => self.kind_here(name)?,
                known => Some(Kind::from(known)),
            };
            kind.map_or(Ok(()), |kind| each(Entry { name: name.to_owned(), kind }))
        };
        // To open it anew for that costs as much as to read a small one.
        #[cfg(target_os = "linux")]
        {
            let _alone = self.alone();
            rustix::fs::seek(self, rustix::fs::SeekFrom::Start(0)).map_err(failed)?;
            let mut buffer = Vec::with_capacity(LISTING_BYTES);
            let mut entries = rustix::fs::RawDir::new(self, buffer.spare_capacity_mut());
            while let Some(entry) = entries.next() {
                let entry = entry.map_err(failed)?;
                named(entry.file_name(), entry.file_type())?;
            }
        }
        #[cfg(not(target_os = "linux"))]
        for entry in rustix::fs::Dir::read_from(self).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            named(entry.file_name(), entry.file_type())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_listed_is_sorted_and_known_by_kind() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        std::fs::write(directory.path().join("b"), "").unwrap();
        std::fs::create_dir(directory.path().join("a")).unwrap();
        symlink("a", directory.path().join("c")).unwrap();
        let kinds: Vec<_> = root.list().unwrap().into_iter().map(|entry| entry.kind).collect();
        assert_eq!(kinds, [Kind::Directory, Kind::File, Kind::Symlink]);
        assert_eq!(root.kind(&["a"]).unwrap(), Some(Kind::Directory));
        assert_eq!(root.kind(&["a", "x"]).unwrap(), None);
        assert_eq!(root.kind(&["x", "y"]).unwrap(), None);
    }
}
