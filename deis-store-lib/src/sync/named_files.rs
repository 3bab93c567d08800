//! The files that a user names to be uploaded, with those in the directories among them, in the order of their keys.

use std::path::{Path, PathBuf};

use super::globs::{DirectoryPatterns, Globs};
use crate::disk::Root;
use crate::error::{At, Error, ErrorKind, Result, disk_error};
use crate::tree::{MergeSorted, TreeEntry, walk};

/// A file that is to be uploaded.
#[derive(Debug)]
pub(super) struct FoundFile {
    pub(super) key: String,
    /// Its path, as its user knows it.
    pub(super) path: PathBuf,
    /// Its size, or why it is no file.
    pub(super) size_bytes: Result<u64, &'static str>,
    /// The directory it was found in, and the components of its name there.
    pub(super) file: (Root, Vec<String>),
}

/// How names become keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Naming<'a> {
    /// The keys begin so. A single file has this key, unless it ends in a slash or is empty.
    pub(super) prefix: &'a str,
    /// Whether the files in directories are uploaded.
    pub(super) recursive: bool,
    /// Which files to leave out, by the part of the key behind the prefix.
    pub(super) globs: &'a Globs,
}

/// A file or directory that was named.
#[derive(Debug)]
pub(super) struct NamedFiles<'a> {
    named: &'a Path,
    /// It, or the directory that the file is in.
    root: Root,
    what: What,
    naming: Naming<'a>,
    patterns: DirectoryPatterns,
}

#[derive(Debug)]
enum What {
    File { key: String, name: String },
    Directory { prefix: String },
}

impl<'a> NamedFiles<'a> {
    pub(super) fn new(named: &'a Path, naming: Naming<'a>) -> Result<Self> {
        let prefix = naming.prefix;
        let failed = |error| disk_error("read the file", named.display(), error);
        let metadata = std::fs::metadata(named).map_err(failed)?;
        let (root, what) = if metadata.is_dir() {
            if !naming.recursive {
                return Err(usage("that is a directory", named).todo("upload what is in it recursively"));
            }
            // As s3cmd: DIR is part of the keys, and DIR/, DIR/. and . are not.
            let typed = named.to_string_lossy();
            let prefix = match typed.rsplit('/').next().unwrap_or_default() {
                "" | "." => prefix.to_owned(),
                ".." => {
                    let error = usage("a directory that has no name here", named);
                    return Err(error.todo("add a / at its end to upload what is in it"));
                }
                _ => format!("{prefix}{}/", name(named)?),
            };
            (Root::open(named)?, What::Directory { prefix })
        } else if metadata.is_file() {
            let keeps_name = prefix.is_empty() || prefix.ends_with('/');
            let key = if keeps_name { format!("{prefix}{}", name(named)?) } else { prefix.to_owned() };
            // A symlink that was named is followed.
            let real = named.canonicalize().map_err(failed)?;
            let root = Root::open(real.parent().unwrap_or(Path::new("/")))?;
            (root, What::File { key, name: name(&real)?.to_owned() })
        } else {
            let error = usage("that is a device, pipe or socket, and no file", named);
            return Err(error.todo("upload what it gives as standard input: FILE is then -"));
        };
        let patterns = DirectoryPatterns::new(naming.globs.clone(), named);
        Ok(Self { named, root, what, naming, patterns })
    }

    /// The files that are found there, in the order of the keys.
    pub(super) fn files(&self) -> impl Iterator<Item = Result<FoundFile>> {
        let (one, all) = match &self.what {
            What::File { key, name } => (Some(self.one(key, name)), None),
            What::Directory { prefix } => {
                (None, Some(walk(&self.root, prefix).skip(self.patterns.skip(prefix.len()))))
            }
        };
        let found = one.into_iter().chain(all.into_iter().flatten());
        found.filter(|entry| entry.as_ref().map_or(true, |entry| self.wants(entry))).map(|entry| {
            let TreeEntry { key, path, found } = entry?;
            let components = path.components();
            let path = match self.what {
                What::File { .. } => self.named.to_owned(),
                What::Directory { .. } => self.named.join(components.iter().collect::<PathBuf>()),
            };
            let size_bytes = found.map(|metadata| metadata.size_bytes);
            Ok(FoundFile { key, path, size_bytes, file: (self.root.clone(), components) })
        })
    }

    fn wants(&self, entry: &TreeEntry) -> bool {
        let Naming { prefix, globs, .. } = self.naming;
        if let What::Directory { prefix } = &self.what
            && self.patterns.leave_out_symlink(entry, prefix.len())
        {
            return false;
        }
        entry.is_closed() || !globs.leave_out(entry.key.strip_prefix(prefix).unwrap_or(&entry.key))
    }

    fn one(&self, key: &str, name: &str) -> Result<TreeEntry> {
        let path = vec![name.to_owned()];
        let found = self.root.metadata(&path)?.ok_or("it has gone");
        Ok(TreeEntry { key: key.to_owned(), path: path.into(), found })
    }
}

/// An error if two files would become one object. One file is held of each name.
pub(super) fn refuse_key_twice(named: &[NamedFiles<'_>]) -> Result<()> {
    if named.len() < 2 {
        return Ok(());
    }
    let files = named.iter().map(|named| {
        named.files().filter(|found| found.as_ref().map_or(true, |found| found.size_bytes.is_ok()))
    });
    let mut last: Option<FoundFile> = None;
    for found in MergeSorted::new(files, |a, b| (&a.key, &a.path).cmp(&(&b.key, &b.path))) {
        let found = found?;
        if let Some(other) = last.filter(|last| last.key == found.key) {
            return Err(usage("two files would become one object", &other.path)
                .at(At::Key, &found.key)
                .todo("upload one of them with a key of its own"));
        }
        last = Some(found);
    }
    Ok(())
}

fn name(file: &Path) -> Result<&str> {
    let name = file.file_name().and_then(|name| name.to_str());
    name.ok_or_else(|| usage("the file's name cannot be a key: give the key", file))
}

fn usage(what: &str, file: &Path) -> Error {
    Error::new(ErrorKind::Usage, what).at(At::Argument, file.display())
}
