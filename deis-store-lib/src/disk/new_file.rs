//! A file that is being written: under a temporary name in its directory until it is whole and committed.
//!
//! Nothing else opens a file for writing, and this never opens a final name. The file is locked while it is written: who
//! has the lock of the file that a temporary name names, and nobody else, renames or removes that name.

use std::fs::{File, Metadata, Permissions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::SystemTime;

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use sha2::Digest;

use super::digest::Sha256;
use super::key_path::TAKEN;
use super::link::link;
use super::pieces::each_piece;
use super::root::{Kind, NO_FILE, Root, SYMLINK};
use super::writer::Tap;
use crate::error::{Error, ErrorKind, Result, disk_error};

/// The block of MD5 and of SHA-256.
const BLOCK_BYTES: usize = 64;

/// A file that is being written. Dropped without [`NewFile::commit`], it is removed, or stays for the next run if it was
/// begun so.
pub struct NewFile {
    parent: Root,
    directories: Vec<String>,
    name: String,
    temporary: String,
    file: File,
    size_bytes: u64,
    sha256: Option<sha2::Sha256>,
    on_commit: Option<OnCommit>,
    dropped: Dropped,
}

/// What becomes of the temporary name when the file is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dropped {
    Removed,
    /// It stays for the next run, unless it is empty.
    Stays,
    /// It is not ours, or not there any more.
    Untouched,
}

type OnCommit = Box<dyn FnOnce(&Committed) + Send>;

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The components of its path below the root it was begun in: those that were asked for, some with `%+`.
    pub path: Vec<String>,
    /// Its size.
    pub size_bytes: u64,
    /// Its digest, unless it was begun without.
    pub sha256: Option<Sha256>,
}

