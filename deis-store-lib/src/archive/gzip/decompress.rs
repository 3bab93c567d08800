//! Decompresses a stream of members: ours several at the same time, those of other programs one after the other.

use std::io::{self, Cursor};
use std::pin::Pin;

use async_compression::tokio::bufread::GzipDecoder;
use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, ready};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::io::{AsyncRead, AsyncReadExt as _, BufReader, Chain};
use tokio::task::coop::consume_budget;

use super::member::{self, HEADER_BYTES};
use super::pieces::Pieces;
use super::work::{at_once, begin};

/// The size of the buffer between a reader and the decompressor, and of the pieces of a foreign member's plain text.
const BUFFER_BYTES: usize = 256 << 10;

/// A shorter member is decompressed sooner than a thread is found for it. An archive may have millions that are empty.
const FOR_A_THREAD_BYTES: usize = 16 << 10;

/// The decompressed bytes of all members. Memory is bounded whatever they say; how many bytes may come is the caller's to
/// limit.
pub(crate) fn decompress<R: AsyncRead>(reader: R) -> impl AsyncRead + Unpin + use<R> {
    let pieces = parts(reader).map(|part| match part {
        Ok(Part::Member(member)) if member.len() < FOR_A_THREAD_BYTES => {
            Either::Right(ready(inflated(&member)))
        }
        Ok(Part::Member(member)) => Either::Left(begin(move || inflated(&member))),
        Ok(Part::Plain(piece)) => Either::Right(ready(Ok(piece))),
        Err(error) => Either::Right(ready(Err(error))),
    });
    Pieces::new(pieces.buffered(at_once()))
}

fn inflated(member: &[u8]) -> io::Result<Bytes> {
    member::inflate(member).map(Bytes::from)
}

/// RFC 1952: a reader must refuse them.
const RESERVED_FLAGS: u8 = 0b1110_0000;

/// A part of what is read.
enum Part {
    /// A whole member of ours.
    Member(Vec<u8>),
    /// The next plain bytes of a foreign member.
    Plain(Bytes),
}

fn parts(reader: impl AsyncRead) -> impl Stream<Item = io::Result<Part>> {
    let reader = BufReader::with_capacity(BUFFER_BYTES, Box::pin(reader));
    stream::unfold(Some(Source::Before(reader)), async |source| match source?.next().await {
        Ok(next) => next.map(|(part, source)| (Ok(part), Some(source))),
        Err(error) => Some((Err(error), None)),
    })
}

type Reader<R> = BufReader<Pin<Box<R>>>;
/// A foreign member: its beginning, which was looked at, and the rest.
type Foreign<R> = Chain<Cursor<Vec<u8>>, Reader<R>>;

/// Where the next part begins.
enum Source<R> {
    /// At the first member, which must be there.
    Before(Reader<R>),
    /// At a further member, or at the end.
    Between(Reader<R>),
    /// Within a foreign member.
    Within(Box<GzipDecoder<Foreign<R>>>),
}

impl<R: AsyncRead> Source<R> {
    /// The next part, and where the one after it begins. There is none at the end.
    async fn next(mut self) -> io::Result<Option<(Part, Self)>> {
        loop {
            // Members without content give the caller nothing to wait for.
            consume_budget().await;
            let (mut reader, is_first) = match self {
                Self::Before(reader) => (reader, true),
                Self::Between(reader) => (reader, false),
                Self::Within(mut decoder) => {
                    let mut piece = BytesMut::with_capacity(BUFFER_BYTES);
                    if decoder.read_buf(&mut piece).await? > 0 {
                        return Ok(Some((Part::Plain(piece.freeze()), Self::Within(decoder))));
                    }
                    // The shortest member is as long as our header: nothing of the beginning is left.
                    let (_, reader) = decoder.into_inner().into_inner();
                    self = Self::Between(reader);
                    continue;
                }
            };
            let mut beginning = Vec::with_capacity(HEADER_BYTES);
            (&mut reader).take(HEADER_BYTES as u64).read_to_end(&mut beginning).await?;
            if beginning.is_empty() && !is_first {
                return Ok(None);
            }
            // These have no meaning yet, and what follows them may be another thing than it seems.
            if beginning.get(3).is_some_and(|flags| flags & RESERVED_FLAGS != 0) {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a gzip member has flags that are reserved",
                ));
            }
            if let Some(length) = member::announced_bytes(&beginning) {
                beginning.resize(length, 0);
                reader.read_exact(beginning.get_mut(HEADER_BYTES..).unwrap_or_default()).await?;
                return Ok(Some((Part::Member(beginning), Self::Between(reader))));
            }
            self = Self::Within(Box::new(GzipDecoder::new(Cursor::new(beginning).chain(reader))));
        }
    }
}
