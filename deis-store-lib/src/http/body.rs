//! Bodies of requests and responses.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use http_body::{Frame, SizeHint};

use super::{SendError, Stage};

/// The pieces of a body, in order.
pub type Frames = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// The body of a request: of known length, and it can be opened again for each attempt.
#[derive(Clone)]
pub enum Body {
    /// In memory.
    Bytes(Bytes),
    /// From somewhere else.
    Source(Arc<dyn Source>),
}

/// Its length alone: it may be a secret.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.length_bytes())
    }
}

impl Body {
    /// Its length in bytes.
    #[must_use]
    pub fn length_bytes(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Source(source) => source.length_bytes(),
        }
    }

    pub(super) fn outgoing(&self) -> Outgoing {
        Outgoing { frames: self.frames(), left_bytes: self.length_bytes() }
    }

    /// Its pieces from the start.
    pub(crate) fn frames(&self) -> Frames {
        match self {
            Self::Bytes(bytes) => Box::pin(stream::iter(cut(bytes.clone(), PIECE_BYTES).map(Ok))),
            Self::Source(source) => source.open(),
        }
    }
}

/// Pieces of a body in memory: small, so that one sees that a slow upload moves.
pub(super) const PIECE_BYTES: usize = 64 << 10;

/// The bytes in pieces of at most `most_bytes`.
pub(super) fn cut(mut bytes: Bytes, most_bytes: usize) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        (!bytes.is_empty()).then(|| bytes.split_to(bytes.len().min(most_bytes.max(1))))
    })
}

/// Where a request's body comes from.
pub trait Source: fmt::Debug + Send + Sync {
    /// Its length in bytes.
    fn length_bytes(&self) -> u64;
    /// Its bytes from the start, at each call anew.
    fn open(&self) -> Frames;
}

/// The body as hyper and reqwest send it: as many bytes as were announced, or an error.
pub(super) struct Outgoing {
    frames: Frames,
    left_bytes: u64,
}

impl Outgoing {
    /// The same, of which each piece that is sent is seen.
    pub(super) fn inspected(self, mut seen: impl FnMut() + Send + 'static) -> Self {
        Self { frames: Box::pin(self.frames.inspect(move |_| seen())), ..self }
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let wrong_length = || Some(Err(SourceFailed::because(CHANGED)));
        Poll::Ready(match ready!(self.frames.as_mut().poll_next(context)) {
            Some(Ok(bytes)) => match self.left_bytes.checked_sub(bytes.len() as u64) {
                Some(left) => {
                    self.left_bytes = left;
                    Some(Ok(Frame::data(bytes)))
                }
                None => wrong_length(),
            },
            None if self.left_bytes > 0 => wrong_length(),
            Some(Err(error)) => Some(Err(SourceFailed::because(error))),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left_bytes == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left_bytes)
    }
}

const CHANGED: &str = "it is not as long as it was: it was changed while it was sent";

/// That the fault is the source's, and not the connection's: it is found again below whatever a transport makes of it.
#[derive(Debug)]
pub(super) struct SourceFailed(Box<dyn std::error::Error + Send + Sync>);

impl SourceFailed {
    fn because(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
        io::Error::other(Self(cause.into()))
    }
}

impl fmt::Display for SourceFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for SourceFailed {}

/// The body of a response, piece by piece.
pub struct Received(Frames);

impl Received {
    /// A body of these pieces.
    #[must_use]
    pub fn new(frames: Frames) -> Self {
        Self(frames)
    }

    /// The same body with its pieces changed.
    pub(crate) fn map_frames(self, change: impl FnOnce(Frames) -> Frames) -> Self {
        Self(change(self.0))
    }

    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, SendError>> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// The next piece, as a stream gives it.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, SendError>>> {
        let piece = ready!(self.0.as_mut().poll_next(context));
        Poll::Ready(piece.map(|piece| piece.map_err(|error| SendError::new(Stage::Body, error))))
    }

    /// The whole body, if it has at most this many bytes.
    pub async fn collect(&mut self, most_bytes: usize) -> Result<Bytes, SendError> {
        let mut whole = BytesMut::new();
        while let Some(piece) = self.next().await {
            let piece = piece?;
            if whole.len() + piece.len() > most_bytes {
                let text = format!("the answer has more than {most_bytes} bytes");
                return Err(SendError::new(Stage::Body, text));
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received").finish_non_exhaustive()
    }
}
