//! Checks that a tar archive is whole: entry by entry, from a reader or while it streams by.
//!
//! Tar has no checksum of its content and no count of its entries. It only has an end: two blocks of zeros. An archive
//! without them counts as damaged, since an archive that was cut off must never look whole. Nothing is unpacked here.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, DuplexStream, ReadBuf};
use tokio::task::JoinHandle;

use crate::error::{Error, ErrorKind, Result};

const BLOCK_BYTES: usize = 512;
/// The size of the pipe between the stream and its inspection.
const PIPE_BYTES: usize = 256 << 10;

/// The totals of a whole archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TarSummary {
    /// The number of files, directories, links and others.
    pub(crate) entries: u64,
    /// The size of all files' content.
    pub(crate) file_bytes: u64,
    /// The size of the archive itself, with its padding.
    pub(crate) archive_bytes: u64,
}

/// Reads an uncompressed archive to its end. The error is [`ErrorKind::Damaged`] if the archive is not whole.
pub(crate) async fn inspect(reader: impl AsyncRead + Unpin) -> Result<TarSummary> {
    let mut summary = TarSummary::default();
    let counted = Counted { inner: reader, bytes: 0, ended: false };
    let mut archive = tokio_tar::Archive::new(counted);
    let mut entries = archive.entries().map_err(damaged)?;
    while let Some(entry) = entries.next().await {
        let entry = entry.map_err(damaged)?;
        summary.entries += 1;
        if entry.header().entry_type().is_file() {
            summary.file_bytes += entry.effective_size();
        }
    }
    drop(entries);
    let internal = || Error::new(ErrorKind::Internal, "an archive is still being read");
    let mut rest = archive.into_inner().map_err(|_| internal())?;
    require_end(&mut rest).await?;
    summary.archive_bytes = rest.bytes;
    Ok(summary)
}

/// Checks the end of an archive after its last entry. Either the input has ended: then the archive was cut off between
/// two entries. Or a block of zeros was read: then one more must follow, and nothing but zeros after it.
async fn require_end<R: AsyncRead + Unpin>(rest: &mut Counted<R>) -> Result<()> {
    let cut_off =
        || Error::new(ErrorKind::Damaged, "the archive was cut off before its end").todo(TAKE_ANOTHER);
    if rest.ended {
        return Err(cut_off());
    }
    let mut buffer = vec![0; PIPE_BYTES];
    let mut left_bytes = BLOCK_BYTES;
    loop {
        let read = rest.read(&mut buffer).await.map_err(damaged)?;
        if buffer[..read].iter().any(|byte| *byte != 0) {
            return Err(
                Error::new(ErrorKind::Damaged, "more data follows the archive's end").todo(TAKE_ANOTHER)
            );
        }
        if read == 0 {
            return if left_bytes == 0 { Ok(()) } else { Err(cut_off()) };
        }
        left_bytes = left_bytes.saturating_sub(read);
    }
}

const TAKE_ANOTHER: &str = "take another copy of the archive";

fn damaged(error: io::Error) -> Error {
    Error::new(ErrorKind::Damaged, "the archive cannot be read to its end").todo(TAKE_ANOTHER).because(error)
}

/// A reader that passes an archive through unchanged while a task inspects it.
///
/// The inspection never holds more than the pipe between them. If it fails, the bytes still pass, and
/// [`Inspected::finish`] returns the error.
pub(crate) struct Inspected<R> {
    inner: R,
    pipe: Option<DuplexStream>,
    /// The bytes that were passed to the caller and not yet to the inspection.
    unseen: Vec<u8>,
    inspection: JoinHandle<Result<TarSummary>>,
}

impl<R: AsyncRead + Unpin> Inspected<R> {
    /// Begins an inspection. To be called within a tokio runtime.
    pub(crate) fn new(reader: R) -> Self {
        let (pipe, far_end) = tokio::io::duplex(PIPE_BYTES);
        let inspection = tokio::spawn(inspect(far_end));
        Self { inner: reader, pipe: Some(pipe), unseen: Vec::new(), inspection }
    }

    /// The result of the inspection. The caller must have read the archive to its end, else it counts as not whole.
    pub(crate) async fn finish(mut self) -> Result<TarSummary> {
        drop(self.pipe.take());
        let internal = |error| Error::new(ErrorKind::Internal, "the inspection was given up").because(error);
        self.inspection.await.map_err(internal)?
    }

