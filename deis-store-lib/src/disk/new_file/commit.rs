//! A file that is whole gets its mode, its time and its name.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::SystemTime;

use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::{Committed, Dropped, NewFile};
use crate::disk::descend::component;
use crate::disk::metadata::Kind;
use crate::disk::root::{NO_FILE, Root, SYMLINK};
use crate::error::{At, Error, ErrorKind, Result};
use crate::key_path::TAKEN;

impl NewFile {
    /// Gives it its mode, its time and its name; with `durable`, it survives a crash from then on.
    pub(crate) fn commit(self, mode: u32, modified: Option<SystemTime>, durable: bool) -> Result<Committed> {
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

    /// Writes these bytes, which are all of them, and commits it durably as a file of ours (0600).
    pub(crate) fn commit_with(mut self, bytes: &[u8]) -> Result<Committed> {
        self.write_all(bytes).map_err(|error| self.write_error(error))?;
        self.commit(0o600, None, true)
    }

    /// Gives it its mode, its time and the very name that it was begun with; unless it `replaces`, only if nothing has
    /// that name by then.
    pub(crate) fn commit_as_named(
        self,
        mode: u32,
        modified: Option<SystemTime>,
        replaces: bool,
    ) -> Result<()> {
        self.set(mode, modified)?;
        let named = self.named_by(|file| {
            file.parent.check_name_for_file(&file.name, replaces)?;
            let renamed = if replaces { file.rename_to(&file.name) } else { file.rename_to_free() };
            match renamed {
                Ok(()) => Ok(file.name.clone()),
                Err(Errno::EXIST | Errno::ISDIR | Errno::NOTEMPTY) => Err(file.parent.taken(&file.name)),
                Err(error) => Err(file.parent.failed("rename to", &file.name, error)),
            }
        });
        named.map(drop)
    }

    /// The same where nothing is replaced, and it survives a crash from then on.
    pub(crate) fn commit_durably_as_named(self, mode: u32) -> Result<()> {
        self.set(mode, None)?;
        self.sync()?;
        let parent = self.parent.clone();
        self.commit_as_named(mode, None, false)?;
        parent.sync()
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
    pub(in crate::disk) fn name_it(self) -> Result<Committed> {
        self.named_by(Self::rename)
    }

    fn named_by(mut self, rename: impl FnOnce(&Self) -> Result<String>) -> Result<Committed> {
        self.still_ours().inspect_err(|_| self.dropped = Dropped::Untouched)?;
        let name = rename(&self)?;
        self.dropped = Dropped::Untouched;
        let mut path = std::mem::take(&mut self.directories);
        path.push(name);
        let committed = Committed { path, size_bytes: self.size_bytes, sha256: self.sha256() };
        if let Some(on_commit) = self.on_commit.take() {
            on_commit(&committed);
        }
        Ok(committed)
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
    /// Gives it its name if nothing has it. The file system decides that, in one call, where it can.
    pub(super) fn rename_to_free(&self) -> Result<(), Errno> {
        #[cfg(any(target_os = "linux", target_vendor = "apple"))]
        match rustix::fs::renameat_with(
            &self.parent,
            &*self.temporary,
            &self.parent,
            &*self.name,
            rustix::fs::RenameFlags::NOREPLACE,
        ) {
            // Such as NFS.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            decided => return decided,
        }
        rustix::fs::linkat(&self.parent, &*self.temporary, &self.parent, &*self.name, AtFlags::empty())?;
        rustix::fs::unlinkat(&self.parent, &*self.temporary, AtFlags::empty())
    }
}

impl Root {
    /// Whether a file can get this name here: none that is taken, unless it is by a file that may be replaced.
    pub(crate) fn check_name_for_file(&self, name: &str, replaces: bool) -> Result<()> {
        match self.kind_here(component(name)?)? {
            None => Ok(()),
            Some(Kind::File) if replaces => Ok(()),
            Some(Kind::Symlink) if replaces => Err(self.unexpected_entry(name, SYMLINK)),
            Some(Kind::Other) if replaces => Err(self.unexpected_entry(name, NO_FILE)),
            Some(_) => Err(self.taken(name)),
        }
    }

    fn taken(&self, name: &str) -> Error {
        Error::new(ErrorKind::Occupied, "the name is taken")
            .at(At::Path, self.path().join(name).display())
            .todo("name another file, or allow it to replace this one")
    }
}
