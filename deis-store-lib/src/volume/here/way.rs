//! The way down from a directory, of which few handles are held however deep it is. Names are the file system's own bytes.
//!
//! Each step leads from a directory's handle to a name in it, and never through a symlink.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, Stat};
use rustix::io::Errno;

/// So many handles are held, of the deepest directories on the way. Those above are opened anew when the way has come
/// back to them, and then so many at once.
pub(super) const MOST_HANDLES: usize = 16;

/// The way down from a directory.
#[derive(Debug)]
pub(super) struct Way {
    top: Arc<OwnedFd>,
    steps: Vec<Step>,
    /// The names of the steps, joined by slashes.
    path: Vec<u8>,
}

#[derive(Debug)]
struct Step {
    handle: Option<Arc<OwnedFd>>,
    identity: Identity,
}

/// The directory behind a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Way {
    /// The way that has come no further than the directory itself.
    pub(super) fn new(top: Arc<OwnedFd>) -> Self {
        Self { top, steps: Vec::new(), path: Vec::new() }
    }

    /// The path of the directory that it has come to: empty for the top.
    pub(super) fn path(&self) -> &[u8] {
        &self.path
    }

    /// The path of a name in the directory that it has come to.
    pub(super) fn path_of(&self, name: &[u8]) -> Vec<u8> {
        if self.path.is_empty() { name.to_vec() } else { [&self.path, &b"/"[..], name].concat() }
    }

    /// The directory that it has come to. One that was closed is looked for from the top: if another one has its name by
    /// now, that is [`Errno::STALE`].
    pub(super) fn here(&mut self) -> Result<BorrowedFd<'_>, Errno> {
        if self.steps.last().is_some_and(|step| step.handle.is_none()) {
            self.reopen()?;
        }
        let deepest = self.steps.last().and_then(|step| step.handle.as_ref());
        Ok(deepest.unwrap_or(&self.top).as_fd())
    }

    /// A step down, to a directory in the one that it has come to.
    pub(super) fn down(&mut self, name: &[u8], directory: OwnedFd, identity: Identity) {
        if !self.steps.is_empty() {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(name);
        if let Some(far) = self.steps.len().checked_sub(MOST_HANDLES).and_then(|far| self.steps.get_mut(far))
        {
            far.handle = None;
        }
        self.steps.push(Step { handle: Some(Arc::new(directory)), identity });
    }

    /// A step up.
    pub(super) fn up(&mut self) {
        self.steps.pop();
        let end = self.path.iter().rposition(|byte| *byte == b'/').unwrap_or_default();
        self.path.truncate(end);
    }

    /// Goes to the directory at a path below the top, by way of what lies on both ways. `open` gives the directory of a name
    /// in another one.
    pub(super) fn go(
        &mut self,
        path: &[u8],
        mut open: impl FnMut(BorrowedFd<'_>, &[u8]) -> Result<OwnedFd, Errno>,
    ) -> Result<(), Errno> {
        while !self.leads_to(path) {
            self.up();
        }
        let left = path.get(self.path.len()..).unwrap_or_default();
        for name in left.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            let directory = open(self.here()?, name)?;
            let identity = Identity::of(&rustix::fs::fstat(&directory)?);
            self.down(name, directory, identity);
        }
        Ok(())
    }

    /// Whether a path is that of the directory that it has come to, or lies below it.
    fn leads_to(&self, path: &[u8]) -> bool {
        let rest = path.strip_prefix(&self.path[..]);
        rest.is_some_and(|rest| self.path.is_empty() || rest.is_empty() || rest.starts_with(b"/"))
    }

    fn reopen(&mut self) -> Result<(), Errno> {
        let closed = self.steps.len().saturating_sub(MOST_HANDLES);
        let mut above = Arc::clone(&self.top);
        let names = self.path.split(|byte| *byte == b'/');
        for (depth, (name, step)) in names.zip(&mut self.steps).enumerate() {
            let directory = Arc::new(open_directory(above.as_fd(), name)?);
            if Identity::of(&rustix::fs::fstat(&directory)?) != step.identity {
                return Err(Errno::STALE);
            }
            if depth >= closed {
                step.handle = Some(Arc::clone(&directory));
            }
            above = directory;
        }
        Ok(())
    }
}

