//! The bytes of one object, from the gateway into a file: all of them are there and are what its `ETag` says, or the file
//! gets no name.

use bytes::Bytes;

use crate::blocking::blocking;
use crate::disk::{NewFile, Tap, Writing, Written, write};
use crate::error::Result;
use crate::s3::client::Download;
use crate::s3::op::ObjectInfo;
use crate::s3::{BucketName, Check, Checked, Client, Conclusion, ObjectKey};

/// An object of at most this size is written at once when all of it has come.
pub(super) const SMALL_BYTES: u64 = 256 << 10;

/// An object that arrives.
#[derive(Clone, Copy)]
pub(super) struct Arriving<'a> {
    pub(super) client: &'a Client,
    pub(super) bucket: &'a BucketName,
    pub(super) key: &'a ObjectKey,
    pub(super) info: &'a ObjectInfo,
}

/// Writes what is left of a download, if anything is, behind what is in the file that `open` gives and was checked
/// already; and if all bytes are right, settles the file.
pub(super) async fn arrive<T: Send + 'static, S: FnOnce(NewFile) -> Result<T> + Send + 'static>(
    object: Arriving<'_>,
    rest: Option<Download>,
    check: Check,
    open: impl FnOnce() -> Result<NewFile> + Send + 'static,
    settle: S,
) -> Result<(T, Checked)> {
    let mut rest = match rest {
        Some(mut small) if small.info().total_bytes <= SMALL_BYTES => {
            let mut chunks = Vec::new();
            while let Some(bytes) = small.try_next().await? {
                chunks.push(bytes);
            }
            // One visit to the threads that may wait for the disk, instead of three.
            let arrived = blocking(move || checked(write(open()?, check, chunks)?, settle)).await?;
            return object.settled(arrived).await;
        }
        rest => rest,
    };
    let mut writing = Writing::start(blocking(open).await?, check);
    if let Some(download) = &mut rest
        && let Err(error) = hand_on(download, &mut writing).await
    {
        // The next attempt finds the file as it was left, and not locked.
        writing.give_up().await;
        return Err(error);
    }
    let written = writing.finish().await?;
    object.settled(blocking(move || checked(written, settle)).await?).await
}

/// A file of which all bytes have come.
enum Arrived<T, S> {
    Settled(T, Checked),
    /// Whether the bytes are right is seen when they are read once more.
    Doubtful(Box<NewFile>, S, Conclusion),
}

impl Arriving<'_> {
    async fn settled<T: Send + 'static, S: FnOnce(NewFile) -> Result<T> + Send + 'static>(
        &self,
        arrived: Arrived<T, S>,
    ) -> Result<(T, Checked)> {
        let (new_file, settle, conclusion) = match arrived {
            Arrived::Settled(settled, checked) => return Ok((settled, checked)),
            Arrived::Doubtful(new_file, settle, conclusion) => (new_file, settle, conclusion),
        };
        match self.client.settled(self.bucket, self.key, self.info, conclusion).await {
            Ok(checked) => Ok((blocking(move || settle(*new_file)).await?, checked)),
            Err(error) => {
                new_file.discard();
                Err(error)
            }
        }
    }
}

/// Hands all bytes of a download to a writer.
pub(super) async fn hand_on<W: Send + 'static>(
    download: &mut Download,
    writing: &mut Writing<W>,
) -> Result<()> {
    while let Some(bytes) = download.try_next().await? {
        writing.write(bytes).await?;
    }
    Ok(())
}

fn checked<T, S: FnOnce(NewFile) -> Result<T>>(written: Written<Check>, settle: S) -> Result<Arrived<T, S>> {
    match written.tap.conclude() {
        Ok(Conclusion::Checked(checked)) => Ok(Arrived::Settled(settle(written.new_file)?, checked)),
        Ok(doubtful @ Conclusion::Doubtful { .. }) => {
            Ok(Arrived::Doubtful(Box::new(written.new_file), settle, doubtful))
        }
        Err(error) => {
            // No later run may go on with it.
            written.new_file.discard();
            Err(error)
        }
    }
}

impl Tap for Check {
    fn bytes(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }

    fn chunk(&mut self, chunk: &Bytes) {
        self.update_piece(chunk);
    }
}
