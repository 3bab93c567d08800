//! An object that is being downloaded: its own master, so that it can be kept, moved and spawned.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;

use super::range_stream::RangeStream;
use crate::error::Result;
use crate::s3::op::ObjectInfo;

/// An object that is being downloaded: a stream of its bytes in order, and a reader of them.
///
/// It ends when all bytes that were announced have come, and it is for [`crate::s3::Check`] to say whether they are
/// right. A connection that breaks is made anew, at the byte where it broke. While nobody reads, other requests of the
/// client go on.
pub struct Download {
    info: ObjectInfo,
    bytes: Coming,
    /// The bytes that a reader had no room for.
    left: Bytes,
}

pub(super) enum Coming {
    InOrder(RangeStream),
    InRanges {
        ranges: BoxStream<'static, Result<Vec<Bytes>>>,
        /// The rest of the range whose turn it is.
        pieces: std::vec::IntoIter<Bytes>,
        /// Few objects come in ranges at a time: memory is bounded by it.
        _turn: OwnedSemaphorePermit,
    },
}

impl Download {
    pub(super) fn new(info: ObjectInfo, bytes: Coming) -> Self {
        // It is about the object, whatever part of it was asked for.
        let info = ObjectInfo { size_bytes: info.total_bytes, ..info };
        Self { info, bytes, left: Bytes::new() }
    }

    /// All that is stored with the object.
    #[must_use]
    pub fn info(&self) -> &ObjectInfo {
        &self.info
    }

    /// The next bytes, in order; `None` when all that were announced have come.
    pub async fn try_next(&mut self) -> Result<Option<Bytes>> {
        self.next().await.transpose()
    }
}

impl Stream for Download {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        if !self.left.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.left))));
        }
        match &mut self.bytes {
            Coming::InOrder(span) => span.poll_next_unpin(context),
            Coming::InRanges { ranges, pieces, .. } => loop {
                if let Some(piece) = pieces.next() {
                    return Poll::Ready(Some(Ok(piece)));
                }
                match ready!(ranges.poll_next_unpin(context)) {
                    Some(Ok(range)) => *pieces = range.into_iter(),
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    None => return Poll::Ready(None),
                }
            },
        }
    }
}

impl AsyncRead for Download {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.left.is_empty() {
            match ready!(self.as_mut().poll_next(context)) {
                Some(piece) => self.left = piece.map_err(io::Error::other)?,
                None => return Poll::Ready(Ok(())),
            }
        }
        let count = self.left.len().min(buffer.remaining());
        buffer.put_slice(&self.left[..count]);
        self.left.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("info", &self.info).finish_non_exhaustive()
    }
}
