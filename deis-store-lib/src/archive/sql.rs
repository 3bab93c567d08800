//! Checks, while a dump of `pg_dumpall` streams by, that it is whole: by its first and last lines.
//!
//! Only these lines are held in memory, since the dump has password hashes and everybody's data.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

use crate::error::{Error, ErrorKind, Result};

/// The number of bytes held from the beginning, and from the end.
const HELD_BYTES: usize = 4096;
const FIRST: &str = "-- PostgreSQL database cluster dump";
const LAST: &str = "-- PostgreSQL database cluster dump complete";

/// A reader that passes a dump through unchanged and remembers how it begins and ends.
pub(crate) struct Checked<R> {
    inner: R,
    ends: Ends,
}

impl<R: AsyncRead + Unpin> Checked<R> {
    /// A reader around a dump.
    pub(crate) fn new(reader: R) -> Self {
        Self { inner: reader, ends: Ends::default() }
    }

    /// The dump's length in bytes. To be called when the dump was read to its end; the error is
    /// [`ErrorKind::Damaged`] if the dump is not whole.
    pub(crate) fn finish(self) -> Result<u64> {
        self.ends.judge()
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Checked<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let filled = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        self.ends.see(&buffer.filled()[filled..]);
        Poll::Ready(Ok(()))
    }
}

/// The first and the last bytes of a dump.
#[derive(Default)]
pub(crate) struct Ends {
    head: Vec<u8>,
    tail: Vec<u8>,
    bytes: u64,
}

impl Ends {
    /// Sees the next bytes.
    pub(crate) fn see(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let room = HELD_BYTES - self.head.len();
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(HELD_BYTES)..]);
        self.tail.drain(..self.tail.len().saturating_sub(HELD_BYTES));
    }

    /// The dump's length in bytes, as [`Checked::finish`] gives it.
    pub(crate) fn judge(&self) -> Result<u64> {
        let damaged = |what| Error::new(ErrorKind::Damaged, what).todo("take another dump");
        if lines(&self.head).find(|line| !is_frame(line)) != Some(FIRST.as_bytes()) {
            return Err(damaged("this is not a dump of a whole PostgreSQL cluster"));
        }
        let last = lines(&self.tail).filter(|line| !is_frame(line)).last();
        if last != Some(LAST.as_bytes()) || self.tail.last() != Some(&b'\n') {
            return Err(damaged("the dump was cut off"));
        }
        Ok(self.bytes)
    }
}

impl<R> std::fmt::Debug for Checked<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checked").field("bytes", &self.ends.bytes).finish_non_exhaustive()
    }
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n')
}

/// Whether a line may stand before the first line or after the last one: an empty line, another comment, or psql's
/// `\restrict`, which newer minor releases print.
fn is_frame(line: &[u8]) -> bool {
    line.is_empty()
        || line.starts_with(b"\\restrict ")
        || line.starts_with(b"\\unrestrict ")
        || (line.starts_with(b"--") && line != FIRST.as_bytes() && line != LAST.as_bytes())
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    const HEAD: &str = "--\n-- PostgreSQL database cluster dump\n--\n\n";
    const TAIL: &str = "--\n-- PostgreSQL database cluster dump complete\n--\n\n";

    async fn judge(dump: &str) -> Result<u64> {
        let mut checked = Checked::new(dump.as_bytes());
        let mut passed = String::new();
        checked.read_to_string(&mut passed).await.unwrap();
        assert!(passed == dump);
        checked.finish()
    }

    fn dump() -> String {
        format!("{HEAD}{}{TAIL}", "INSERT INTO secrets VALUES ('hash');\n".repeat(1000))
    }

    #[tokio::test]
    async fn a_whole_dump_passes() {
        assert_eq!(judge(&dump()).await.unwrap(), dump().len() as u64);
        let restricted = format!("{HEAD}\\restrict abc\n\nSET x;\n\n{TAIL}\\unrestrict abc\n\n");
        assert!(judge(&restricted).await.is_ok());
        let restricted = format!("\\restrict abc\n{HEAD}SET x;\n\\unrestrict abc\n{TAIL}");
        assert!(judge(&restricted).await.is_ok());
    }

    #[tokio::test]
    async fn a_dump_cut_anywhere_is_damaged() {
        let dump = dump();
        let end = dump.len() - "\n--\n\n".len();
        for cut in (0..end).step_by(911).chain(end - 60..=end) {
            assert_eq!(judge(&dump[..cut]).await.unwrap_err().kind(), ErrorKind::Damaged, "{cut}");
        }
    }

    #[tokio::test]
    async fn other_output_is_damaged_and_never_echoed() {
        let one_database = "--\n-- PostgreSQL database dump\n--\n\n-- PostgreSQL database dump complete\n";
        for wrong in
            ["", "SECRET\n", one_database, &dump().replace('\n', "\r\n"), &format!("SECRET\n{HEAD}{TAIL}")]
        {
            let error = judge(wrong).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Damaged);
            assert!(!format!("{error:?}").contains("SECRET"));
        }
    }
}