impl Identity {
    pub(super) fn of(stat: &Stat) -> Self {
        Self { device: stat.st_dev, inode: stat.st_ino }
    }
}

/// The directory of a name in another one. A symlink is none.
pub(super) fn open_directory(directory: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(directory, name, flags, Mode::empty())
}

/// A path as its directory and its name.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    let slash = path.iter().rposition(|byte| *byte == b'/');
    match slash.and_then(|slash| path.split_at_checked(slash)) {
        Some((directory, name)) => (directory, name.get(1..).unwrap_or_default()),
        None => (b"", path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn top(place: &tempfile::TempDir) -> Arc<OwnedFd> {
        Arc::new(std::fs::File::open(place.path()).unwrap().into())
    }

    fn make(directory: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
        match rustix::fs::mkdirat(directory, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => open_directory(directory, name),
            Err(error) => Err(error),
        }
    }

    fn inode(way: &mut Way) -> u64 {
        rustix::fs::fstat(way.here().unwrap()).unwrap().st_ino
    }

    #[test]
    fn the_way_back_leads_through_the_same_directories_with_few_handles() {
        let place = tempfile::tempdir().unwrap();
        let mut way = Way::new(top(&place));
        let mut inodes = vec![inode(&mut way)];
        for depth in 0..100 {
            let path = way.path_of(format!("d{depth}").as_bytes());
            way.go(&path, make).unwrap();
            inodes.push(inode(&mut way));
        }
        for depth in (0..=100).rev() {
            assert_eq!(inode(&mut way), inodes[depth]);
            assert!(way.steps.iter().filter(|step| step.handle.is_some()).count() <= MOST_HANDLES);
            assert_eq!(way.steps.len(), depth);
            way.up();
        }
        assert_eq!(way.path(), b"");
    }

    #[test]
    fn it_goes_by_way_of_what_lies_on_both_ways_and_mistakes_no_name_for_its_beginning() {
        let place = tempfile::tempdir().unwrap();
        let mut way = Way::new(top(&place));
        let opened = std::cell::RefCell::new(Vec::new());
        let mut go = |path: &str| {
            way.go(path.as_bytes(), |directory, name| {
                opened.borrow_mut().push(String::from_utf8(name.to_vec()).unwrap());
                make(directory, name)
            })
            .unwrap();
            assert_eq!(way.path(), path.as_bytes());
            opened.take().join(" ")
        };
        assert_eq!(go("a/b/c"), "a b c");
        assert_eq!(go("a/b/c"), "");
        assert_eq!(go("a/bc/d"), "bc d");
        assert_eq!(go("a/b"), "b");
        assert_eq!(go(""), "");
        assert_eq!(go("ab"), "ab");
        assert!(place.path().join("a/bc/d").is_dir() && place.path().join("ab").is_dir());
    }

    #[test]
    fn another_directory_under_a_name_is_never_taken_for_the_one_that_was_there() {
        let place = tempfile::tempdir().unwrap();
        let mut way = Way::new(top(&place));
        let deep = vec!["d"; MOST_HANDLES + 5].join("/");
        way.go(deep.as_bytes(), make).unwrap();
        std::fs::rename(place.path().join("d"), place.path().join("moved")).unwrap();
        way.here().unwrap();
        std::fs::create_dir_all(place.path().join(&deep)).unwrap();
        for _ in 0..MOST_HANDLES {
            way.up();
        }
        assert_eq!(way.here().unwrap_err(), Errno::STALE);
        std::fs::rename(place.path().join("d"), place.path().join("other")).unwrap();
        std::os::unix::fs::symlink("moved", place.path().join("d")).unwrap();
        assert_eq!(way.here().unwrap_err(), Errno::NOTDIR);
    }

    #[test]
    fn a_path_has_a_directory_and_a_name() {
        assert_eq!(split(b"a/b/c"), (&b"a/b"[..], &b"c"[..]));
        assert_eq!(split(b"a"), (&b""[..], &b"a"[..]));
        assert_eq!(split(b""), (&b""[..], &b""[..]));
    }
}
