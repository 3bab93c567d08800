//! A file gets a further name below another directory: the two share its bytes. Where the file system cannot, it is copied.
//!
//! Files that are linked one after the other are mostly neighbours, so the last directory on each side stays open.

use std::time::SystemTime;

use super::descend::{component, split};
use super::hard_link::{Refused, hard_link};
use super::metadata::{Identity, Kind, Metadata};
use super::root::Root;
use crate::error::{ErrorKind, Result};
use crate::hash::Sha256;

/// Links files from below one directory to below another.
#[derive(Debug)]
pub(crate) struct Linker {
    from: Near,
    to: Near,
}

/// Looks for files below a directory one after the other.
#[derive(Debug)]
pub(crate) struct Finder(Near);

impl Finder {
    pub(crate) fn new(root: &Root) -> Self {
        Self(Near::new(root))
    }

    /// The size of a file; nothing if it is none, or cannot be looked at.
    pub(crate) fn size_bytes(&mut self, path: &[String]) -> Option<u64> {
        let (metadata, _) = self.0.file(path)?;
        (metadata.kind == Kind::File).then_some(metadata.size_bytes)
    }
}

/// A file, as a list has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownFile<'a> {
    /// The components of its path.
    pub(crate) path: &'a [String],
    /// Its size.
    pub(crate) size_bytes: u64,
    /// Its time, to the millisecond.
    pub(crate) modified: SystemTime,
    /// Its digest.
    pub(crate) sha256: Sha256,
}

impl KnownFile<'_> {
    /// Whether a file looks as the list has it.
    pub(crate) fn looks_like(&self, found: &Metadata) -> bool {
        found.kind == Kind::File
            && found.size_bytes == self.size_bytes
            && milliseconds(found.modified) == milliseconds(self.modified)
    }
}

impl Linker {
    /// Links files from below the first directory to below the second.
    pub(crate) fn new(from: &Root, to: &Root) -> Self {
        Self { from: Near::new(from), to: Near::new(to) }
    }

    /// The identity of a file, if it looks as the list has it. One that cannot be looked at does not.
    pub(crate) fn find(&mut self, known: &KnownFile<'_>) -> Option<Identity> {
        let (metadata, identity) = self.from.file(known.path)?;
        known.looks_like(&metadata).then_some(identity)
    }

    /// Gives a file that was found the name of an object on the other side, too. The components of its path there; nothing
    /// if it had to be copied, and its bytes cannot be read or are not what they were.
    pub(crate) fn link(&mut self, known: &KnownFile<'_>, wanted: &[String]) -> Result<Option<Vec<String>>> {
        let (name, directories) = split(known.path)?;
        let Some(from) = self.from.find(directories) else { return Ok(None) };
        let (new_name, directories) = split(wanted)?;
        let (to, mut real) = self.to.make(directories)?;
        match hard_link((&from, component(name)?), (&to, component(new_name)?)) {
            Ok(linked) => {
                real.push(linked);
                Ok(Some(real))
            }
            Err(Refused::Cannot) => {
                let copied = copy((&from, name), known, (&to, new_name))?;
                Ok(copied.map(|copied| real.into_iter().chain(copied).collect()))
            }
            Err(Refused::Failed(error)) => Err(error),
        }
    }
}

/// Copies a file where it cannot be linked. The file system shares its extents if it can.
fn copy(
    (from, name): (&Root, &str),
    known: &KnownFile<'_>,
    (to, new_name): (&Root, &str),
) -> Result<Option<Vec<String>>> {
    let Ok(mut source) = from.foreign_file(&[name.to_owned()]) else { return Ok(None) };
    let copied = source.copy(to.new_file(&[new_name])?, (), || Ok(()));
    let new_file = match copied {
        Ok(written) => written.new_file,
        // A source that cannot be read is fetched anew; a target that cannot be written is everybody's.
        Err(error) if error.kind() == ErrorKind::SourceChanged => return Ok(None),
        Err(error) => return Err(error),
    };
    if new_file.sha256() != Some(known.sha256) {
        return Ok(None);
    }
    new_file.commit(0o400, Some(known.modified), false).map(|committed| Some(committed.path))
}

