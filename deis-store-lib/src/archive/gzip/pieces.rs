//! A reader of pieces that come one after the other.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use tokio::io::{AsyncRead, ReadBuf};

/// A reader of the pieces of a stream. The first error ends it: later pieces may be there already, and would follow a gap.
pub(super) struct Pieces<S> {
    state: State<S>,
    piece: Bytes,
}

enum State<S> {
    Reading(Pin<Box<S>>),
    Ended,
    Failed,
}

impl<S> Pieces<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { state: State::Reading(Box::pin(stream)), piece: Bytes::new() }
    }
}

impl<S: Stream<Item = io::Result<Bytes>>> AsyncRead for Pieces<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.piece.is_empty() {
            let stream = match &mut self.state {
                State::Reading(stream) => stream,
                State::Ended => return Poll::Ready(Ok(())),
                State::Failed => return Poll::Ready(Err(io::Error::other("it could not be read before"))),
            };
            match ready!(stream.as_mut().poll_next(context)) {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(error)) => {
                    self.state = State::Failed;
                    return Poll::Ready(Err(error));
                }
                None => self.state = State::Ended,
            }
        }
        let count = self.piece.len().min(buffer.remaining());
        buffer.put_slice(&self.piece.split_to(count));
        Poll::Ready(Ok(()))
    }
}
