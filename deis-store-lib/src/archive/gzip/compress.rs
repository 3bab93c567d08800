//! Compresses a stream: one member for each MiB, several at the same time.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use libdeflater::CompressionLvl;
use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};

use super::member::{self, PLAIN_BYTES};
use super::pieces::Pieces;
use super::places::Places;
use super::work::{at_once, begin};

/// The bytes of a reader, compressed with gzip at the usual level 6.
///
/// As long as nobody reads on, the reader is not read either, but for one member for each core and two more.
pub(crate) fn compress<R: AsyncRead>(reader: R) -> Compressed<impl AsyncRead + Unpin + use<R>> {
    let places = Places::default();
    let known = places.clone();
    let members = blocks(reader)
        .map(|block| {
            let compressed = block.map(|block| begin(move || compressed(&block)));
            async move { compressed?.await }
        })
        .buffered(at_once())
        .map_ok(move |(plain_bytes, member)| {
            known.add(plain_bytes, member.len());
            member
        });
    Compressed { reader: Pieces::new(members), places }
}

/// A reader of compressed bytes, which knows where the members of what it has given begin.
#[derive(Debug)]
pub(crate) struct Compressed<R> {
    reader: R,
    places: Places,
}

impl<R> Compressed<R> {
    /// Where the plain bytes are in the compressed ones. What is returned stays up to date.
    pub(crate) fn places(&self) -> Places {
        self.places.clone()
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Compressed<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.reader).poll_read(context, buffer)
    }
}

/// How many plain bytes a member has, and the member.
fn compressed(block: &[u8]) -> io::Result<(usize, Bytes)> {
    let member = member::deflate(block, CompressionLvl::default())?;
    Ok((block.len(), member.into()))
}

/// What is read, in blocks for one member each. Only the last is shorter, and there is one even if it is empty.
fn blocks(reader: impl AsyncRead) -> impl Stream<Item = io::Result<BytesMut>> {
    let source = Source { reader: Box::pin(reader), has_begun: false };
    stream::unfold(Some(source), async |source| {
        let mut source = source?;
        match source.block().await {
            Ok(block) if block.is_empty() && source.has_begun => None,
            Ok(block) if block.len() < PLAIN_BYTES => Some((Ok(block), None)),
            Ok(block) => Some((Ok(block), Some(Source { has_begun: true, ..source }))),
            Err(error) => Some((Err(error), None)),
        }
    })
}

struct Source<R> {
    reader: Pin<Box<R>>,
    has_begun: bool,
}

impl<R: AsyncRead> Source<R> {
    async fn block(&mut self) -> io::Result<BytesMut> {
        let mut block = BytesMut::with_capacity(PLAIN_BYTES);
        let mut reader = (&mut self.reader).take(PLAIN_BYTES as u64);
        while reader.read_buf(&mut block).await? > 0 {}
        Ok(block)
    }
}