fn milliseconds(time: SystemTime) -> i128 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i128::try_from(after.as_millis()).unwrap_or(i128::MAX),
        // Rounded down, as a list's times are.
        Err(before) => -i128::try_from(before.duration().as_nanos().div_ceil(1_000_000)).unwrap_or(i128::MAX),
    }
}

/// So many directories stay open on the way: a key may have a thousand.
const MOST_HANDLES: usize = 16;

/// A directory, and those on the way to the one below it that was asked for last: the next one is mostly near.
#[derive(Debug)]
struct Near {
    root: Root,
    way: Vec<Level>,
}

#[derive(Debug)]
struct Level {
    asked: String,
    directory: Root,
    /// Its name, which is `NAME%+` where the name was taken.
    real: String,
}

impl Near {
    fn new(root: &Root) -> Self {
        Self { root: root.clone(), way: Vec::new() }
    }

    /// What is at this path, if it can be looked at.
    fn file(&mut self, path: &[String]) -> Option<(Metadata, Identity)> {
        let (name, directories) = split(path).ok()?;
        self.find(directories)?.found_here(component(name).ok()?).ok()?
    }

    /// The directory of this path, if it is there.
    fn find(&mut self, directories: &[String]) -> Option<Root> {
        let down = |directory: &Root, name: &str| Ok((directory.subdirectory(name, false)?, name.to_owned()));
        self.go(directories, down).ok().map(|(directory, _)| directory)
    }

    /// The directory of this path, which is made if it is missing, and the path that it has become.
    fn make(&mut self, directories: &[String]) -> Result<(Root, Vec<String>)> {
        let (directory, below) = self.go(directories, Root::directory_of)?;
        Ok((directory, self.way.iter().map(|level| level.real.clone()).chain(below).collect()))
    }

    /// The directory of this path, and the names of those that are deeper than what stays open.
    fn go(
        &mut self,
        directories: &[String],
        down: impl Fn(&Root, &str) -> Result<(Root, String)>,
    ) -> Result<(Root, Vec<String>)> {
        let same = self.way.iter().zip(directories).take_while(|(level, name)| level.asked == **name).count();
        self.way.truncate(same);
        let (near, deep) = directories.split_at(directories.len().min(MOST_HANDLES));
        for asked in &near[same..] {
            let (directory, real) = down(self.here(), asked)?;
            self.way.push(Level { asked: asked.clone(), directory, real });
        }
        let (mut directory, mut names) = (self.here().clone(), Vec::new());
        for asked in deep {
            let (next, real) = down(&directory, asked)?;
            directory = next;
            names.push(real);
        }
        Ok((directory, names))
    }

    fn here(&self) -> &Root {
        self.way.last().map_or(&self.root, |level| &level.directory)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::key_path::encode;

    struct Place {
        scratch: tempfile::TempDir,
        linker: Linker,
        modified: SystemTime,
    }

    fn place() -> Place {
        let scratch = tempfile::tempdir().unwrap();
        let modified = SystemTime::UNIX_EPOCH + Duration::from_millis(1_445_412_481_250);
        let sides = ["from", "to"].map(|name| Root::create(scratch.path().join(name)).unwrap());
        for path in ["from/d/f", "from/g"] {
            let path = scratch.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "abc").unwrap();
            std::fs::File::open(&path).unwrap().set_modified(modified).unwrap();
        }
        Place { linker: Linker::new(&sides[0], &sides[1]), scratch, modified }
    }

    impl Place {
        fn link(&mut self, from: &str, key: &str) -> Option<Vec<String>> {
            let path: Vec<String> = from.split('/').map(str::to_owned).collect();
            let known =
                KnownFile { path: &path, size_bytes: 3, modified: self.modified, sha256: Sha256::of(b"abc") };
            self.linker.find(&known)?;
            self.linker.link(&known, &encode(key)).unwrap()
        }

        fn inode(&self, path: &str) -> u64 {
            std::fs::metadata(self.path().join(path)).unwrap().ino()
        }

