//! A reader that passes on only what may be unpacked, and a check of a whole archive.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, ReadBuf};

use super::scan::{OnRefusal, RootEntry, Scan};

/// How much is read at a time.
const PIECE_BYTES: usize = 128 << 10;

/// A reader of an archive that gives no byte of an entry before the entry was checked, and none at all of one that must not
/// be unpacked: then it fails, as it does at the end of an archive that is not whole.
pub(crate) struct Confined<R> {
    inner: R,
    scan: Option<Scan>,
    /// Bytes that were read and not given yet.
    held: BytesMut,
    /// How many bytes were given.
    given_bytes: u64,
    root: Option<RootEntry>,
}

impl<R: AsyncRead + Unpin> Confined<R> {
    pub(crate) fn new(reader: R) -> Self {
        let scan = Some(Scan::new(OnRefusal::Stop));
        Self { inner: reader, scan, held: BytesMut::new(), given_bytes: 0, root: None }
    }

    /// What the archive says of the directory itself, when it was read to its end.
    pub(crate) fn root(&self) -> Option<RootEntry> {
        self.root
    }

    /// How many of the held bytes may be given.
    fn cleared(&self) -> usize {
        let cleared = self.scan.as_ref().map_or(0, |scan| scan.cleared_bytes() - self.given_bytes);
        usize::try_from(cleared).map_or(self.held.len(), |cleared| cleared.min(self.held.len()))
    }

    /// Reads a piece, and says whether there was one.
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let start = self.held.len();
        self.held.resize(start + PIECE_BYTES, 0);
        let mut piece = ReadBuf::new(&mut self.held[start..]);
        let polled = Pin::new(&mut self.inner).poll_read(context, &mut piece);
        let read = piece.filled().len();
        self.held.truncate(start + read);
        ready!(polled)?;
        let Some(scan) = &mut self.scan else { return Poll::Ready(Ok(false)) };
        let pushed = scan.push(&self.held[start..]);
        Poll::Ready(pushed.map(|()| read > 0).map_err(|fault| {
            // Nothing more is given of it.
            self.held.clear();
            self.scan = None;
            io::Error::new(io::ErrorKind::InvalidData, fault)
        }))
    }

    fn end(&mut self) -> io::Result<()> {
        let Some(scan) = self.scan.take() else { return Ok(()) };
        self.root = scan.root();
        scan.finish().map(drop).map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault))
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Confined<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.scan.is_some() && self.cleared() == 0 {
            if !ready!(self.poll_piece(context))? {
                return Poll::Ready(self.end());
            }
        }
        let count = self.cleared().min(buffer.remaining());
        buffer.put_slice(&self.held[..count]);
        self.held.advance(count);
        self.given_bytes += count as u64;
        Poll::Ready(Ok(()))
    }
}

impl<R> std::fmt::Debug for Confined<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Confined").finish_non_exhaustive()
    }
}
