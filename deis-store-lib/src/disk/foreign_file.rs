//! A file of somebody else's becomes one of ours: its bytes are copied (the file system shares its extents if it can), or it
//! gets a further name. Others may write to it meanwhile, which is seen: what is wrong with it is a
//! [`SourceChanged`](ErrorKind::SourceChanged) error, and any other error is of our side.

use std::fs::File;
use std::io::{self, Read as _};
use std::time::SystemTime;

use bytes::Bytes;
use rustix::fs::{Mode, fchmod};
use sha2::Digest as _;

use super::descend::component;
use super::hard_link::link_new;
use super::metadata::{Identity, Metadata, found_open, last_touched};
use super::new_file::NewFile;
use super::read_chunks::CHUNK_BYTES;
use super::root::Root;
use super::tap::Tap;
use super::writer::Written;
use crate::error::{Error, ErrorKind, Result, Scope};
use crate::hash::Sha256;
use crate::key_path::encode;

/// A file of somebody else's, open for reading.
#[derive(Debug)]
pub(crate) struct ForeignFile {
    parent: Root,
    name: String,
    file: File,
    metadata: Metadata,
    identity: Identity,
    last_touched: SystemTime,
}

impl Root {
    /// Opens a file of somebody else's, through no symlink.
    pub(crate) fn foreign_file(&self, path: &[String]) -> Result<ForeignFile> {
        let opened = self.open_file(path).and_then(|file| Ok((file, self.parent(path)?)));
        let (file, (parent, name)) = opened.map_err(|error| match error.scope() {
            Scope::Run => error,
            _ => foreign(error.what()),
        })?;
        let (metadata, identity) = found_open(&file).map_err(|error| cannot_read(&error.into()))?;
        let last_touched = last_touched(&file).map_err(|error| cannot_read(&error.into()))?;
        Ok(ForeignFile { parent, name: component(name)?.to_owned(), file, metadata, identity, last_touched })
    }
}

impl ForeignFile {
    /// Its metadata when it was opened.
    pub(crate) fn metadata(&self) -> Metadata {
        self.metadata
    }

    /// Its bytes were not written later than this: the earlier one of its time, which anybody can set, and of the time at which
    /// anything of it was changed.
    pub(crate) fn last_written(&self) -> SystemTime {
        self.metadata.modified.min(self.last_touched)
    }

    /// Copies its bytes into a file that was begun, and shows them to the tap.
    pub(crate) fn copy<T: Tap>(
        &mut self,
        mut new_file: NewFile,
        mut tap: T,
        check: impl Fn() -> Result<()>,
    ) -> Result<Written<T>> {
        if new_file.share(&self.file) {
            // They are the source's bytes.
            new_file.reread(&mut tap).map_err(|error| foreign(error.what()))?;
        } else {
            self.each_chunk(check, |chunk| {
                new_file.write_tapped(chunk, &mut tap).map_err(|error| new_file.write_error(error))
            })?;
        }
        self.check_unchanged(new_file.size_bytes())?;
        Ok(Written { new_file, tap })
    }

    /// Gives it the name of an object below a directory, too, and takes away everybody's right to write to it. Nothing if it can
    /// have no further name there, or belongs to another user.
    pub(crate) fn link(&self, to: &Root, key: &str) -> Result<Option<Vec<String>>> {
        // Its owner could give the right to write back.
        if !self.is_ours() {
            return Ok(None);
        }
        let Some(path) = link_new((&self.parent, &self.name), to, &encode(key))? else { return Ok(None) };
        // What has the name now could be another file than the one that is open.
        if to.identity(&path) == Some(self.identity) && fchmod(&self.file, Mode::RUSR).is_ok() {
            return Ok(Some(path));
        }
        to.remove_at(&path)?;
        Ok(None)
    }

    fn is_ours(&self) -> bool {
        rustix::fs::fstat(&self.file).is_ok_and(|stat| stat.st_uid == rustix::process::geteuid().as_raw())
    }

    /// Reads all of its bytes and shows them to the tap; gives their digest.
    pub(crate) fn read<T: Tap>(&mut self, tap: &mut T, check: impl Fn() -> Result<()>) -> Result<Sha256> {
        let (mut sha256, mut size_bytes) = (sha2::Sha256::new(), 0);
        self.each_chunk(check, |chunk| {
            sha256.update(chunk);
            tap.chunk(chunk);
            size_bytes += chunk.len() as u64;
            Ok(())
        })?;
        self.check_unchanged(size_bytes)?;
        Ok(Sha256(sha256.finalize().into()))
    }

