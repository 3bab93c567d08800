//! The bytes of one object, from the gateway into a file: all of them are there and are what its `ETag` says, or the file
//! gets no name.

use bytes::Bytes;

use crate::blocking::blocking;
use crate::disk::{NewFile, Tap, Writing, Written, write};
use crate::error::Result;
use crate::outcome::Outcome;
use crate::s3::client::Download;
use crate::s3::{Check, Checked};

/// An object of at most this size is written at once when all of it has come.
pub(super) const SMALL_BYTES: u64 = 256 << 10;

/// Writes what is left of a download, if anything is, behind what is in the file that `open` gives and was checked
/// already; and if all bytes are right, settles the file.
pub(super) async fn arrive<T: Send + 'static>(
    rest: Option<Download>,
    check: Check,
    open: impl FnOnce() -> Result<NewFile> + Send + 'static,
    settle: impl FnOnce(NewFile) -> Result<T> + Send + 'static,
) -> Result<(T, Checked)> {
    let mut rest = match rest {
        Some(mut small) if small.info().total_bytes <= SMALL_BYTES => {
            let mut chunks = Vec::new();
            while let Some(bytes) = small.try_next().await? {
                chunks.push(bytes);
            }
            // One visit to the threads that may wait for the disk, instead of three.
            return blocking(move || checked(write(open()?, check, chunks)?, settle)).await;
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
    blocking(move || checked(written, settle)).await
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

fn checked<T>(written: Written<Check>, settle: impl FnOnce(NewFile) -> Result<T>) -> Result<(T, Checked)> {
    match written.tap.finish() {
        Ok(checked) => Ok((settle(written.new_file)?, checked)),
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

/// The outcome of an object that came, by what its bytes were checked against.
pub(super) fn outcome_of(checked: Checked) -> Outcome {
    match checked {
        Checked::None => Outcome::Unverifiable("its ETag says nothing of its bytes".to_owned()),
        _ => Outcome::Stored,
    }
}
