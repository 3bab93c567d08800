//! A reader that gives a fresh archive of what may be unpacked of another one.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, ReadBuf};

use super::encode;
use super::entry::{Entry, Sink};
use super::fault::{Fault, Malformed};
use super::policy::{OnRefusal, Policy};
use super::scan::{Scan, Scanned};

/// How much is read at a time.
const PIECE_BYTES: usize = 128 << 10;

/// A reader of an archive that gives another one with the same entries, and with no header of the first one. Of an entry that
/// must not be unpacked it gives no byte: then it fails, as it does at the end of an archive that is not whole, and from then on.
/// What it gives has an end only if all went well.
pub(crate) struct Rewritten<R, W> {
    inner: R,
    progress: Progress,
    piece: Box<[u8]>,
    fresh: Fresh<W>,
}

enum Progress {
    Reading(Box<Scan>),
    /// All was read.
    Whole(Box<Scanned>),
    Failed,
}

impl<R: AsyncRead + Unpin, W: FnMut(&[u8]) -> bool + Unpin> Rewritten<R, W> {
    /// Begins. An entry that must not be unpacked ends it, whatever the policy says. Those whose paths are not wanted are left
    /// out.
    pub(crate) fn new(reader: R, policy: Policy, wants: W) -> Self {
        let scan = Box::new(Scan::with_names(Policy { on_refusal: OnRefusal::Stop, ..policy }));
        let piece = vec![0; PIECE_BYTES].into_boxed_slice();
        Self { inner: reader, progress: Progress::Reading(scan), piece, fresh: Fresh::new(wants) }
    }

    /// The number of entries in the fresh archive so far.
    pub(crate) fn entries(&self) -> u64 {
        self.fresh.entries
    }

    /// The size of the files in the fresh archive so far, with their holes.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.fresh.file_bytes
    }

    /// What was seen of the archive, when it was read to its end.
    pub(crate) fn scanned(&self) -> Option<&Scanned> {
        match &self.progress {
            Progress::Whole(scanned) => Some(scanned),
            Progress::Reading(_) | Progress::Failed => None,
        }
    }

    /// Reads a piece, and says whether more may come.
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let Progress::Reading(scan) = &mut self.progress else { return Poll::Ready(Ok(false)) };
        let mut piece = ReadBuf::new(&mut self.piece);
        ready!(Pin::new(&mut self.inner).poll_read(context, &mut piece))?;
        if !piece.filled().is_empty() {
            return Poll::Ready(scan.push(piece.filled(), &mut self.fresh).map(|()| true));
        }
        if let Progress::Reading(scan) = std::mem::replace(&mut self.progress, Progress::Failed) {
            self.progress = Progress::Whole(Box::new(scan.finish()?));
            self.fresh.end_archive();
        }
        Poll::Ready(Ok(true))
    }
}

impl<R: AsyncRead + Unpin, W: FnMut(&[u8]) -> bool + Unpin> AsyncRead for Rewritten<R, W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.fresh.out.is_empty() {
            if matches!(self.progress, Progress::Failed) {
                return Poll::Ready(Err(given_up()));
            }
            match ready!(self.poll_piece(context)) {
                Ok(true) => {}
                Ok(false) => return Poll::Ready(Ok(())),
                Err(error) => {
                    self.progress = Progress::Failed;
                    self.fresh.out.clear();
                    return Poll::Ready(Err(error));
                }
            }
        }
        let count = self.fresh.out.len().min(buffer.remaining());
        buffer.put_slice(&self.fresh.out[..count]);
        self.fresh.out.advance(count);
        Poll::Ready(Ok(()))
    }
}

fn given_up() -> io::Error {
    Fault::Malformed(Malformed { what: "the archive was given up".into(), name: None, at_bytes: 0 }).into()
}

impl<R, W> std::fmt::Debug for Rewritten<R, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rewritten").finish_non_exhaustive()
    }
}

/// The fresh archive, as far as it was written and not given yet.
struct Fresh<W> {
    wants: W,
    /// Whether the entry that is being read is in it.
    is_wanted: bool,
    entries: u64,
    file_bytes: u64,
    out: BytesMut,
    /// Of the entry that is being written.
    stored_bytes: u64,
    /// How long the archive is so far.
    archive_bytes: u64,
}

impl<W> Fresh<W> {
    fn new(wants: W) -> Self {
        Self {
            wants,
            is_wanted: false,
            entries: 0,
            file_bytes: 0,
            out: BytesMut::new(),
            stored_bytes: 0,
            archive_bytes: 0,
        }
    }

    /// Appends what this writes.
    fn write(&mut self, write: impl FnOnce(&mut BytesMut)) {
        let before = self.out.len();
        write(&mut self.out);
        self.archive_bytes += (self.out.len() - before) as u64;
    }

    fn end_archive(&mut self) {
        let archive_bytes = self.archive_bytes;
        self.write(|out| encode::end(archive_bytes, out));
    }
}

impl<W: FnMut(&[u8]) -> bool> Sink for Fresh<W> {
    fn entry(&mut self, entry: &Entry, _: u64) -> io::Result<()> {
        self.is_wanted = (self.wants)(&entry.path);
        if !self.is_wanted {
            return Ok(());
        }
        self.entries += 1;
        self.file_bytes = self.file_bytes.saturating_add(entry.kind.size_bytes());
        self.stored_bytes = entry.kind.stored_bytes();
        self.write(|out| encode::entry(entry, out));
        Ok(())
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.is_wanted {
            self.write(|out| out.extend_from_slice(bytes));
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        if self.is_wanted {
            let stored_bytes = self.stored_bytes;
            self.write(|out| encode::padding(stored_bytes, out));
        }
        Ok(())
    }
}
