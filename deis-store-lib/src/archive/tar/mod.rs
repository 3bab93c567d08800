//! Checks that a tar archive is whole, and that nothing of it would harm the host on which it is unpacked: from a reader,
//! or while it streams by.
//!
//! Tar has no checksum of its content and no count of its entries. It only has an end: two blocks of zeros. An archive
//! without them counts as damaged, since an archive that was cut off must never look whole. Nothing is unpacked here: a
//! [`Sink`] does that, or GNU tar, as root, which is given no byte of the archive but a fresh one made by [`Rewritten`].

mod before;
pub(crate) mod encode;
#[cfg(test)]
mod encode_tests;
mod entry;
mod fault;
mod header;
#[cfg(test)]
mod hostile_tests;
mod inspected;
#[cfg(test)]
mod interop_tests;
#[cfg(test)]
mod made;
#[cfg(test)]
mod mutated_tests;
mod names;
mod number;
mod oddity;
mod pax;
mod pax_sparse;
mod pending;
mod policy;
mod rewritten;
mod rules;
mod scan;
#[cfg(test)]
mod scan_tests;
mod sparse;

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

pub(crate) use entry::{Entry, EntryKind, Extent, Modified, Sink};
pub(crate) use fault::{Fault, Refused, Why};
pub(crate) use inspected::Inspected;
pub(crate) use oddity::{Oddities, Oddity};
pub(crate) use policy::{Limits, OnRefusal, Policy, Special};
pub(crate) use rewritten::Rewritten;
pub(crate) use rules::is_ours;
pub(crate) use scan::{Scan, Scanned};

use crate::error::{Error, ErrorKind, Result};

/// The blocks of zeros that end an archive.
pub(crate) const END_BYTES: usize = 2 * header::BLOCK_BYTES;

/// How much is read at a time.
const PIECE_BYTES: usize = 128 << 10;

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
    let policy = Policy { on_refusal: OnRefusal::Note, ..Policy::default() };
    read(reader, policy, &mut ()).await.map(|scanned| scanned.summary)
}

/// Reads an uncompressed archive to its end, without unpacking anything. It is an error if it is not whole, or has an entry
/// that must not be unpacked.
pub(crate) async fn check(reader: impl AsyncRead + Unpin) -> Result<Scanned> {
    read(reader, Policy::default(), &mut ()).await
}

/// Reads an uncompressed archive to its end, and gives its entries to a sink. What a load would refuse is refused, with names that
/// come twice.
pub(crate) async fn read(
    mut reader: impl AsyncRead + Unpin,
    policy: Policy,
    sink: &mut impl Sink,
) -> Result<Scanned> {
    let mut scan = Scan::with_names(policy);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match reader.read(&mut piece).await.map_err(read_error)? {
            0 => return scan.finish().map_err(read_error),
            count => scan.push(&piece[..count], sink).map_err(read_error)?,
        }
    }
}

/// The error of an archive that could not be read, or that must not be unpacked; or the sink's own.
pub(crate) fn read_error(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => match error.downcast::<Fault>() {
            Ok(fault) => as_error(&fault),
            Err(error) => damaged(error),
        },
    }
}

fn as_error(fault: &Fault) -> Error {
    let (kind, what, todo) = match fault {
        Fault::Malformed(_) | Fault::Refused(Refused { why: Why::Ambiguous(_), .. }) => {
            (ErrorKind::Damaged, "is not as an archive must be", TAKE_ANOTHER)
        }
        Fault::Refused(Refused { why: Why::Escapes(_), .. }) => (
            ErrorKind::Damaged,
            "is not unpacked, since it would harm the host",
            "find out who changed it; take another copy of the archive",
        ),
        Fault::Refused(Refused { why: Why::Unread(_), .. }) => (
            ErrorKind::Unsupported,
            "is not unpacked",
            "unpack it by hand; or pack what is in it once more, with GNU tar in its usual form",
        ),
        Fault::Refused(Refused { why: Why::Beyond(_), .. }) => (
            ErrorKind::Guard,
            "is not unpacked",
            "find out whether that can be; if so, unpack it by hand without that entry",
        ),
    };
    Error::new(kind, format!("the archive {what}: {fault}")).todo(todo)
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

#[cfg(test)]
mod tests {
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
        let mut inspected = Inspected::new(&archive[..], ());
        let mut passed = Vec::new();
        inspected.read_to_end(&mut passed).await.unwrap();
        assert!(passed == archive);
        assert_eq!(inspected.finish().unwrap().0.summary, inspect(&archive[..]).await.unwrap());
    }

    #[tokio::test]
    async fn damage_is_told_at_the_end_and_lets_the_bytes_pass() {
        let garbage = vec![b'x'; 768 << 10];
        let mut inspected = Inspected::new(&garbage[..], ());
        let mut passed = Vec::new();
        inspected.read_to_end(&mut passed).await.unwrap();
        assert!(passed == garbage);
        assert_eq!(inspected.finish().unwrap_err().kind(), ErrorKind::Damaged);
    }

    #[tokio::test]
    async fn an_archive_not_read_to_its_end_is_not_whole() {
        let archive = archive("gnu").await;
        let mut inspected = Inspected::new(&archive[..], ());
        inspected.read_exact(&mut [0; 1024]).await.unwrap();
        assert_eq!(inspected.finish().unwrap_err().kind(), ErrorKind::Damaged);
    }
}
