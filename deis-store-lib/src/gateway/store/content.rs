//! The bytes of an object: in memory, in the spool, in a snapshot's file, or joined of parts.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::spool::Region;
use crate::blocking::blocking_io;
use crate::http::Frames;
use crate::part::Part;
use crate::snapshot::{ListLine, SnapshotReader};

/// How much is read from a file at a time.
const PIECE_BYTES: u64 = 128 << 10;

/// The bytes of an object. Clones share them.
#[derive(Clone, Debug)]
pub(in crate::gateway) enum Content {
    Bytes(Bytes),
    Spooled(Arc<Region>),
    Snapshot(Arc<Stored>),
    Joined(Arc<[Content]>),
    /// A range of another one.
    Slice(Arc<Content>, Range<u64>),
}

/// An object of a snapshot.
#[derive(Debug)]
pub(in crate::gateway) struct Stored {
    pub(super) snapshot: SnapshotReader,
    pub(super) part: Part,
    /// As little of its line as finds the file.
    pub(super) line: ListLine,
}

impl Content {
    /// Its length in bytes.
    pub(in crate::gateway) fn length_bytes(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Spooled(region) => region.length_bytes(),
            Self::Snapshot(stored) => stored.line.size_bytes,
            Self::Joined(parts) => parts.iter().map(Self::length_bytes).sum(),
            Self::Slice(_, range) => range.end - range.start,
        }
    }

    /// A range of its bytes, as they are read.
    pub(in crate::gateway) fn open(&self, range: Range<u64>) -> Frames {
        match self {
            Self::Bytes(bytes) => Box::pin(stream::iter([Ok(slice(bytes, &range))])),
            Self::Spooled(region) => {
                let region = region.clone();
                Box::pin(pieces(range, move |at, buffer| region.read(at, buffer)))
            }
            Self::Snapshot(stored) => Box::pin(stream::once(open(stored.clone(), range)).try_flatten()),
            Self::Slice(whole, slice) => whole.open(slice.start + range.start..slice.start + range.end),
            Self::Joined(parts) => {
                let (parts, mut start) = (parts.clone(), 0);
                let wanted: Vec<_> = (0..parts.len())
                    .map(|index| {
                        let length = parts[index].length_bytes();
                        let part = start..start + length;
                        start = part.end;
                        let from = range.start.clamp(part.start, part.end) - part.start;
                        (index, from..range.end.clamp(part.start, part.end) - part.start)
                    })
                    .filter(|(_, range)| !range.is_empty())
                    .collect();
                Box::pin(stream::iter(wanted).flat_map(move |(index, range)| parts[index].open(range)))
            }
        }
    }
}

fn slice(bytes: &Bytes, range: &Range<u64>) -> Bytes {
    let at = |offset: u64| usize::try_from(offset).map_or(bytes.len(), |offset| offset.min(bytes.len()));
    bytes.slice(at(range.start)..at(range.end))
}

/// Opens the file of an object in a snapshot. One that is shorter than its line says ends in an error.
async fn open(
    stored: Arc<Stored>,
    range: Range<u64>,
) -> io::Result<impl stream::Stream<Item = io::Result<Bytes>> + Send> {
    let opened = blocking_io(move || {
        stored.snapshot.open_object(&stored.part, &stored.line).map_err(io::Error::other)
    });
    let file: Arc<File> = Arc::new(opened.await?);
    Ok(pieces(range, move |at, buffer| file.read_exact_at(buffer, at)))
}

fn pieces(
    range: Range<u64>,
    read: impl Fn(u64, &mut [u8]) -> io::Result<()> + Clone + Send + 'static,
) -> impl stream::Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold(range, move |range| {
        let read = read.clone();
        async move {
            if range.is_empty() {
                return Ok(None);
            }
            let next = range.end.min(range.start + PIECE_BYTES);
            let length = usize::try_from(next - range.start).map_err(io::Error::other)?;
            let piece = blocking_io(move || {
                let mut buffer = vec![0; length];
                read(range.start, &mut buffer).map(|()| buffer)
            });
            Ok(Some((Bytes::from(piece.await?), next..range.end)))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_range_across_parts_is_exact() {
        let part = |text: &'static str| Content::Bytes(Bytes::from_static(text.as_bytes()));
        let whole = Content::Joined(Arc::from([part("abc"), part(""), part("defg"), part("h")]));
        for from in 0..=8_u64 {
            for to in from..=8 {
                let pieces: Vec<Bytes> = whole.open(from..to).try_collect().await.unwrap();
                let (from, to) = (usize::try_from(from).unwrap(), usize::try_from(to).unwrap());
                assert_eq!(pieces.concat(), b"abcdefgh"[from..to]);
            }
        }
    }
}
