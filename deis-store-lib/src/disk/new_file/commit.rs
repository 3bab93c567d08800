//! A file that is whole gets its mode, its time and its name.

use std::fs::{File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::SystemTime;

use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::{Committed, Dropped, NewFile};
use crate::disk::metadata::Kind;
use crate::disk::root::{NO_FILE, Root, SYMLINK};
use crate::error::Result;
use crate::key_path::TAKEN;

impl NewFile {
    /// Gives it its mode, its time and its name; with `durable`, it survives a crash from then on.
    pub fn commit(self, mode: u32, modified: Option<SystemTime>, durable: bool) -> Result<Committed> {
        self.set(mode, modified)?;
        if !durable {
            return self.name_it();
        }
        self.sync()?;
        let parent = self.parent.clone();
        let committed = self.name_it()?;
        parent.sync()?;
        Ok(committed)
    }

    /// Gives it its mode and its time.
    pub(crate) fn set(&self, mode: u32, modified: Option<SystemTime>) -> Result<()> {
        let mode = Permissions::from_mode(mode);
        self.file.set_permissions(mode).map_err(|error| self.failed("set the mode of", error))?;
        let Some(modified) = modified else { return Ok(()) };
        self.file.set_modified(modified).map_err(|error| self.failed("set the time of", error))
    }

    /// Makes its bytes survive a crash.
    pub(in crate::disk) fn sync(&self) -> Result<()> {
        self.file.sync_all().map_err(|error| self.failed("sync", error))
    }

    /// The directory it is in, and the number of its file system.
    pub(in crate::disk) fn file_system(&self) -> Result<(&Root, u64)> {
        let metadata = self.file.metadata().map_err(|error| self.failed("look at", error))?;
        Ok((&self.parent, metadata.dev()))
    }

    /// Gives it its name.
    pub(in crate::disk) fn name_it(mut self) -> Result<Committed> {
        self.still_ours().inspect_err(|_| self.dropped = Dropped::Untouched)?;
        let name = self.rename()?;
        self.dropped = Dropped::Untouched;
        let mut path = std::mem::take(&mut self.directories);
        path.push(name);
        let committed = Committed { path, size_bytes: self.size_bytes, sha256: self.sha256() };
        if let Some(on_commit) = self.on_commit.take() {
            on_commit(&committed);
        }
        Ok(committed)
    }

    /// Makes its temporary name a link of another file.
    pub(in crate::disk) fn replace_by_link(&self, from: &Root, name: &str) -> Result<(), Errno> {
        rustix::fs::unlinkat(&self.parent, &*self.temporary, AtFlags::empty())?;
        // It follows no symlink; the caller compares the inode.
        rustix::fs::linkat(from, name, &self.parent, &*self.temporary, AtFlags::empty())
    }

    /// Gives its final name to the link of this very file.
    pub(in crate::disk) fn commit_link(mut self, original: File) -> Result<Vec<String>> {
        self.file = original;
        self.still_ours()?;
        let name = self.rename()?;
        let mut path = std::mem::take(&mut self.directories);
        path.push(name);
        // Not committed: if the final name was a link of the same file already, the rename has left the temporary one,
        // which dropping removes.
        Ok(path)
    }

    fn rename(&self) -> Result<String> {
        let later = format!("{}{TAKEN}", self.name);
        let mut name = match self.parent.kind_here(&later)? {
            Some(Kind::File) => &later,
            Some(Kind::Directory) | None => &self.name,
            Some(Kind::Symlink) => return Err(self.parent.unexpected_entry(&later, SYMLINK)),
            Some(Kind::Other) => return Err(self.parent.unexpected_entry(&later, NO_FILE)),
        };
        if name == &self.name {
            match self.parent.kind_here(name)? {
                Some(Kind::Symlink) => return Err(self.parent.unexpected_entry(name, SYMLINK)),
                Some(Kind::Other) => return Err(self.parent.unexpected_entry(name, NO_FILE)),
                Some(Kind::Directory) => name = &later,
                Some(Kind::File) | None => (),
            }
        }
        match self.rename_to(name) {
            // A directory was made there in the meantime.
            Err(Errno::ISDIR | Errno::EXIST | Errno::NOTEMPTY) if name == &self.name => {
                name = &later;
                self.rename_to(name)
            }
            other => other,
        }
        .map_err(|error| self.parent.failed("rename to", name, error))?;
        Ok(name.clone())
    }

    fn rename_to(&self, name: &str) -> Result<(), Errno> {
        rustix::fs::renameat(&self.parent, &*self.temporary, &self.parent, name)
    }
}
