//! A directory tree as far as an archive can say it, and its surroundings as far as a file system can: for comparing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, SeekFrom, openat, seek};
use sha2::{Digest as _, Sha256};

/// The files below a directory by their paths; that of the directory itself is empty.
pub(crate) type Tree = BTreeMap<Vec<u8>, Node>;

/// A file.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
    /// Seconds and nanoseconds; the latter count forwards before 1970 too.
    pub(crate) modified: (i64, i64),
    /// The first of its names, if this is another one.
    pub(crate) first_name: Option<Vec<u8>>,
    pub(crate) place: Place,
}

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `content` tells files apart, and is the same however the file's holes lie.
    File {
        size_bytes: u64,
        content: String,
    },
    Directory,
    Symlink(Vec<u8>),
    /// A device, a fifo or a socket.
    Special,
}

/// What an archive says nothing of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) inode: (u64, u64),
    pub(crate) links: u64,
    pub(crate) changed: (i64, i64),
    /// The bytes that it takes on the disk.
    pub(crate) held_bytes: u64,
}

/// How precisely times are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    Nanoseconds,
    Seconds,
}

/// The tree below a directory, of paths of any length.
pub(crate) fn read(root: &Path) -> Tree {
    let mut tree = Tree::from([(Vec::new(), node(root, &fs::metadata(root).unwrap()))]);
    let mut left = vec![Vec::new()];
    while let Some(directory) = left.pop() {
        let opened = open_beneath(root, &directory);
        for entry in fs::read_dir(by_handle(&opened)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_vec();
            let path = if directory.is_empty() { name } else { [&directory[..], &name].join(&b'/') };
            let file = node(&entry.path(), &entry.metadata().unwrap());
            if file.kind == Kind::Directory {
                left.push(path.clone());
            }
            tree.insert(path, file);
        }
    }
    let mut first_names = BTreeMap::new();
    for (path, file) in &mut tree {
        if file.place.links > 1 && matches!(file.kind, Kind::File { .. }) {
            let first = first_names.entry(file.place.inode).or_insert_with(|| path.clone());
            file.first_name = (first != path).then(|| first.clone());
        }
    }
    tree
}

/// The content of a file at a path of any length.
pub(crate) fn content_of(root: &Path, path: &[u8]) -> Vec<u8> {
    let cut = path.iter().rposition(|byte| *byte == b'/');
    let directory = open_beneath(root, cut.map_or(&b""[..], |at| &path[..at]));
    let name = cut.map_or(path, |at| &path[at + 1..]);
    fs::read(by_handle(&directory).join(std::ffi::OsStr::from_bytes(name))).unwrap()
}

/// A line for each file, with all that an archive says of it.
pub(crate) fn lines(tree: &Tree, times: Times) -> BTreeSet<String> {
    let line = |(path, file): (&Vec<u8>, &Node)| {
        let path = path.escape_ascii();
        if let Some(first) = &file.first_name {
            return format!("{path} is {}", first.escape_ascii());
        }
        let what = match &file.kind {
            Kind::File { size_bytes, content } => format!("file of {size_bytes}, {content}"),
            Kind::Directory => "directory".to_owned(),
            Kind::Symlink(target) => format!("symlink to {}", target.escape_ascii()),
            Kind::Special => "special".to_owned(),
        };
        let Node { mode, owner: (user, group), modified: (seconds, nanoseconds), .. } = file;
        let nanoseconds = if times == Times::Nanoseconds { *nanoseconds } else { 0 };
        format!("{path}: {what}; {mode:o} {user}:{group} {seconds}+{nanoseconds:09}")
    };
    tree.iter().map(line).collect()
}

/// A line for each file, with all that the file system says of it: if two are the same, nothing has touched it.
pub(crate) fn untouched_lines(tree: &Tree) -> BTreeSet<String> {
    let plain = lines(tree, Times::Nanoseconds);
    plain
        .into_iter()
        .chain(tree.iter().map(|(path, file)| format!("{}: {:?}", path.escape_ascii(), file.place)))
        .collect()
}

/// The lines that only one of the two has.
pub(crate) fn differences(left: &BTreeSet<String>, right: &BTreeSet<String>) -> Vec<String> {
    let only = |sign, these: &BTreeSet<String>, those: &BTreeSet<String>| -> Vec<String> {
        these.difference(those).map(|line| format!("{sign} {line}")).collect()
    };
    [only('-', left, right), only('+', right, left)].concat()
}

fn node(path: &Path, metadata: &Metadata) -> Node {
    let kind = metadata.file_type();
    let kind = if kind.is_dir() {
        Kind::Directory
    } else if kind.is_symlink() {
        Kind::Symlink(fs::read_link(path).unwrap().into_os_string().into_vec())
    } else if kind.is_fifo() || kind.is_socket() || kind.is_block_device() || kind.is_char_device() {
        Kind::Special
    } else {
        Kind::File { size_bytes: metadata.len(), content: content(&File::open(path).unwrap()) }
    };
    Node {
        mode: if matches!(kind, Kind::Symlink(_)) { 0o777 } else { metadata.mode() & 0o7777 },
        kind,
        owner: (metadata.uid(), metadata.gid()),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        first_name: None,
        place: Place {
            inode: (metadata.dev(), metadata.ino()),
            links: metadata.nlink(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            held_bytes: metadata.blocks() * 512,
        },
    }
}

/// A digest of the pieces that are not all zeros, with their places. Holes are not read.
fn content(file: &File) -> String {
    const PIECE_BYTES: usize = 64 << 10;
    let mut digest = Sha256::new();
    let mut piece = vec![0; PIECE_BYTES];
    let mut at = 0;
    // It fails if there is nothing but a hole from here on.
    while let Ok(data) = seek(file, SeekFrom::Data(at)) {
        let begin = data / PIECE_BYTES as u64 * PIECE_BYTES as u64;
        let mut filled = 0;
        loop {
            let read = file.read_at(&mut piece[filled..], begin + filled as u64).unwrap();
            filled += read;
            if read == 0 || filled == PIECE_BYTES {
                break;
            }
        }
        if let Some(last) = piece[..filled].iter().rposition(|byte| *byte != 0) {
            digest.update(begin.to_le_bytes());
            digest.update(&piece[..=last]);
        }
        at = begin + PIECE_BYTES as u64;
    }
    hexadecimal(&digest.finalize())
}

/// The first digits of a digest, which are enough to tell files apart.
pub(crate) fn hexadecimal(digest: &[u8]) -> String {
    digest[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Opens a directory, component by component: a system takes 4,096 bytes of a path at once.
fn open_beneath(root: &Path, path: &[u8]) -> OwnedFd {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = openat(CWD, root, flags, Mode::empty()).unwrap();
    path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()).fold(root, |directory, name| {
        openat(&directory, name, flags | OFlags::NOFOLLOW, Mode::empty()).unwrap()
    })
}

fn by_handle(directory: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()))
}