impl NewFile {
    pub(super) fn create(
        parent: Root,
        directories: Vec<String>,
        name: String,
        temporary: String,
    ) -> Result<Self> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || rustix::fs::openat(&parent, &*temporary, flags, Mode::RUSR | Mode::WUSR);
        let file = match open() {
            // What a crash has left is of no use to anybody.
            Err(Errno::EXIST) => {
                parent.remove_unlocked(&temporary, || other_run(&parent, &name))?;
                open()
            }
            other => other,
        }
        .map_err(|error| parent.failed("write", &name, error))?;
        let mut file = Self::of(parent, directories, name, temporary, File::from(file));
        file.lock()?;
        file.dropped = Dropped::Removed;
        Ok(file)
    }

    fn of(parent: Root, directories: Vec<String>, name: String, temporary: String, file: File) -> Self {
        let (size_bytes, sha256, on_commit) = (0, Some(sha2::Sha256::new()), None);
        let dropped = Dropped::Untouched;
        Self { parent, directories, name, temporary, file, size_bytes, sha256, on_commit, dropped }
    }

    /// Opens what an earlier run has left under the temporary name, or creates it; it stays if it is dropped.
    ///
    /// Where the file system has no locks, what was left is not touched but created anew, and stays for nobody.
    pub(super) fn resume(
        parent: Root,
        directories: Vec<String>,
        name: String,
        temporary: String,
    ) -> Result<Self> {
        // Without NONBLOCK, a planted pipe would wait for its other end for ever.
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let left = match rustix::fs::openat(&parent, &*temporary, flags, Mode::empty()) {
            Ok(file) => Some(File::from(file)),
            Err(_) => None,
        };
        // What is another user's could be changed by that user after it was checked.
        let ours = |facts: Metadata| {
            facts.is_file() && facts.nlink() == 1 && facts.uid() == rustix::process::geteuid().as_raw()
        };
        let left = left.filter(|left| left.metadata().is_ok_and(ours));
        let mut file = match left {
            Some(left) => Self::of(parent, directories, name, temporary, left),
            None => Self::create(parent, directories, name, temporary)?,
        };
        file.dropped = Dropped::Untouched;
        if file.lock()? {
            file.dropped = Dropped::Stays;
            return Ok(file);
        }
        let directories = std::mem::take(&mut file.directories);
        Self::create(file.parent.clone(), directories, file.name.clone(), file.temporary.clone())
    }

    /// Locks it, so that its temporary name is this run's to rename and to remove. False where the file system has no
    /// locks.
    fn lock(&self) -> Result<bool> {
        match rustix::fs::flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
            // Whoever had the lock may have given the file its name since it was opened, or removed it.
            Ok(()) => self.still_ours().map(|()| true),
            Err(Errno::WOULDBLOCK) => Err(other_run(&self.parent, &self.name)),
            Err(_) => Ok(false),
        }
    }

    /// How many bytes an earlier run has left, which are not hashed yet.
    pub fn left_bytes(&self) -> Result<u64> {
        let facts = self.file.metadata().map_err(|error| self.failed("look at", error))?;
        Ok(facts.len() - self.size_bytes.min(facts.len()))
    }

    /// Reads what an earlier run has left, shows it to somebody, and goes on behind it.
    pub fn reread(&mut self, tap: &mut impl Tap) -> Result<()> {
        let reading = self.file.try_clone();
        let read = reading.and_then(|mut file| each_piece(&mut file, |piece| self.hash(piece, tap)));
        read.map(drop).map_err(|error| self.failed("read", error))
    }

    /// Throws away what is in it.
    pub fn empty(&mut self) -> Result<()> {
        (self.size_bytes, self.sha256) = (0, self.sha256.take().map(|_| sha2::Sha256::new()));
        let emptied = self.file.set_len(0).and_then(|()| self.file.rewind());
        emptied.map_err(|error| self.failed("empty", error))
    }

    /// Removes it, also if it would have stayed.
    pub fn discard(mut self) {
        self.dropped = Dropped::Removed;
    }

    /// The same without a digest, for whoever wants none: it is a good part of what a file costs.
    #[must_use]
    pub fn without_digest(mut self) -> Self {
        self.sha256 = None;
        self
    }

    /// How many bytes were written so far.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The digest of the bytes written so far, unless it was begun without.
    #[must_use]
    pub fn sha256(&self) -> Option<Sha256> {
        self.sha256.clone().map(|sha256| Sha256(sha256.finalize().into()))
    }

    /// Our error of an error while writing.
    #[must_use]
    pub fn write_error(&self, error: io::Error) -> Error {
        self.failed("write", error)
    }

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
    pub(super) fn sync(&self) -> Result<()> {
        self.file.sync_all().map_err(|error| self.failed("sync", error))
    }

    /// The directory it is in, and the number of its file system.
    pub(super) fn file_system(&self) -> Result<(&Root, u64)> {
        let facts = self.file.metadata().map_err(|error| self.failed("look at", error))?;
        Ok((&self.parent, facts.dev()))
    }

    /// Gives it its name.
    pub(super) fn name_it(mut self) -> Result<Committed> {
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
    pub(super) fn replace_by_link(&self, from: &Root, name: &str) -> Result<(), Errno> {
        rustix::fs::unlinkat(&self.parent, &*self.temporary, AtFlags::empty())?;
        link(from, name, &self.parent, &self.temporary)
    }

    /// Gives its final name to the link of this very file.
    pub(super) fn commit_link(mut self, original: File) -> Result<Vec<String>> {
        self.file = original;
        self.still_ours()?;
        let name = self.rename()?;
        let mut path = std::mem::take(&mut self.directories);
        path.push(name);
        // Not committed: if the final name was a link of the same file already, the rename has left the temporary one,
        // which dropping removes.
        Ok(path)
    }

    /// Makes it a clone that shares the bytes of another file, if the file system can. Its digest is not known then.
    pub(super) fn clone_of(&self, original: &File) -> bool {
        #[cfg(target_os = "linux")]
        return rustix::fs::ioctl_ficlone(&self.file, original).is_ok();
        #[cfg(not(target_os = "linux"))]
        return false;
    }

    pub(crate) fn on_commit(&mut self, on_commit: impl FnOnce(&Committed) + Send + 'static) {
        self.on_commit = Some(Box::new(on_commit));
    }

    /// Another run that writes the same file takes our temporary name away, and would have its half renamed by us.
    fn still_ours(&self) -> Result<()> {
        let ours = self.file.metadata().map_err(|error| self.failed("look at", error))?;
        match rustix::fs::statat(&self.parent, &*self.temporary, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(there) if (there.st_dev, there.st_ino) == (ours.dev(), ours.ino()) => Ok(()),
            Ok(_) | Err(Errno::NOENT) => Err(other_run(&self.parent, &self.name)),
            Err(error) => Err(self.parent.failed("look at", &self.temporary, error)),
        }
    }

    fn rename(&self) -> Result<String> {
        let later = format!("{}{TAKEN}", self.name);
        let mut name = match self.parent.kind_here(&later)? {
            Some(Kind::File) => &later,
            Some(Kind::Directory) | None => &self.name,
            Some(Kind::Symlink) => return Err(self.parent.stranger(&later, SYMLINK)),
            Some(Kind::Other) => return Err(self.parent.stranger(&later, NO_FILE)),
        };
        if name == &self.name {
            match self.parent.kind_here(name)? {
                Some(Kind::Symlink) => return Err(self.parent.stranger(name, SYMLINK)),
                Some(Kind::Other) => return Err(self.parent.stranger(name, NO_FILE)),
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

    fn failed(&self, what: &str, error: io::Error) -> Error {
        disk_error(what, self.parent.path().join(&self.name).display(), error)
    }
}

fn other_run(parent: &Root, name: &str) -> Error {
    Error::new(ErrorKind::Locked, "another run writes the same file")
        .at("path", parent.path().join(name).display())
        .todo("let one of the two end first")
}

impl NewFile {
    /// Writes these bytes and shows them to somebody.
    pub(super) fn write_tapped(&mut self, bytes: &[u8], tap: &mut impl Tap) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hash(bytes, tap);
        Ok(())
    }

    /// The two digests of a downloaded object do not depend on each other, so a processor works on both at once if they
    /// get their blocks in turn: SHA-256 then costs next to nothing beside MD5.
    fn hash(&mut self, bytes: &[u8], tap: &mut impl Tap) {
        if let Some(sha256) = &mut self.sha256 {
            let begun = usize::try_from(self.size_bytes % BLOCK_BYTES as u64).unwrap_or(0);
            let (end_of_block, blocks) = bytes.split_at(bytes.len().min((BLOCK_BYTES - begun) % BLOCK_BYTES));
            for block in std::iter::once(end_of_block).chain(blocks.chunks(BLOCK_BYTES)) {
                tap.bytes(block);
                sha256.update(block);
            }
        } else {
            tap.bytes(bytes);
        }
        self.size_bytes += bytes.len() as u64;
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(&bytes[..written]);
        }
        self.size_bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        let remove = match self.dropped {
            Dropped::Removed => true,
            Dropped::Stays => self.file.metadata().is_ok_and(|facts| facts.len() == 0),
            Dropped::Untouched => false,
        };
        if remove {
            // Nobody is left to be told, and the next run removes it too.
            let _ = rustix::fs::unlinkat(&self.parent, &*self.temporary, AtFlags::empty());
        }
    }
}

impl std::fmt::Debug for NewFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewFile")
            .field("name", &self.name)
            .field("size_bytes", &self.size_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    use super::*;
    use crate::disk::{Entry, decode, encode, partial_name};

    fn root() -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        (directory, root)
    }

    fn write(root: &Root, key: &str) -> Committed {
        let mut file = root.new_object(key, "").unwrap();
        file.write_all(key.as_bytes()).unwrap();
        file.commit(0o400, None, false).unwrap()
    }

    fn read(root: &Root, path: &[String]) -> String {
        io::read_to_string(root.open_file(path).unwrap()).unwrap()
    }

    fn names(root: &Root) -> Vec<String> {
        root.list().unwrap().into_iter().map(|Entry { name, .. }| name.into_string().unwrap()).collect()
    }

    struct Seen(Vec<u8>);

    impl Tap for Seen {
        fn bytes(&mut self, bytes: &[u8]) {
            self.0.extend_from_slice(bytes);
        }
    }

    #[test]
    fn a_committed_file_has_its_bytes_mode_time_and_digest() {
        let (directory, root) = root();
        let mut file = root.new_file(&["d", "f"]).unwrap();
        file.write_all(b"abc").unwrap();
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_445_412_481);
        let committed = file.commit(0o400, Some(modified), true).unwrap();
        assert_eq!(
            committed,
            Committed { path: encode("d/f"), size_bytes: 3, sha256: Some(Sha256::of(b"abc")) }
        );
        let metadata = directory.path().join("d/f").metadata().unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o400);
        assert_eq!(metadata.modified().unwrap(), modified);
        assert_eq!(read(&root, &committed.path), "abc");
    }

    #[test]
    fn pieces_of_any_size_are_hashed_as_one() {
        let (_directory, root) = root();
        let bytes: Vec<u8> = (0..=255).cycle().take(5000).collect();
        let (mut file, mut seen) = (root.new_file(&["f"]).unwrap(), Seen(Vec::new()));
        let mut rest = bytes.as_slice();
        for size in [0, 1, 62, 1, 64, 63, 65, 128, 1000, 3616] {
            file.write_tapped(&rest[..size], &mut seen).unwrap();
            rest = &rest[size..];
        }
        assert!(rest.is_empty() && seen.0 == bytes);
        let committed = file.commit(0o400, None, false).unwrap();
        assert_eq!((committed.size_bytes, committed.sha256), (5000, Some(Sha256::of(&bytes))));
    }

    #[test]
    fn without_a_digest_the_bytes_are_written_and_shown_all_the_same() {
        struct Seen(Vec<u8>);
        impl Tap for Seen {
            fn bytes(&mut self, bytes: &[u8]) {
                self.0.extend_from_slice(bytes);
            }
        }
        let (_directory, root) = root();
        let (mut file, mut seen) = (root.new_file(&["f"]).unwrap().without_digest(), Seen(Vec::new()));
        file.write_tapped(b"ab", &mut seen).unwrap();
        file.write_all(b"c").unwrap();
        let committed = file.commit(0o400, None, false).unwrap();
        assert_eq!(committed, Committed { path: encode("f"), size_bytes: 3, sha256: None });
        assert_eq!((read(&root, &committed.path).as_str(), seen.0.as_slice()), ("abc", &b"ab"[..]));
    }

    #[test]
    fn until_it_is_committed_nothing_has_the_final_name_and_dropping_leaves_nothing() {
        let (_directory, root) = root();
        let mut file = root.new_file(&["f"]).unwrap();
        file.write_all(b"half").unwrap();
        assert_eq!(names(&root), [partial_name("f", "")]);
        drop(file);
        assert!(names(&root).is_empty());
    }

    #[test]
    fn what_a_crash_left_does_not_block() {
        let (directory, root) = root();
        std::fs::write(directory.path().join(partial_name("k", "")), "left by a crash").unwrap();
        assert_eq!(read(&root, &write(&root, "k").path), "k");
        symlink("/etc/passwd", directory.path().join(partial_name("l", ""))).unwrap();
        assert_eq!(read(&root, &write(&root, "l").path), "l");
        assert_eq!(names(&root), ["k", "l"]);
    }

    #[test]
    fn an_older_file_stays_whole_until_it_is_replaced() {
        let (_directory, root) = root();
        write(&root, "k");
        let mut file = root.new_object("k", "").unwrap();
        file.write_all(b"new").unwrap();
        assert_eq!(read(&root, &encode("k")), "k");
        file.commit(0o600, None, false).unwrap();
        assert_eq!(read(&root, &encode("k")), "new");
    }

    #[test]
    fn two_writers_of_one_file_never_commit_a_half() {
        let (_directory, root) = root();
        let mut first = root.new_object("k", "").unwrap();
        first.write_all(b"ha").unwrap();
        assert_eq!(root.new_object("k", "").unwrap_err().kind(), ErrorKind::Locked);
        first.write_all(b"lf").unwrap();
        first.commit(0o600, None, false).unwrap();
        assert_eq!((names(&root), read(&root, &encode("k"))), (vec!["k".to_owned()], "half".to_owned()));
    }

    #[test]
    fn where_another_one_has_taken_the_temporary_name_away_nothing_is_committed_or_removed() {
        let (directory, root) = root();
        let first = root.new_object("k", "").unwrap();
        let temporary = directory.path().join(partial_name("k", ""));
        std::fs::remove_file(&temporary).unwrap();
        std::fs::write(&temporary, "another's").unwrap();
        assert_eq!(first.commit(0o600, None, false).unwrap_err().kind(), ErrorKind::Locked);
        assert_eq!(std::fs::read_to_string(temporary).unwrap(), "another's");
    }

    const ETAG: &str = "900150983cd24fb0d6963f7d28e17f72";

    #[test]
    fn what_a_run_has_left_is_gone_on_with_by_the_next_one() {
        let (_directory, root) = root();
        let mut first = root.resume_object("d/k", ETAG).unwrap();
        first.write_all(b"a").unwrap();
        drop(first);
        assert_eq!(root.kind(&["d", "k"]).unwrap(), None);

        let mut seen = Seen(Vec::new());
        let mut second = root.resume_object("d/k", ETAG).unwrap();
        assert_eq!(second.left_bytes().unwrap(), 1);
        second.reread(&mut seen).unwrap();
        second.write_tapped(b"bc", &mut seen).unwrap();
        assert_eq!(second.left_bytes().unwrap(), 0);
        let committed = second.commit(0o600, None, false).unwrap();
        assert_eq!((committed.sha256, seen.0.as_slice()), (Some(Sha256::of(b"abc")), &b"abc"[..]));
        assert_eq!(read(&root, &committed.path), "abc");
        assert_eq!(names(&root.subdirectory("d", false).unwrap()), ["k"]);
    }

    #[test]
    fn what_was_left_is_of_no_use_for_other_bytes_and_can_be_thrown_away() {
        let (_directory, root) = root();
        root.resume_object("k", ETAG).unwrap().write_all(b"left").unwrap();
        let other = root.resume_object("k", &ETAG.replace('9', "8")).unwrap();
        assert_eq!(other.left_bytes().unwrap(), 0);
        drop(other);
        assert_eq!(names(&root), [partial_name("k", ETAG)], "an empty one does not stay");
        let mut again = root.resume_object("k", ETAG).unwrap();
        again.empty().unwrap();
        again.write_all(b"new").unwrap();
        again.commit(0o600, None, false).unwrap();
        assert_eq!(read(&root, &encode("k")), "new");
        root.resume_object("l", ETAG).unwrap().write_all(b"left").unwrap();
        root.resume_object("l", ETAG).unwrap().discard();
        assert_eq!(names(&root), ["k"]);
    }

    #[test]
    fn two_runs_never_write_to_the_same_half() {
        let (_directory, root) = root();
        let mut first = root.resume_object("k", ETAG).unwrap();
        first.write_all(b"half").unwrap();
        assert_eq!(root.resume_object("k", ETAG).unwrap_err().kind(), ErrorKind::Locked);
        first.write_all(b" and half").unwrap();
        first.commit(0o600, None, false).unwrap();
        assert_eq!(read(&root, &encode("k")), "half and half");
    }

    #[test]
    fn what_is_planted_where_the_half_would_be_is_replaced_and_not_written_to() {
        let (directory, root) = root();
        let (half, other) = (directory.path().join(partial_name("k", ETAG)), directory.path().join("other"));
        std::fs::write(&other, "other").unwrap();
        for plant in [symlink::<_, _> as fn(_, _) -> _, |other, half| std::fs::hard_link(other, half)] {
            plant(other.clone(), half.clone()).unwrap();
            let mut file = root.resume_object("k", ETAG).unwrap();
            file.write_all(b"new").unwrap();
            file.commit(0o600, None, false).unwrap();
            assert_eq!(std::fs::read_to_string(&other).unwrap(), "other");
        }
    }

    #[test]
    fn a_planted_symlink_at_the_target_is_neither_followed_nor_replaced() {
        let (directory, root) = root();
        symlink("/etc/passwd", directory.path().join("k")).unwrap();
        let error = root.new_object("k", "").unwrap().commit(0o600, None, false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Guard);
        assert_eq!(names(&root), ["k"]);
    }

    #[test]
    fn whichever_comes_later_of_file_and_directory_takes_the_suffix_and_keeps_it() {
        for (keys, paths) in [
            (["a", "a/b", "a/b/c"], ["a", "a%+/b", "a%+/b%+/c"]),
            (["a/b/c", "a/b", "a"], ["a/b/c", "a/b%+", "a%+"]),
            (["d/", "d//x", "d"], ["d/%-", "d/%-%+/x", "d%+"]),
        ] {
            let (_directory, root) = root();
            // The second time everything is found where it was put.
            for _ in 0..2 {
                for (key, path) in keys.iter().zip(paths) {
                    let committed = write(&root, key);
                    assert_eq!(committed.path.join("/"), path);
                    assert_eq!(decode(&committed.path).as_deref(), Some(*key));
                }
            }
            for (key, path) in keys.iter().zip(paths) {
                let path: Vec<_> = path.split('/').map(str::to_owned).collect();
                assert_eq!(read(&root, &path), *key);
            }
        }
    }

    #[test]
    fn a_directory_made_while_the_file_was_written_gives_it_the_suffix() {
        let (_directory, root) = root();
        let file = root.new_object("a", "").unwrap();
        write(&root, "a/b");
        assert_eq!(file.commit(0o400, None, false).unwrap().path, ["a%+"]);
    }

    #[test]
    fn the_longest_name_with_suffix_fits() {
        let (_directory, root) = root();
        let key = "x".repeat(240);
        write(&root, &format!("{key}/y"));
        assert_eq!(write(&root, &key).path, [format!("{key}%+")]);
    }
}
