//! An entry of an archive, and what is done with entries. Pure.

use std::{fmt, io};

/// An entry of an archive, with all that was said of it before and in its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The path below the directory: components joined by slashes, none of them empty, `.` or `..`. Empty for the directory
    /// itself.
    pub(crate) path: Vec<u8>,
    pub(crate) kind: EntryKind,
    /// The permission bits with setuid, setgid and sticky: at most `0o7777`.
    pub(crate) mode: u32,
    /// The numbers of the user and of the group.
    pub(crate) owner: (u64, u64),
    pub(crate) modified: Modified,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    File {
        size_bytes: u64,
    },
    /// A file with holes, with its size as it is on disk. Its content in the archive is that of its extents alone.
    Sparse {
        size_bytes: u64,
        extents: Vec<Extent>,
    },
    Directory,
    /// A symlink to this target, which may be any bytes but NUL.
    Symlink(Vec<u8>),
    /// A further name of an earlier file, whose path is in the form of [`Entry::path`].
    HardLink(Vec<u8>),
}

/// A part of a file that is not a hole. It has a multiple of 512 bytes unless it is the last one: GNU tar begins each with a block
/// of its own, and others do not, and so they agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) at_bytes: u64,
    pub(crate) bytes: u64,
}

/// When the content of a file was changed last, since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Modified {
    /// Negative before 1970.
    pub(crate) seconds: i64,
    /// Less than a billion; counted forwards, before 1970 too.
    pub(crate) nanoseconds: u32,
}

/// The seconds with their fraction, as pax headers and `touch` have them.
impl fmt::Display for Modified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.seconds, self.nanoseconds) {
            (seconds, 0) => write!(f, "{seconds}"),
            (seconds @ 0.., nanoseconds) => write!(f, "{seconds}.{nanoseconds:09}"),
            (seconds, nanoseconds) => {
                write!(f, "-{}.{:09}", (seconds + 1).unsigned_abs(), 1_000_000_000 - nanoseconds)
            }
        }
    }
}

impl EntryKind {
    /// The size of a file, with its holes. What is no file has none.
    pub(crate) fn size_bytes(&self) -> u64 {
        match self {
            Self::File { size_bytes } | Self::Sparse { size_bytes, .. } => *size_bytes,
            Self::Directory | Self::Symlink(_) | Self::HardLink(_) => 0,
        }
    }

    /// How many bytes of content the archive has.
    pub(crate) fn stored_bytes(&self) -> u64 {
        match self {
            Self::File { size_bytes } => *size_bytes,
            Self::Sparse { extents, .. } => extents.iter().map(|extent| extent.bytes).sum(),
            Self::Directory | Self::Symlink(_) | Self::HardLink(_) => 0,
        }
    }
}

/// What is done with the entries of an archive, in their order.
pub(crate) trait Sink {
    /// An entry begins, which has passed the rules. `at_bytes` is where it begins in the archive, with the headers before its
    /// own.
    fn entry(&mut self, entry: &Entry, at_bytes: u64) -> io::Result<()>;

    /// The next bytes of its content; those of a sparse file are those of its extents, one after the other.
    fn content(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// All of its content has come. It comes for each entry, those without content too.
    fn end(&mut self) -> io::Result<()>;
}

/// Nothing is done with them.
impl Sink for () {
    fn entry(&mut self, _: &Entry, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn content(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}
