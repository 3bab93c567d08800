//! Tells a command's own output from what a login shell prints before it.
//!
//! A shell that greets (an `echo` in `~/.bashrc`) does so before every command that runs by ssh. So each command begins by
//! printing a mark, and all before the mark is left away.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

/// The mark.
const MARK: &[u8] = b"\x1edeis-store begins\x1e";

/// The program that prints the mark on both streams, and then is the command that follows: `sh` knows the mark's bytes by
/// their octal numbers.
pub(super) const MARKING: [&str; 4] =
    ["sh", "-c", r#"m='\036deis-store begins\036'; printf "$m"; printf "$m" >&2; exec "$@""#, "sh"];

/// The most that may be printed before the mark.
const MOST_BEFORE_BYTES: usize = 1 << 20;
const PIECE_BYTES: usize = 8 << 10;

/// What follows the mark in a command's standard output. Without a mark there is nothing.
pub(super) struct Marked<R> {
    inner: R,
    /// What came before the mark, or, once the mark was seen, what came with it and was not given yet.
    held: Vec<u8>,
    seen: bool,
}

impl<R: AsyncRead + Unpin> Marked<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { inner: reader, held: Vec::new(), seen: false }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Marked<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.seen {
            let mut piece = [0; PIECE_BYTES];
            let mut piece = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut self.inner).poll_read(context, &mut piece))?;
            if piece.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            // The mark may have begun in what came before.
            let from = self.held.len().saturating_sub(MARK.len());
            self.held.extend_from_slice(piece.filled());
            if let Some(end) = end_of_mark(&self.held[from..]) {
                self.held.drain(..from + end);
                self.seen = true;
            } else if self.held.len() > MOST_BEFORE_BYTES {
                let text = "the login shell prints more than 1 MiB before the command";
                return Poll::Ready(Err(io::Error::other(text)));
            }
        }
        if self.held.is_empty() {
            return Pin::new(&mut self.inner).poll_read(context, buffer);
        }
        let count = self.held.len().min(buffer.remaining());
        buffer.put_slice(&self.held[..count]);
        self.held.drain(..count);
        Poll::Ready(Ok(()))
    }
}

/// What follows the mark in a text; all of it if there is none.
pub(super) fn after_mark(text: &[u8]) -> &[u8] {
    &text[end_of_mark(text).unwrap_or(0)..]
}

/// Whether a text has the mark.
pub(super) fn has_mark(text: &[u8]) -> bool {
    end_of_mark(text).is_some()
}

fn end_of_mark(text: &[u8]) -> Option<usize> {
    text.windows(MARK.len()).position(|window| window == MARK).map(|at| at + MARK.len())
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;
    use crate::remote::{Local, run};

    #[tokio::test]
    async fn what_a_shell_prints_before_the_command_is_left_away() {
        let greeting = "Welcome!\n\x1edeis-store\n";
        for greeting in ["", greeting, &"x".repeat(100_000)] {
            let text = [greeting.as_bytes(), MARK, b"0\n"].concat();
            for piece in [1, 7, 100_000] {
                let mut read = Vec::new();
                let pieces: Vec<_> = text
                    .chunks(piece)
                    .map(|piece| Ok::<_, io::Error>(bytes::Bytes::copy_from_slice(piece)))
                    .collect();
                let stream = tokio_util::io::StreamReader::new(futures_util::stream::iter(pieces));
                Marked::new(stream).read_to_end(&mut read).await.unwrap();
                assert_eq!(read, b"0\n");
            }
        }
        assert_eq!(after_mark(b"no mark"), b"no mark");
    }

    #[tokio::test]
    async fn the_marking_program_is_then_the_command() {
        let command =
            [&MARKING[..], &["sh", "-c", "printf '%s|' \"$@\"; echo why >&2; exit 3", "sh", "a b", "$x", ""]]
                .concat();
        let output = run(&Local::default(), &command).await.unwrap();
        assert_eq!(output.stdout, [MARK, b"a b|$x||"].concat());
        assert_eq!(output.exit.code, Some(3));
        assert_eq!(after_mark(output.exit.stderr.as_bytes()), b"why\n");
    }
}
