//! A directory that is read, inspected on its way, and compressed: by us, or by its host.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::{io, mem};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};

use super::directory::Directory;
use super::index::{IndexLine, Indexer, SharedIndexer};
use super::options::{Compress, SaveOptions};
use super::saved::Saved;
use super::{here, host};
use crate::archive::gzip::{self, Places};
use crate::archive::tar::{Inspected, Scanned};
use crate::error::{At, Error, ErrorKind, Result};

/// How much of the archive is handed on at a time.
const PIECE_BYTES: usize = 256 << 10;

/// Where an archive and its index go.
pub(crate) trait Taker {
    /// Takes the next bytes of the compressed archive.
    async fn take(&mut self, bytes: Bytes) -> Result<()>;

    /// Takes the next line of its index.
    async fn line(&mut self, line: IndexLine) -> Result<()>;
}

/// Reads a directory to its end. The archive and its index go to the taker as they come; neither is of use unless this
/// succeeds.
pub(crate) async fn save_to(
    directory: &Directory,
    options: &SaveOptions,
    taker: &mut impl Taker,
) -> Result<Saved> {
    match directory {
        Directory::Here(path) => {
            let warning = host::require_volume_here(path)?;
            let mut saving = here::save(path).await?;
            let scanned = compressed_here(&mut saving, taker).await?;
            Ok(Saved::of_here(saving.finish()?, warning, scanned))
        }
        Directory::On { host, path } => {
            let compress = match options.compress {
                Some(compress) => compress,
                None => host::faster(&**host).await,
            };
            let (source, ending) = host::save(&**host, path, compress).await?;
            let scanned = match compress {
                Compress::Here => compressed_here(source, taker).await,
                Compress::There => compressed_there(source, taker).await,
            };
            // What tar says of its end tells more than where its stream has ended.
            let is_of_stream =
                |error: &Error| matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Damaged);
            let scanned = match scanned {
                Err(error) if !is_of_stream(&error) => return Err(error),
                other => other,
            };
            let told = ending.finish().await?;
            let scanned = scanned.map_err(|error| error.at(At::Host, host.host()))?;
            Ok(Saved::of_host(told, scanned))
        }
    }
}

/// The archive is compressed by all cores of this machine.
async fn compressed_here(source: impl AsyncRead + Send + Unpin, taker: &mut impl Taker) -> Result<Scanned> {
    let indexer = SharedIndexer::default();
    let mut inspected = Inspected::new(source, indexer.clone());
    let mut compressed = gzip::compress(&mut inspected);
    let places = compressed.places();
    loop {
        let mut piece = BytesMut::with_capacity(PIECE_BYTES);
        if compressed.read_buf(&mut piece).await.map_err(broke_off)? == 0 {
            break;
        }
        taker.take(piece.freeze()).await?;
        hand_on(&indexer, &places, taker).await?;
    }
    drop(compressed);
    let (scanned, _) = inspected.finish()?;
    indexer.lock().finish(scanned.summary.archive_bytes);
    hand_on(&indexer, &places, taker).await?;
    Ok(scanned)
}

/// The archive comes compressed. It is inspected as it goes by, and its bytes are handed on as they are.
async fn compressed_there(
    source: impl AsyncRead + Send + Unpin + 'static,
    taker: &mut impl Taker,
) -> Result<Scanned> {
    let indexer = SharedIndexer::default();
    let (source, passed) = Tapped::new(source);
    let mut inspected = Inspected::new(Box::pin(gzip::decompress(source)), indexer.clone());
    let places = Places::of_one_member();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = inspected.read(&mut piece).await.map_err(broke_off)?;
        let bytes = passed.take();
        if !bytes.is_empty() {
            taker.take(bytes).await?;
        }
        hand_on(&indexer, &places, taker).await?;
        if read == 0 {
            break;
        }
    }
    let (scanned, _) = inspected.finish()?;
    indexer.lock().finish(scanned.summary.archive_bytes);
    hand_on(&indexer, &places, taker).await?;
    Ok(scanned)
}

async fn hand_on(indexer: &SharedIndexer, places: &Places, taker: &mut impl Taker) -> Result<()> {
    while let Some(line) = next_line(indexer, places) {
        taker.line(line).await?;
    }
    Ok(())
}

/// The lock is not held while the line is taken.
fn next_line(indexer: &SharedIndexer, places: &Places) -> Option<IndexLine> {
    Indexer::next(&mut indexer.lock(), places)
}

fn broke_off(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::TimedOut => {
            Error::new(ErrorKind::Timeout, "the stream from the host stands still").because(error)
        }
        _ => match error.downcast::<Error>() {
            // What our own reader of a directory says.
            Ok(error) => error,
            Err(error) => {
                Error::new(ErrorKind::Unreachable, "the stream of the archive broke off").because(error)
            }
        },
    }
    .todo("look on the host why it waits or has ended; then run this again")
}

/// A reader whose bytes are kept until they are taken.
struct Tapped<R> {
    inner: R,
    taken: Taken,
}

/// The bytes that were read and not taken yet.
#[derive(Clone, Default)]
struct Taken(Arc<Mutex<BytesMut>>);

impl Taken {
    fn take(&self) -> Bytes {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).freeze()
    }
}

impl<R> Tapped<R> {
    fn new(inner: R) -> (Self, Taken) {
        let taken = Taken::default();
        (Self { inner, taken: taken.clone() }, taken)
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Tapped<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let filled = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        let mut taken = self.taken.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.extend_from_slice(&buffer.filled()[filled..]);
        Poll::Ready(Ok(()))
    }
}
