//! The archive of a directory as a reader: made on the runtime's threads for blocking work, one piece ahead.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::task::{JoinHandle, spawn_blocking};

use super::archiver::{Archiver, Saved};
use crate::blocking::blocking;
use crate::error::{Error, ErrorKind, Result};

/// So much is made at a time. Two such pieces are all that is held.
const PIECE_BYTES: usize = 1 << 20;

/// A directory that is being saved: a reader of its archive. Dropped, it stops.
#[derive(Debug)]
pub(crate) struct Saving {
    state: State,
    piece: Piece,
}

#[derive(Debug)]
enum State {
    /// The next piece is being made.
    Making(JoinHandle<Result<(Archiver, Piece)>>),
    Ended(Box<Archiver>),
    Failed,
}

/// Bytes of an archive, and how far they were taken.
#[derive(Debug)]
struct Piece {
    bytes: Box<[u8]>,
    taken: usize,
    filled: usize,
}

/// Begins to make an archive of a directory.
pub(crate) async fn save(directory: &Path) -> Result<Saving> {
    let directory = directory.to_owned();
    let archiver = blocking(move || Archiver::new(&directory)).await?;
    Ok(Saving { state: make(archiver, Piece::new()), piece: Piece::new() })
}

impl Saving {
    /// What was saved. To be called when the archive was read to its end.
    pub(crate) fn finish(self) -> Result<Saved> {
        match self.state {
            State::Ended(archiver) => Ok(archiver.finish()),
            State::Making(_) | State::Failed => {
                Err(Error::new(ErrorKind::Internal, "an archive was not read to its end"))
            }
        }
    }
}

impl AsyncRead for Saving {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if self.piece.give(buffer) {
                return Poll::Ready(Ok(()));
            }
            let State::Making(making) = &mut self.state else { return Poll::Ready(Ok(())) };
            let made = ready!(Pin::new(making).poll(context));
            self.state = State::Failed;
            let (archiver, piece) = made.map_err(io::Error::other)?.map_err(io::Error::other)?;
            let empty = std::mem::replace(&mut self.piece, piece);
            // One that is not full is the last.
            let last = self.piece.filled < self.piece.bytes.len();
            self.state = if last { State::Ended(archiver.into()) } else { make(archiver, empty) };
        }
    }
}

fn make(mut archiver: Archiver, mut piece: Piece) -> State {
    State::Making(spawn_blocking(move || {
        (piece.taken, piece.filled) = (0, archiver.fill(&mut piece.bytes)?);
        Ok((archiver, piece))
    }))
}

impl Piece {
    fn new() -> Self {
        Self { bytes: vec![0; PIECE_BYTES].into(), taken: 0, filled: 0 }
    }

    /// Gives what there is room for, and says whether there was anything to give, or no room.
    fn give(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let end = self.filled.min(self.taken.saturating_add(buffer.remaining()));
        let given = self.bytes.get(self.taken..end).unwrap_or_default();
        buffer.put_slice(given);
        self.taken = end;
        !given.is_empty() || buffer.remaining() == 0
    }
}
