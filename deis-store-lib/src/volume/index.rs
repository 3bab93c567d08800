//! The index of an archive: which entries it has, where each begins, and what its content is.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::archive::gzip::Places;
use crate::archive::tar::{Entry, EntryKind, Sink};
use crate::hash::Sha256;

/// A line of the index: an entry, in the archive's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IndexLine {
    /// The path below the directory; empty for the directory itself. Of a path that is not UTF-8, nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// A path that is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path_base64: Option<String>,
    pub(crate) kind: IndexedKind,
    /// The file's size, with its holes.
    #[serde(rename = "size", default, skip_serializing_if = "is_zero")]
    pub(crate) size_bytes: u64,
    /// The digest of a file's content; of one with holes, of what is not a hole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<Sha256>,
    /// Where the entry begins in the uncompressed archive.
    #[serde(rename = "at")]
    pub(crate) at_bytes: u64,
    /// Where the member of the gzip file begins in which the entry begins.
    #[serde(rename = "member")]
    pub(crate) member_at_bytes: u64,
    /// How far the entry begins behind the beginning of that member's content.
    #[serde(rename = "skip")]
    pub(crate) within_bytes: u64,
    /// The length of the entry in the archive, with its headers.
    #[serde(rename = "bytes")]
    pub(crate) archive_bytes: u64,
}

/// What an entry is, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexedKind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symlink.
    Symlink,
    /// A further name of an earlier file.
    HardLink,
}

impl IndexLine {
    /// The path; `None` if the line gives none.
    pub(crate) fn path(&self) -> Option<Vec<u8>> {
        match (&self.path, &self.path_base64) {
            (Some(path), None) => Some(path.clone().into_bytes()),
            (None, Some(text)) => STANDARD.decode(text).ok(),
            _ => None,
        }
    }
}

impl From<&EntryKind> for IndexedKind {
    fn from(kind: &EntryKind) -> Self {
        match kind {
            EntryKind::File { .. } | EntryKind::Sparse { .. } => Self::File,
            EntryKind::Directory => Self::Directory,
            EntryKind::Symlink(_) => Self::Symlink,
            EntryKind::HardLink(_) => Self::HardLink,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// An indexer that is asked for its lines while an archive is read through it.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedIndexer(Arc<Mutex<Indexer>>);

impl SharedIndexer {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Indexer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for SharedIndexer {
    fn entry(&mut self, entry: &Entry, at_bytes: u64) -> io::Result<()> {
        self.lock().entry(entry, at_bytes)
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.lock().content(bytes)
    }

    fn end(&mut self) -> io::Result<()> {
        self.lock().end()
    }
}

/// Makes the lines of an index of the entries of an archive that goes by.
#[derive(Debug, Default)]
pub(crate) struct Indexer {
    /// The entry that has begun last. How long it is in the archive is seen when the next one begins.
    last: Option<Seen>,
    hasher: Option<sha2::Sha256>,
    seen: VecDeque<Seen>,
}

#[derive(Debug)]
struct Seen {
    path: Vec<u8>,
    kind: IndexedKind,
    size_bytes: u64,
    sha256: Option<Sha256>,
    at_bytes: u64,
    archive_bytes: u64,
}

impl Indexer {
    /// The next line, if the member in which its entry begins is known by now.
    pub(crate) fn next(&mut self, places: &Places) -> Option<IndexLine> {
        let place = places.place_of(self.seen.front()?.at_bytes)?;
        let seen = self.seen.pop_front()?;
        places.forget_before(seen.at_bytes);
        let (path, path_base64) = match String::from_utf8(seen.path) {
            Ok(path) => (Some(path), None),
            Err(error) => (None, Some(STANDARD.encode(error.as_bytes()))),
        };
        Some(IndexLine {
            path,
            path_base64,
            kind: seen.kind,
            size_bytes: seen.size_bytes,
            sha256: seen.sha256,
            at_bytes: seen.at_bytes,
            member_at_bytes: place.member_at_bytes,
            within_bytes: place.within_bytes,
            archive_bytes: seen.archive_bytes,
        })
    }

    /// The archive has ended, and is so long.
    pub(crate) fn finish(&mut self, archive_bytes: u64) {
        self.ends_at(archive_bytes);
    }

    fn ends_at(&mut self, at_bytes: u64) {
        if let Some(last) = self.last.take() {
            self.seen.push_back(Seen { archive_bytes: at_bytes.saturating_sub(last.at_bytes), ..last });
        }
    }
}

impl Sink for Indexer {
    fn entry(&mut self, entry: &Entry, at_bytes: u64) -> io::Result<()> {
        self.ends_at(at_bytes);
        let (kind, size_bytes) = (IndexedKind::from(&entry.kind), entry.kind.size_bytes());
        self.hasher = (kind == IndexedKind::File).then(sha2::Sha256::new);
        let path = entry.path.clone();
        self.last = Some(Seen { path, kind, size_bytes, sha256: None, at_bytes, archive_bytes: 0 });
        Ok(())
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        if let (Some(last), Some(hasher)) = (&mut self.last, self.hasher.take()) {
            last.sha256 = Some(Sha256(hasher.finalize().into()));
        }
        Ok(())
    }
}
