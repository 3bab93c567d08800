//! How much more an archive is than its compressed form: a bomb is thousands of times as long, and logs some twenty times.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use crate::archive::gzip;
use crate::error::{Error, ErrorKind};

/// A file of nothing but zeros is a thousand times as long as its compressed form.
const MOST_TIMES: u64 = 200;
/// So much more may come in any case.
const ALWAYS_BYTES: u64 = 16 << 20;

/// How long an archive may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ratio {
    /// At most so many times as long as its compressed form as honest archives are.
    Usual,
    Any,
}

/// The decompressed archive, which fails where it comes to be too long.
pub(super) fn limited(archive: impl AsyncRead + Send + Unpin + 'static) -> Pin<Box<dyn AsyncRead + Send>> {
    let read_bytes = Arc::new(AtomicU64::new(0));
    let compressed = Counted { inner: archive, read_bytes: Arc::clone(&read_bytes) };
    Box::pin(Limited { inner: Box::pin(gzip::decompress(compressed)), read_bytes, plain_bytes: 0 })
}

struct Counted<R> {
    inner: R,
    read_bytes: Arc<AtomicU64>,
}

impl<R: AsyncRead + Unpin> AsyncRead for Counted<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let filled = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        self.read_bytes.fetch_add((buffer.filled().len() - filled) as u64, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

struct Limited {
    inner: Pin<Box<dyn AsyncRead + Send>>,
    /// How much of the compressed archive was read.
    read_bytes: Arc<AtomicU64>,
    plain_bytes: u64,
}

impl AsyncRead for Limited {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let filled = buffer.filled().len();
        ready!(self.inner.as_mut().poll_read(context, buffer))?;
        self.plain_bytes += (buffer.filled().len() - filled) as u64;
        let read_bytes = self.read_bytes.load(Ordering::Relaxed);
        if self.plain_bytes > read_bytes.saturating_mul(MOST_TIMES).saturating_add(ALWAYS_BYTES) {
            // With an error come no bytes.
            buffer.set_filled(filled);
            return Poll::Ready(Err(io::Error::other(too_long())));
        }
        Poll::Ready(Ok(()))
    }
}

fn too_long() -> Error {
    let what = format!("the archive is more than {MOST_TIMES} times as long as its compressed form");
    Error::new(ErrorKind::Guard, what).todo(
        "find out where it comes from: nothing honest is so long, but for files that are almost nothing but zeros; if it has \
         such files, allow any ratio",
    )
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn what_is_all_but_nothing_is_refused_and_what_has_something_in_it_is_not() {
        let zeros = vec![0; 64 << 20];
        let text: Vec<u8> =
            (0..4_000_000_u32).flat_map(|number| format!("{number}\n").into_bytes()).collect();
        for (plain, is_refused) in [(zeros, true), (text, false)] {
            let mut compressed = Vec::new();
            gzip::compress(&plain[..]).read_to_end(&mut compressed).await.unwrap();
            let mut read = Vec::new();
            let result = limited(std::io::Cursor::new(compressed)).read_to_end(&mut read).await;
            assert_eq!(result.is_err(), is_refused);
            assert!(is_refused || read == plain);
        }
    }
}
