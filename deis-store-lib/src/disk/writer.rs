//! An object on its way from the network to the disk: a bounded channel to one blocking task, which hashes and writes.

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::new_file::NewFile;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::Sha256;

/// How many pieces may wait for the disk: with the 256 KiB that the network gives at most, 1 MiB for each object.
const WAITING_PIECES: usize = 4;

/// Somebody who looks at the bytes while they are written, such as a checksum.
pub trait Tap: Send + 'static {
    /// The next bytes.
    fn bytes(&mut self, bytes: &[u8]);

    /// The same, of which it may keep a part for a while.
    fn piece(&mut self, piece: &Bytes) {
        self.bytes(piece);
    }
}

/// Nobody.
impl Tap for () {
    fn bytes(&mut self, _: &[u8]) {}
}

/// An object that is being written. Dropped before [`Writing::finish`], its file is dropped as it is, a little later.
#[derive(Debug)]
pub struct Writing<T = ()> {
    pieces: mpsc::Sender<Piece>,
    task: Option<JoinHandle<Result<Option<Written<T>>>>>,
}

/// An object that was written and can be checked before it is committed.
#[derive(Debug)]
pub struct Written<T = ()> {
    /// The file. To commit it blocks: do that in [`tokio::task::spawn_blocking`].
    pub new_file: NewFile,
    /// Its size.
    pub size_bytes: u64,
    /// Its SHA-256, unless it was begun without.
    pub sha256: Option<Sha256>,
    /// Who has seen its bytes.
    pub tap: T,
}

#[derive(Debug)]
enum Piece {
    Bytes(Bytes),
    End,
}

impl<T: Tap> Writing<T> {
    /// Begins to write a file.
    #[must_use]
    pub fn start(new_file: NewFile, tap: T) -> Self {
        let (pieces, arriving) = mpsc::channel(WAITING_PIECES);
        Self { pieces, task: Some(tokio::task::spawn_blocking(|| write_arriving(new_file, tap, arriving))) }
    }

    /// Hands on a piece, and waits while the disk is behind. An error of an earlier piece may be told here.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        match self.pieces.send(Piece::Bytes(bytes)).await {
            Ok(()) => Ok(()),
            Err(_) => self.outcome().await.and(Err(ended())),
        }
    }

    /// Waits until everything is written. It is not committed yet.
    pub async fn finish(mut self) -> Result<Written<T>> {
        // If the task has ended already, it has a reason, which is told below.
        let _ = self.pieces.send(Piece::End).await;
        self.outcome().await?.ok_or_else(ended)
    }

    /// Waits until its file is dropped as it is.
    pub async fn give_up(self) {
        drop(self.pieces);
        if let Some(task) = self.task {
            // What befell it is of no interest any more.
            let _ = task.await;
        }
    }

    async fn outcome(&mut self) -> Result<Option<Written<T>>> {
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
pub fn write<T: Tap>(
    mut new_file: NewFile,
    mut tap: T,
    pieces: impl IntoIterator<Item = Bytes>,
) -> Result<Written<T>> {
    for bytes in pieces {
        new_file.write_tapped(&bytes, &mut tap).map_err(|error| new_file.write_error(error))?;
    }
    Ok(Written { size_bytes: new_file.size_bytes(), sha256: new_file.sha256(), new_file, tap })
}

/// `None` if the sender went away before the end.
fn write_arriving<T: Tap>(
    new_file: NewFile,
    tap: T,
    mut arriving: mpsc::Receiver<Piece>,
) -> Result<Option<Written<T>>> {
    let mut ended = false;
    let written = write(
        new_file,
        tap,
        std::iter::from_fn(|| match arriving.blocking_recv() {
            Some(Piece::Bytes(bytes)) => Some(bytes),
            Some(Piece::End) => {
                ended = true;
                None
            }
            None => None,
        }),
    )?;
    Ok(ended.then_some(written))
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::disk::Root;

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
        assert_eq!((written.size_bytes, written.sha256), (3, Some(Sha256::of(b"abc"))));
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

    #[tokio::test]
    async fn a_full_disk_reaches_the_writer_with_path_and_advice() {
        let mount = Tmpfs::mount("1m");
        let root = Root::open(mount.path()).unwrap();
        let mut writing = Writing::start(root.new_object("d/k", "").unwrap(), ());
        let piece = Bytes::from(vec![0; 256 << 10]);
        let error = loop {
            if let Err(error) = writing.write(piece.clone()).await {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::Disk);
        assert!(error.to_string().contains("d/k"), "{error}");
        assert_eq!(error.advice(), Some("free some space, then run it again"));
        assert!(root.subdirectory("d", false).unwrap().list().unwrap().is_empty());
    }

    /// A small file system of its own; the tests run as root.
    pub(in super::super) struct Tmpfs(tempfile::TempDir);

    impl Tmpfs {
        pub(in super::super) fn mount(size: &str) -> Self {
            let directory = tempfile::tempdir().unwrap();
            let mut mount = std::process::Command::new("mount");
            mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(directory.path());
            assert!(mount.status().unwrap().success(), "this test needs root, to mount a tmpfs");
            Self(directory)
        }

        pub(in super::super) fn path(&self) -> &std::path::Path {
            self.0.path()
        }
    }

    impl Drop for Tmpfs {
        fn drop(&mut self) {
            let _ = std::process::Command::new("umount").arg(self.0.path()).status();
        }
    }
}
