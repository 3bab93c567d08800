//! An archive that is read: compressed or not, whole or of some members alone.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use flate2::bufread::MultiGzDecoder;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::StreamReader;

use super::index::IndexLine;
use super::members::Members;
use super::ratio::{self, Ratio};
use crate::archive::gzip;
use crate::archive::tar::END_BYTES;
use crate::blocking::read_ahead;
use crate::error::{At, Error, ErrorKind, Result, disk_error};

/// A reader of an uncompressed archive.
pub(super) type Plain = Pin<Box<dyn AsyncRead + Send>>;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const BUFFER_BYTES: usize = 256 << 10;
/// A longer line is none: a path has 64 KiB at most.
const LONGEST_LINE_BYTES: u64 = 1 << 20;

/// The uncompressed archive of a reader, which may be compressed or not.
pub(super) async fn plain(archive: impl AsyncRead + Send + Unpin + 'static, ratio: Ratio) -> Result<Plain> {
    let mut archive = tokio::io::BufReader::with_capacity(BUFFER_BYTES, archive);
    let beginning = archive
        .fill_buf()
        .await
        .map_err(|error| Error::new(ErrorKind::Disk, "cannot read the archive").because(error))?;
    // A pipe may give a single byte first. No name of ours begins with this one, nor of a tar that packs `.`.
    let is_gzip = beginning.first() == GZIP.first();
    Ok(match (is_gzip, ratio) {
        (false, _) => Box::pin(archive),
        (true, Ratio::Any) => Box::pin(gzip::decompress(archive)),
        (true, Ratio::Usual) => ratio::limited(archive),
    })
}

/// The archive in a file.
pub(super) async fn opened(path: &Path, ratio: Ratio) -> Result<Plain> {
    let file = tokio::fs::File::open(path).await.map_err(|error| not_opened(path, error))?;
    let metadata = file.metadata().await.map_err(|error| not_opened(path, error))?;
    if metadata.is_dir() {
        let error = Error::new(ErrorKind::Usage, "that is a directory, and no archive");
        return Err(error.at(At::Path, path.display()).todo("name the .tar.gz in it"));
    }
    plain(file, ratio).await
}

/// The entries of some members alone, as an archive of their own: by its index, so that nothing else is read.
pub(super) fn of_members(archive: &Path, index: PathBuf, members: Members) -> Plain {
    let lines = read_ahead(move || lines(&index));
    let runs = runs(lines, members);
    let state =
        Reading { runs: Box::pin(runs), archive: archive.to_owned(), current: None, has_ended: false };
    let pieces = stream::try_unfold(state, Reading::next);
    Box::pin(StreamReader::new(Box::pin(pieces)))
}

fn not_opened(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::new(ErrorKind::NotFound, "there is no such archive")
            .at(At::Path, path.display())
            .todo("check the path"),
        _ => disk_error("open the archive", path.display(), error),
    }
}

/// The lines of an index.
fn lines(index: &Path) -> Result<impl Iterator<Item = Result<IndexLine>> + use<>> {
    let file = File::open(index).map_err(|error| disk_error("open the index", index.display(), error))?;
    let mut reader = BufReader::new(MultiGzDecoder::new(BufReader::new(file)));
    let place = index.display().to_string();
    let mut has_failed = false;
    Ok(std::iter::from_fn(move || {
        if has_failed {
            return None;
        }
        let mut text = Vec::new();
        let read = reader.by_ref().take(LONGEST_LINE_BYTES).read_until(b'\n', &mut text);
        let line = match read {
            Ok(0) => return None,
            Ok(_) if text.ends_with(b"\n") => serde_json::from_slice(&text).map_err(io::Error::other),
            Ok(_) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) => Err(error),
        };
        has_failed = line.is_err();
        Some(line.map_err(|error| damaged_index(&place).because(error)))
    }))
}

fn damaged_index(place: &str) -> Error {
    Error::new(ErrorKind::Damaged, "the index of the archive cannot be read")
        .at(At::Path, place)
        .todo("load the whole archive, or from another snapshot")
}

/// Entries that lie one behind the other in the archive.
struct InSequence {
    first: IndexLine,
    archive_bytes: u64,
}

/// The entries of the members, joined where nothing lies between them.
fn runs(
    lines: impl Stream<Item = Result<IndexLine>> + Send,
    mut members: Members,
) -> impl Stream<Item = Result<InSequence>> + Send {
    let wanted = lines.filter(move |line| {
        let wanted = match line {
            Ok(line) => line.path().is_none_or(|path| members.wants(&path)),
            Err(_) => true,
        };
        std::future::ready(wanted)
    });
    let state = (Box::pin(wanted), None::<InSequence>);
    stream::unfold(state, async |(mut lines, mut run)| {
        loop {
            match lines.next().await {
                Some(Ok(line)) => match &mut run {
                    Some(before) if before.first.at_bytes + before.archive_bytes == line.at_bytes => {
                        before.archive_bytes += line.archive_bytes;
                    }
                    before => {
                        let archive_bytes = line.archive_bytes;
                        let ended = before.replace(InSequence { first: line, archive_bytes });
                        if let Some(ended) = ended {
                            return Some((Ok(ended), (lines, run)));
                        }
                    }
                },
                Some(Err(error)) => return Some((Err(error), (lines, None))),
                None => return run.take().map(|ended| (Ok(ended), (lines, None))),
            }
        }
    })
}

/// Members of an archive that are being read.
struct Reading {
    runs: Pin<Box<dyn Stream<Item = Result<InSequence>> + Send>>,
    archive: PathBuf,
    /// What is read now, and how many bytes of it are wanted.
    current: Option<(Plain, u64)>,
    has_ended: bool,
}

impl Reading {
    /// The next bytes of an archive that has the entries alone.
    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        loop {
            if let Some((reader, left_bytes)) =
                self.current.as_mut().filter(|(_, left_bytes)| *left_bytes > 0)
            {
                let mut piece = BytesMut::with_capacity(BUFFER_BYTES);
                if reader.take(*left_bytes).read_buf(&mut piece).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                *left_bytes -= piece.len() as u64;
                return Ok(Some((piece.freeze(), self)));
            }
            match self.runs.next().await {
                Some(run) => self.current = Some(begin(&self.archive, run.map_err(io::Error::other)?).await?),
                None if self.has_ended => return Ok(None),
                None => {
                    self.has_ended = true;
                    return Ok(Some((Bytes::from_static(&[0; END_BYTES]), self)));
                }
            }
        }
    }
}

/// A reader that is at the beginning of some entries, and how long they are.
async fn begin(archive: &Path, run: InSequence) -> io::Result<(Plain, u64)> {
    let mut file = tokio::fs::File::open(archive).await?;
    file.seek(SeekFrom::Start(run.first.member_at_bytes)).await?;
    let mut reader: Plain = Box::pin(gzip::decompress(file));
    let before = run.first.within_bytes;
    let skipped = tokio::io::copy(&mut (&mut reader).take(before), &mut tokio::io::sink()).await?;
    if skipped < before {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((reader, run.archive_bytes))
}
