//! Checks that a tar archive is whole, and that nothing of it would harm the host on which it is unpacked: from a reader,
//! or while it streams by.
//!
//! Tar has no checksum of its content and no count of its entries. It only has an end: two blocks of zeros. An archive
//! without them counts as damaged, since an archive that was cut off must never look whole. Nothing is unpacked here: GNU tar
//! does that, as root, and so is given no byte that was not passed by [`Confined`].

mod confined;
mod fault;
mod header;
#[cfg(test)]
mod hostile_tests;
mod pax;
mod rules;
mod scan;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

pub(crate) use confined::Confined;
pub(crate) use fault::{Fault, Refused, Why};
pub(crate) use scan::RootEntry;

use crate::error::{Error, ErrorKind, Result};
use scan::{OnRefusal, Scan};

/// The totals of a whole archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TarSummary {
    /// The number of files, directories, links and others.
    pub(crate) entries: u64,
    /// The size of all files' content, with the holes of sparse files.
    pub(crate) file_bytes: u64,
    /// The size of the archive itself, with its padding.
    pub(crate) archive_bytes: u64,
}

/// Reads an uncompressed archive to its end. The error is [`ErrorKind::Damaged`] if the archive is not whole.
#[cfg(test)]
pub(crate) async fn inspect(reader: impl AsyncRead + Unpin) -> Result<TarSummary> {
    let mut inspected = Inspected::new(reader);
    tokio::io::copy(&mut inspected, &mut tokio::io::sink()).await.map_err(damaged)?;
    inspected.finish().map(|(summary, _)| summary)
}

/// Reads an uncompressed archive to its end, without unpacking anything. It is an error if it is not whole, or has an entry
/// that must not be unpacked as root.
pub(crate) async fn check(reader: impl AsyncRead + Unpin) -> Result<()> {
    let copied = tokio::io::copy(&mut Confined::new(reader), &mut tokio::io::sink()).await;
    copied.map(drop).map_err(read_error)
}

/// The error of an archive that could not be read, or that must not be unpacked.
pub(crate) fn read_error(error: io::Error) -> Error {
    let fault = error.get_ref().and_then(|inner| inner.downcast_ref::<Fault>()).cloned();
    match fault {
        Some(fault) => as_error(&fault),
        None => damaged(error),
    }
}

fn as_error(fault: &Fault) -> Error {
    match fault {
        Fault::Malformed(what) => {
            Error::new(ErrorKind::Damaged, format!("the archive is not whole, or none: {what}")).todo(TAKE_ANOTHER)
        }
        Fault::Refused(Refused { why: Why::Escapes(_), .. }) => Error::new(
            ErrorKind::Damaged,
            format!("the archive is not unpacked, since it would harm the host: {fault}"),
        )
        .todo("find out who changed it; take another copy of the archive"),
        Fault::Refused(Refused { why: Why::Privileged(_), .. }) => Error::new(
            ErrorKind::Guard,
            format!("the archive is not unpacked as root: {fault}"),
        )
        .todo("unpack it by hand without that entry; or remove the entry where it comes from, and take another copy"),
    }
}

const TAKE_ANOTHER: &str = "take another copy of the archive";

fn damaged(error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::Other => {
            ErrorKind::Damaged
        }
        io::ErrorKind::TimedOut => ErrorKind::Timeout,
        _ => ErrorKind::Disk,
    };
    Error::new(kind, "the archive cannot be read to its end").todo(TAKE_ANOTHER).because(error)
}

/// A reader that passes an archive through unchanged while it is inspected. If that fails, the bytes still pass, and
/// [`Inspected::finish`] returns the error.
pub(crate) struct Inspected<R> {
    inner: R,
    scan: Scan,
    fault: Option<Fault>,
}

impl<R: AsyncRead + Unpin> Inspected<R> {
    /// Begins an inspection.
    pub(crate) fn new(reader: R) -> Self {
        Self { inner: reader, scan: Scan::new(OnRefusal::Note), fault: None }
    }

    /// The totals, and the entries that must not be unpacked as root. The caller must have read the archive to its end, else
    /// it counts as not whole.
    pub(crate) fn finish(self) -> Result<(TarSummary, Vec<Refused>)> {
        match self.fault {
            Some(fault) => Err(as_error(&fault)),
            None => self.scan.finish().map_err(|fault| as_error(&fault)),
        }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Inspected<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let filled = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        if self.fault.is_none() {
            self.fault = self.scan.push(&buffer.filled()[filled..]).err();
        }
        Poll::Ready(Ok(()))
    }
}

impl<R> std::fmt::Debug for Inspected<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inspected").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::header::BLOCK_BYTES;
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
        assert_eq!(inspected.finish().unwrap().0, inspect(&archive[..]).await.unwrap());
    }

    #[tokio::test]
    async fn damage_is_told_at_the_end_and_lets_the_bytes_pass() {
        let garbage = vec![b'x'; 768 << 10];
        let mut inspected = Inspected::new(&garbage[..]);
        let mut passed = Vec::new();
        inspected.read_to_end(&mut passed).await.unwrap();
        assert!(passed == garbage);
        assert_eq!(inspected.finish().unwrap_err().kind(), ErrorKind::Damaged);
    }

    #[tokio::test]
    async fn an_archive_not_read_to_its_end_is_not_whole() {
        let archive = archive("gnu").await;
        let mut inspected = Inspected::new(&archive[..]);
        inspected.read_exact(&mut [0; 1024]).await.unwrap();
        assert_eq!(inspected.finish().unwrap_err().kind(), ErrorKind::Damaged);
    }
}