        fn path(&self) -> &Path {
            self.scratch.path()
        }
    }

    #[test]
    fn a_file_has_the_same_bytes_under_both_names() {
        let mut place = place();
        assert_eq!(place.link("d/f", "d/f").unwrap(), ["d", "f"]);
        assert_eq!(place.link("g", "x/y/z").unwrap(), ["x", "y", "z"]);
        assert_eq!(place.inode("from/d/f"), place.inode("to/d/f"));
        assert_eq!(place.inode("from/g"), place.inode("to/x/y/z"));
    }

    #[test]
    fn however_deep_a_file_is_few_directories_stay_open() {
        let mut place = place();
        let deep = "d/".repeat(400) + "f";
        assert_eq!(place.link("g", &deep).unwrap().join("/"), deep);
        let path: Vec<String> = deep.split('/').map(str::to_owned).collect();
        let known =
            KnownFile { path: &path, size_bytes: 3, modified: place.modified, sha256: Sha256::of(b"abc") };
        let to = Root::open(place.path().join("to")).unwrap();
        let mut back = Linker::new(&to, &to);
        assert!(back.find(&known).is_some());
        assert_eq!(back.link(&known, &encode("x")).unwrap().unwrap(), ["x"]);
        assert!(place.linker.to.way.len() <= MOST_HANDLES && back.from.way.len() <= MOST_HANDLES);
        assert_eq!(place.link("d/f", "d/d/y").unwrap(), ["d", "d", "y"]);
    }

    #[test]
    fn what_does_not_look_as_it_did_is_not_found() {
        let mut place = place();
        std::fs::write(place.path().join("from/d/f"), "abcd").unwrap();
        std::fs::write(place.path().join("from/g"), "abd").unwrap();
        assert_eq!((place.link("d/f", "d/f"), place.link("g", "g")), (None, None));
        assert_eq!((place.link("d/not", "a"), place.link("g/h", "b")), (None, None));
        std::fs::remove_file(place.path().join("from/d/f")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", place.path().join("from/d/f")).unwrap();
        assert_eq!(place.link("d/f", "d/f"), None);
    }

    #[test]
    fn a_name_that_a_directory_has_is_avoided_and_one_that_a_run_has_left_is_replaced() {
        let mut place = place();
        std::fs::create_dir_all(place.path().join("to/d/f/g")).unwrap();
        std::fs::write(place.path().join("to/g"), "a half of another object").unwrap();
        assert_eq!(place.link("d/f", "d/f").unwrap(), ["d", "f%+"]);
        assert_eq!(place.link("g", "g").unwrap(), ["g"]);
        assert_eq!(place.inode("from/g"), place.inode("to/g"));
        assert_eq!(place.link("g", "g/below").unwrap(), ["g%+", "below"]);
        std::os::unix::fs::symlink("/etc/passwd", place.path().join("to/s")).unwrap();
        let path = ["g".to_owned()];
        let known =
            KnownFile { path: &path, size_bytes: 3, modified: place.modified, sha256: Sha256::of(b"abc") };
        assert!(place.linker.link(&known, &encode("s")).is_err());
    }

    #[test]
    fn a_copy_has_the_bytes_and_the_time_or_there_is_none() {
        let place = place();
        let root = |name: &str| Root::open(place.path().join(name)).unwrap();
        let known =
            KnownFile { path: &[], size_bytes: 3, modified: place.modified, sha256: Sha256::of(b"abc") };
        let copied = copy((&root("from"), "g"), &known, (&root("to"), "copy")).unwrap().unwrap();
        assert_eq!(copied, ["copy"]);
        let found = root("to").metadata(&["copy"]).unwrap().unwrap();
        assert!(known.looks_like(&found) && place.inode("from/g") != place.inode("to/copy"));
        let other = KnownFile { sha256: Sha256::of(b"abd"), ..known };
        assert_eq!(copy((&root("from"), "g"), &other, (&root("to"), "other")).unwrap(), None);
        assert_eq!(copy((&root("from"), "not"), &known, (&root("to"), "none")).unwrap(), None);
    }
}
