//! Bytes on their way from the network to the disk: a bounded channel to one blocking task, which hashes and writes.

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::new_file::NewFile;
use super::tap::Tap;
use crate::error::{Error, ErrorKind, Result};

/// How many chunks may wait for the disk: with the 256 KiB that the network gives at most, 1 MiB for each object.
const WAITING_CHUNKS: usize = 4;

/// Bytes that a blocking task writes. Dropped before [`Writing::finish`], what is written is dropped as it is, a little
/// later.
#[derive(Debug)]
pub(crate) struct Writing<W = Written> {
    chunks: mpsc::Sender<Chunk>,
    task: Option<JoinHandle<Result<Option<W>>>>,
}

/// An object that was written and can be checked before it is committed.
#[derive(Debug)]
pub(crate) struct Written<T = ()> {
    /// The file. To commit it blocks: do that in [`tokio::task::spawn_blocking`].
    pub(crate) new_file: NewFile,
    /// The tap that has seen its bytes.
    pub(crate) tap: T,
}

#[derive(Debug)]
enum Chunk {
    Bytes(Bytes),
    End,
}

impl<T: Tap> Writing<Written<T>> {
    /// Begins to write a file.
    #[must_use]
    pub(crate) fn start(new_file: NewFile, tap: T) -> Self {
        Self::by(|chunks| write(new_file, tap, chunks))
    }
}

impl<W: Send + 'static> Writing<W> {
    /// Begins to write in a way of the caller's, which gets the chunks on a thread that may wait for the disk.
    pub(crate) fn by(
        write: impl FnOnce(&mut dyn Iterator<Item = Bytes>) -> Result<W> + Send + 'static,
    ) -> Self {
        let (chunks, mut arriving) = mpsc::channel(WAITING_CHUNKS);
        let task = tokio::task::spawn_blocking(move || {
            let mut ended = false;
            let written = write(&mut std::iter::from_fn(|| match arriving.blocking_recv() {
                Some(Chunk::Bytes(bytes)) => Some(bytes),
                Some(Chunk::End) => {
                    ended = true;
                    None
                }
                // The sender went away before the end.
                None => None,
            }))?;
            Ok(ended.then_some(written))
        });
        Self { chunks, task: Some(task) }
    }

    /// Hands on a chunk, and waits while the disk is behind. The error of an earlier chunk may be returned here.
    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<()> {
        match self.chunks.send(Chunk::Bytes(bytes)).await {
            Ok(()) => Ok(()),
            Err(_) => self.outcome().await.and(Err(ended())),
        }
    }

    /// Waits until everything is written. It is not committed yet.
    pub(crate) async fn finish(mut self) -> Result<W> {
        // If the writer has stopped already, its error is returned below.
        let _ = self.chunks.send(Chunk::End).await;
        self.outcome().await?.ok_or_else(ended)
    }

    /// Waits until what is written is dropped as it is.
    pub(crate) async fn give_up(self) {
        drop(self.chunks);
        if let Some(task) = self.task {
            // The caller has given it up, so its outcome does not matter.
            let _ = task.await;
        }
    }

    async fn outcome(&mut self) -> Result<Option<W>> {
        match self.task.take() {
            Some(task) => task.await.map_err(|error| ended().because(error))?,
            None => Err(ended()),
        }
    }
}

fn ended() -> Error {
    Error::new(ErrorKind::Internal, "the writing of a file has ended before its bytes")
}

/// Writes a file at once; for the threads that may wait for the disk.
pub(crate) fn write<T: Tap>(
    mut new_file: NewFile,
    mut tap: T,
    chunks: impl IntoIterator<Item = Bytes>,
) -> Result<Written<T>> {
    for bytes in chunks {
        new_file.write_tapped(&bytes, &mut tap).map_err(|error| new_file.write_error(error))?;
    }
    Ok(Written { new_file, tap })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::disk::Root;
    use crate::hash::Sha256;

    struct Count(usize);

    impl Tap for Count {
        fn bytes(&mut self, bytes: &[u8]) {
            self.0 += bytes.len();
        }
    }

    #[tokio::test]
    async fn what_was_written_is_known_before_it_is_committed() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        let mut writing = Writing::start(root.new_object("k", "").unwrap(), Count(0));
        for piece in ["a", "b", "c"] {
            writing.write(Bytes::from(piece)).await.unwrap();
        }
        let written = writing.finish().await.unwrap();
        assert_eq!((written.new_file.size_bytes(), written.new_file.sha256()), (3, Some(Sha256::of(b"abc"))));
        assert_eq!(written.tap.0, 3);
        assert_eq!(root.kind(&["k"]).unwrap(), None);
        let committed =
            tokio::task::spawn_blocking(|| written.new_file.commit(0o400, None, true)).await.unwrap();
        assert_eq!(committed.unwrap().path, ["k"]);
    }

    #[tokio::test]
    async fn what_is_dropped_half_way_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        let mut writing = Writing::start(root.new_object("k", "").unwrap(), ());
        writing.write(Bytes::from("half")).await.unwrap();
        drop(writing);
        while !root.list().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
