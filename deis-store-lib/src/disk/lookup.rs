//! The metadata of what a path names, and the file that it names, for reading.

use std::borrow::Borrow;
use std::fs::File;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::metadata::{Identity, Kind, Metadata};
use super::root::{NO_FILE, Root, SYMLINK};
use crate::error::{ErrorKind, Result, disk_error};
use crate::key_path::{TAKEN, encode};

impl Root {
    /// The metadata of what a path names, through no symlink; nothing if it is not there.
    pub(crate) fn metadata<S: Borrow<str>>(&self, path: &[S]) -> Result<Option<Metadata>> {
        match self.parent(path) {
            Ok((parent, name)) => parent.metadata_here(name),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The kind of what a path names; nothing if it is not there.
    pub(crate) fn kind<S: Borrow<str>>(&self, path: &[S]) -> Result<Option<Kind>> {
        Ok(self.metadata(path)?.map(|metadata| metadata.kind))
    }

    /// The identity of the file that a path names; nothing if it names none, or cannot be looked at.
    pub(crate) fn identity<S: Borrow<str>>(&self, path: &[S]) -> Option<Identity> {
        let (parent, name) = self.parent(path).ok()?;
        let (metadata, identity) = parent.found_here(name).ok()??;
        (metadata.kind == Kind::File).then_some(identity)
    }

    /// Where the file of an object is, if there is one: at its path, or where it is if that was taken.
    pub(crate) fn find_object(&self, key: &str) -> Result<Option<(Vec<String>, Metadata)>> {
        let mut path = encode(key);
        for _ in 0..2 {
            match self.metadata(&path) {
                Ok(Some(found)) if found.kind == Kind::File => return Ok(Some((path, found))),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Occupied => {}
                Err(error) => return Err(error),
            }
            if let Some(name) = path.last_mut() {
                name.push_str(TAKEN);
            }
        }
        Ok(None)
    }

    /// Opens a file for reading.
    pub(crate) fn open_file<S: Borrow<str>>(&self, path: &[S]) -> Result<File> {
        let (parent, name) = self.parent(path)?;
        // Without NONBLOCK, a planted pipe would wait for a writer for ever.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&parent, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Err(parent.absent(name, "there is no such file")),
            Err(Errno::LOOP) => return Err(parent.unexpected_entry(name, SYMLINK)),
            Err(Errno::NXIO) => return Err(parent.unexpected_entry(name, NO_FILE)),
            Err(error) => return Err(parent.failed("open", name, error)),
        };
        match file.metadata() {
            Ok(metadata) if metadata.is_file() => Ok(file),
            Ok(_) => Err(parent.unexpected_entry(name, NO_FILE)),
            Err(error) => Err(disk_error("look at", parent.path().join(name).display(), error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::time::{Duration, SystemTime};

    use rustix::fs::FileType;

    use super::*;

    fn root() -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        (directory, root)
    }

    #[test]
    fn no_symlink_is_followed_wherever_it_stands() {
        let (directory, root) = root();
        let path = directory.path();
        std::fs::create_dir(path.join("real")).unwrap();
        std::fs::write(path.join("real/f"), "secret").unwrap();
        symlink("real", path.join("link")).unwrap();
        symlink("real/f", path.join("f")).unwrap();
        for error in [
            root.open_file(&["link", "f"]).unwrap_err(),
            root.open_file(&["f"]).unwrap_err(),
            root.new_file(&["link", "g"]).unwrap_err(),
            root.subdirectory("link", true).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Occupied);
            assert!(error.to_string().starts_with(SYMLINK), "{error}");
        }
    }

    #[test]
    fn a_pipe_or_directory_is_no_file_and_does_not_block() {
        let (directory, root) = root();
        rustix::fs::mkdirat(&root, "d", Mode::RWXU).unwrap();
        let socket = std::os::unix::net::UnixListener::bind(directory.path().join("s")).unwrap();
        rustix::fs::mknodat(&root, "p", FileType::Fifo, Mode::RWXU, 0).unwrap();
        for name in ["d", "s", "p"] {
            assert_eq!(root.open_file(&[name]).unwrap_err().kind(), ErrorKind::Occupied, "{name}");
        }
        drop(socket);
    }

    #[test]
    fn a_component_that_is_not_one_name_goes_nowhere() {
        let (_directory, root) = root();
        let paths: [&[&str]; 6] = [&[], &[""], &[".."], &["a", ".."], &["a/b"], &["a\0"]];
        for path in paths {
            assert_eq!(
                root.open_file(path).map(drop).unwrap_err().kind() == ErrorKind::Internal,
                path != ["a", ".."]
            );
            assert!(root.new_file(path).is_err());
        }
        assert_eq!(root.kind(&[".."]).unwrap_err().kind(), ErrorKind::Internal);
    }

    #[test]
    fn a_file_has_its_size_and_time_and_a_link_is_a_link() {
        let place = tempfile::tempdir().unwrap();
        let root = Root::open(place.path()).unwrap();
        std::fs::create_dir(place.path().join("d")).unwrap();
        std::fs::write(place.path().join("d/f"), "abc").unwrap();
        std::os::unix::fs::symlink("f", place.path().join("d/link")).unwrap();
        let modified = SystemTime::UNIX_EPOCH + Duration::from_millis(1_445_412_481_250);
        std::fs::File::open(place.path().join("d/f")).unwrap().set_modified(modified).unwrap();
        let found = root.metadata(&["d", "f"]).unwrap().unwrap();
        assert_eq!(found, Metadata { kind: Kind::File, size_bytes: 3, modified });
        assert_eq!(root.metadata(&["d", "link"]).unwrap().unwrap().kind, Kind::Symlink);
        assert_eq!(root.metadata(&["x", "y"]).unwrap(), None);
    }
}
