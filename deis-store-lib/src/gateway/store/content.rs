//! The bytes of an object: in memory, in the spool, in a file of their own, in a snapshot's file, or joined of parts.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::failures::Failures;
use super::kept_file::KeptFile;
use super::spool::Region;
use super::stored::Stored;
use crate::blocking::blocking_io;
use crate::error::{Error, Result, disk_error};
use crate::http::Frames;

/// How much is read from a file at a time.
const PIECE_BYTES: u64 = 128 << 10;

/// The bytes of an object. Clones share them.
///
/// The parts of a joined one are never joined ones, and a slice is never one of these or of a slice: however often something is
/// copied in parts, it is two levels deep.
#[derive(Clone, Debug)]
pub(in crate::gateway) enum Content {
    Bytes(Bytes),
    Spooled(Arc<Region>),
    Kept(Arc<KeptFile>),
    Snapshot(Arc<Stored>),
    Joined(Arc<[Content]>),
    /// A range of another one.
    Slice(Arc<Content>, Range<u64>),
}

impl Content {
    /// Several ones behind each other.
    pub(in crate::gateway) fn join(parts: Vec<Self>) -> Self {
        let mut pieces = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Self::Joined(parts) => pieces.extend(parts.iter().cloned()),
                part => pieces.push(part),
            }
        }
        Self::Joined(pieces.into())
    }

    /// A range of it, which must be within it.
    pub(in crate::gateway) fn slice(&self, range: Range<u64>) -> Self {
        match self {
            Self::Slice(whole, slice) => {
                Self::Slice(whole.clone(), slice.start + range.start..slice.start + range.end)
            }
            Self::Joined(parts) => {
                let within = within(parts, &range);
                Self::Joined(within.into_iter().map(|(index, range)| parts[index].slice(range)).collect())
            }
            whole => Self::Slice(Arc::new(whole.clone()), range),
        }
    }

    /// Its length in bytes.
    pub(in crate::gateway) fn length_bytes(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Spooled(region) => region.length_bytes(),
            Self::Kept(file) => file.size_bytes(),
            Self::Snapshot(stored) => stored.size_bytes(),
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
            Self::Kept(file) => {
                let (file, failures) = (file.clone(), file.failures());
                Box::pin(of_file(move || file.open(), failures, range))
            }
            Self::Snapshot(stored) => {
                let (stored, failures) = (stored.clone(), stored.failures());
                Box::pin(of_file(move || stored.open(), failures, range))
            }
            Self::Slice(whole, slice) => whole.open(slice.start + range.start..slice.start + range.end),
            Self::Joined(parts) => {
                let (parts, wanted) = (parts.clone(), within(parts, &range));
                Box::pin(stream::iter(wanted).flat_map(move |(index, range)| parts[index].open(range)))
            }
        }
    }
}

/// The parts that a range of the whole touches, each with the range of it.
fn within(parts: &[Content], range: &Range<u64>) -> Vec<(usize, Range<u64>)> {
    let mut start = 0;
    let touched = parts.iter().enumerate().map(|(index, part)| {
        let part = start..start + part.length_bytes();
        start = part.end;
        let from = range.start.clamp(part.start, part.end) - part.start;
        (index, from..range.end.clamp(part.start, part.end) - part.start)
    });
    touched.filter(|(_, range)| !range.is_empty()).collect()
}

fn slice(bytes: &Bytes, range: &Range<u64>) -> Bytes {
    let at = |offset: u64| usize::try_from(offset).map_or(bytes.len(), |offset| offset.min(bytes.len()));
    bytes.slice(at(range.start)..at(range.end))
}

/// The bytes of a file with its path, for messages. One that is shorter than it should be ends in an error.
fn of_file(
    open: impl FnOnce() -> Result<(File, String)> + Send + 'static,
    failures: Arc<Failures>,
    range: Range<u64>,
) -> impl stream::Stream<Item = io::Result<Bytes>> + Send {
    let opening = async move {
        let of_opening = failures.clone();
        let opened = blocking_io(move || open().map_err(|error| told(&of_opening, error)));
        let (file, path) = opened.await?;
        let (file, path): (Arc<File>, Arc<str>) = (Arc::new(file), path.into());
        io::Result::Ok(pieces(range, move |at, buffer| {
            let read = file.read_exact_at(buffer, at);
            read.map_err(|error| told(&failures, disk_error("read", &path, error)))
        }))
    };
    stream::once(opening).try_flatten()
}

fn told(failures: &Failures, error: Error) -> io::Error {
    let text = error.to_string();
    failures.remember(error);
    io::Error::other(text)
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

    fn whole() -> Content {
        let part = |text: &'static str| Content::Bytes(Bytes::from_static(text.as_bytes()));
        Content::join(vec![part("abc"), part(""), Content::join(vec![part("de"), part("fg")]), part("h")])
    }

    async fn read(content: &Content, range: Range<u64>) -> Vec<u8> {
        let pieces: Vec<Bytes> = content.open(range).try_collect().await.unwrap();
        pieces.concat()
    }

    #[tokio::test]
    async fn a_range_across_parts_is_exact() {
        for from in 0..=8_usize {
            for to in from..=8 {
                let range = from as u64..to as u64;
                assert_eq!(read(&whole(), range.clone()).await, b"abcdefgh"[from..to]);
                let slice = whole().slice(range);
                assert_eq!(slice.length_bytes(), (to - from) as u64);
                assert_eq!(read(&slice, 0..slice.length_bytes()).await, b"abcdefgh"[from..to]);
            }
        }
    }

    #[tokio::test]
    async fn however_often_something_is_copied_in_parts_it_is_two_levels_deep() {
        let mut content = whole();
        for _ in 0..1000 {
            content = Content::join(vec![content.slice(0..3), content.slice(3..8).slice(0..5)]);
        }
        let Content::Joined(parts) = &content else { panic!("{content:?}") };
        let is_flat = |part: &Content| match part {
            Content::Slice(whole, _) => matches!(**whole, Content::Bytes(_)),
            part => matches!(part, Content::Bytes(_)),
        };
        assert!(parts.len() < 10 && parts.iter().all(is_flat), "{content:?}");
        assert_eq!(read(&content, 0..8).await, b"abcdefgh");
    }
}