    /// Hands the inspection the bytes that it has not seen.
    fn poll_show(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let Some(pipe) = self.pipe.as_mut().filter(|_| !self.unseen.is_empty()) {
            match std::task::ready!(Pin::new(pipe).poll_write(context, &self.unseen)) {
                Ok(written @ 1..) => drop(self.unseen.drain(..written)),
                // The inspection has ended with an error, so it reads no more.
                _ => self.pipe = None,
            }
        }
        Poll::Ready(())
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Inspected<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll_show(context));
        self.unseen.clear();
        let filled = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        if self.pipe.is_some() {
            self.unseen.extend_from_slice(&buffer.filled()[filled..]);
        }
        Poll::Ready(Ok(()))
    }
}

impl<R> std::fmt::Debug for Inspected<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inspected").finish_non_exhaustive()
    }
}

/// Counts the bytes that are read, and remembers whether the input has ended.
struct Counted<R> {
    inner: R,
    bytes: u64,
    ended: bool,
}

impl<R: AsyncRead + Unpin> AsyncRead for Counted<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (filled, room) = (buffer.filled().len(), buffer.remaining());
        std::task::ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        let read = buffer.filled().len() - filled;
        self.bytes += read as u64;
        self.ended |= read == 0 && room > 0;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::{Local, run};

    /// GNU tar's archive of a directory with a file of zeros, an empty file, a long name and a link.
    async fn archive(format: &str) -> Vec<u8> {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::create_dir(path("logs")).unwrap();
        std::fs::write(path("logs/zeros.log"), vec![0; 4096]).unwrap();
        std::fs::write(path("logs/empty.log"), "").unwrap();
        std::fs::write(path(&"n".repeat(180)), vec![b'x'; 1000]).unwrap();
        std::os::unix::fs::symlink("zeros.log", path("logs/link")).unwrap();
        let directory = directory.path().to_str().unwrap();
        let format = format!("--format={format}");
        let command = ["tar", "-cpf", "-", "--sort=name", "--numeric-owner", &format, "-C", directory, "."];
        run(&Local::default(), &command).await.unwrap().stdout
    }

    #[tokio::test]
    async fn a_whole_archive_is_summed_up() {
        for format in ["gnu", "posix"] {
            let archive = archive(format).await;
            let summary = inspect(&archive[..]).await.unwrap();
            assert_eq!((summary.entries, summary.file_bytes), (6, 5096), "{format}");
            assert_eq!(summary.archive_bytes, archive.len() as u64);
        }
    }

    #[tokio::test]
    async fn an_archive_cut_anywhere_is_damaged() {
        let archive = archive("gnu").await;
        // The first byte of the padding: all that follows the two blocks of zeros may be missing.
        let end = archive.iter().rposition(|byte| *byte != 0).unwrap().next_multiple_of(BLOCK_BYTES)
            + 2 * BLOCK_BYTES;
        assert!(inspect(&archive[..end]).await.is_ok());
        let cuts = (0..end).step_by(BLOCK_BYTES).chain((0..end).step_by(997)).chain([end - 1]);
        for cut in cuts {
            let error = inspect(&archive[..cut]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Damaged, "cut to {cut} of {end}");
        }
    }

    #[tokio::test]
    async fn what_is_no_archive_or_more_than_one_is_damaged() {
        let archive = archive("gnu").await;
        let two = [&archive[..], &archive].concat();
        for wrong in [&b""[..], b"tar: error", &[b'x'; 2048], &two] {
            assert_eq!(inspect(wrong).await.unwrap_err().kind(), ErrorKind::Damaged);
        }
    }

    #[tokio::test]
    async fn an_empty_archive_is_whole() {
        assert_eq!(inspect(&[0; 10240][..]).await.unwrap().entries, 0);
    }

    #[tokio::test]
    async fn bytes_pass_unchanged_while_they_are_inspected() {
        let archive = archive("gnu").await;
        let mut inspected = Inspected::new(&archive[..]);
        let mut passed = Vec::new();
        inspected.read_to_end(&mut passed).await.unwrap();
        assert!(passed == archive);
        assert_eq!(inspected.finish().await.unwrap(), inspect(&archive[..]).await.unwrap());
    }

    #[tokio::test]
    async fn damage_is_told_at_the_end_and_lets_the_bytes_pass() {
        let garbage = vec![b'x'; 3 * PIPE_BYTES];
        let mut inspected = Inspected::new(&garbage[..]);
        let mut passed = Vec::new();
        inspected.read_to_end(&mut passed).await.unwrap();
        assert!(passed == garbage);
        assert_eq!(inspected.finish().await.unwrap_err().kind(), ErrorKind::Damaged);
    }

    #[tokio::test]
    async fn an_archive_not_read_to_its_end_is_not_whole() {
        let archive = archive("gnu").await;
        let mut inspected = Inspected::new(&archive[..]);
        inspected.read_exact(&mut [0; 1024]).await.unwrap();
        assert_eq!(inspected.finish().await.unwrap_err().kind(), ErrorKind::Damaged);
    }
}