    fn each_chunk(
        &mut self,
        check: impl Fn() -> Result<()>,
        mut each: impl FnMut(&Bytes) -> Result<()>,
    ) -> Result<()> {
        let mut left_bytes = self.metadata.size_bytes;
        loop {
            check()?;
            // One byte more than it should have: so the end is seen, and nobody is followed who writes without end.
            let most = left_bytes.saturating_add(1).min(CHUNK_BYTES as u64);
            let mut chunk = Vec::with_capacity(usize::try_from(most).unwrap_or(CHUNK_BYTES));
            let count = (&mut self.file).take(most).read_to_end(&mut chunk);
            let count = count.map_err(|error| cannot_read(&error))? as u64;
            if count == 0 {
                return Ok(());
            }
            left_bytes = left_bytes.checked_sub(count).ok_or_else(changes)?;
            each(&Bytes::from(chunk))?;
        }
    }

    /// Whether it is as it was when it was opened. What is read of it later is not looked at.
    pub(crate) fn check_unchanged(&self, read_bytes: u64) -> Result<()> {
        let (metadata, _) = found_open(&self.file).map_err(|error| cannot_read(&error.into()))?;
        if metadata == self.metadata && read_bytes == metadata.size_bytes {
            return Ok(());
        }
        Err(changes())
    }

    /// A handle that reads it from where this one is.
    pub(crate) fn handle(&self) -> Result<File> {
        self.file.try_clone().map_err(|error| cannot_read(&error))
    }
}

fn changes() -> Error {
    foreign("it changes while it is read".to_owned())
}

fn cannot_read(error: &io::Error) -> Error {
    foreign(format!("it cannot be read: {error}"))
}

fn foreign(what: String) -> Error {
    Error::new(ErrorKind::SourceChanged, what)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::*;

    struct Place {
        scratch: tempfile::TempDir,
        from: Root,
        to: Root,
    }

    fn place() -> Place {
        let scratch = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| Root::create(scratch.path().join(name)).unwrap());
        std::fs::create_dir(scratch.path().join("from/d")).unwrap();
        std::fs::write(scratch.path().join("from/d/f"), "abc").unwrap();
        Place { scratch, from, to }
    }

    fn path() -> [String; 2] {
        ["d", "f"].map(str::to_owned)
    }

    #[test]
    fn a_copy_has_the_bytes_and_their_digest_and_is_another_file() {
        let place = place();
        let mut file = place.from.foreign_file(&path()).unwrap();
        let written = file.copy(place.to.new_object("k", "").unwrap(), (), || Ok(())).unwrap();
        assert_eq!(written.new_file.sha256(), Some(Sha256::of(b"abc")));
        let committed = written.new_file.commit(0o400, None, false).unwrap();
        assert_eq!((committed.path, committed.size_bytes), (vec!["k".to_owned()], 3));
        let inode = |path: &str| std::fs::metadata(place.scratch.path().join(path)).unwrap().ino();
        assert_ne!(inode("from/d/f"), inode("to/k"));
    }

    #[test]
    fn a_linked_file_is_the_same_one_and_nobody_may_write_to_it() {
        let place = place();
        let mut file = place.from.foreign_file(&path()).unwrap();
        assert_eq!(file.link(&place.to, "a/b").unwrap().unwrap(), ["a", "b"]);
        assert_eq!(file.read(&mut (), || Ok(())).unwrap(), Sha256::of(b"abc"));
        let [one, other] =
            ["from/d/f", "to/a/b"].map(|path| std::fs::metadata(place.scratch.path().join(path)).unwrap());
        assert_eq!((one.ino(), one.permissions().mode() & 0o777), (other.ino(), 0o400));
    }

    #[test]
    fn one_that_is_written_to_meanwhile_is_named_and_neither_copied_nor_read() {
        for writes in ["abcd", "ab", "abd"] {
            let place = place();
            let write = || {
                std::fs::write(place.scratch.path().join("from/d/f"), writes).unwrap();
                let later = SystemTime::now() + std::time::Duration::from_secs(9);
                let file = File::open(place.scratch.path().join("from/d/f")).unwrap();
                file.set_modified(later).unwrap();
                Ok(())
            };
            let mut file = place.from.foreign_file(&path()).unwrap();
            assert_eq!(file.read(&mut (), write).unwrap_err().kind(), ErrorKind::SourceChanged);
            let mut file = place.from.foreign_file(&path()).unwrap();
            write().unwrap();
            std::fs::write(place.scratch.path().join("from/d/f"), "and once more").unwrap();
            let copied = file.copy(place.to.new_object("k", "").unwrap(), (), || Ok(()));
            assert_eq!(copied.unwrap_err().kind(), ErrorKind::SourceChanged);
            assert_eq!(place.to.list().unwrap(), []);
        }
    }

    #[test]
    fn what_is_no_file_is_named_and_does_not_block() {
        let place = place();
        std::os::unix::fs::symlink("f", place.scratch.path().join("from/d/link")).unwrap();
        rustix::fs::mknodat(&place.from, "pipe", rustix::fs::FileType::Fifo, Mode::RWXU, 0).unwrap();
        for path in [&["d", "link"][..], &["pipe"], &["d"], &["not", "there"]] {
            let path: Vec<String> = path.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(
                place.from.foreign_file(&path).unwrap_err().kind(),
                ErrorKind::SourceChanged,
                "{path:?}"
            );
        }
    }
}
