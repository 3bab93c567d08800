//! Bytes of an open file as the body of a request.

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use rustix::buffer::spare_capacity;
use rustix::io::Errno;

use crate::blocking::blocking_io;
use crate::disk::CHUNK_BYTES;
use crate::http::{Frames, Source};

/// Bytes of an open file as the body of a request.
pub(super) struct FileBody {
    pub(super) file: Arc<File>,
    pub(super) offset_bytes: u64,
    pub(super) size_bytes: u64,
}

impl Source for FileBody {
    fn length_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn open(&self) -> Frames {
        let (file, end) = (self.file.clone(), self.offset_bytes + self.size_bytes);
        Box::pin(stream::unfold((file, self.offset_bytes), move |(file, offset)| async move {
            if offset == end {
                return None;
            }
            let reading = file.clone();
            let most = usize::try_from(end - offset).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
            match blocking_io(move || read_at(&reading, offset, most)).await {
                // Shorter than it was: the body comes short, and is not sent.
                Ok(bytes) if bytes.is_empty() => None,
                Ok(bytes) => {
                    let next = offset + bytes.len() as u64;
                    Some((Ok(bytes), (file, next)))
                }
                // The receiver stops at an error.
                Err(error) => Some((Err(error), (file, offset))),
            }
        }))
    }
}

impl fmt::Debug for FileBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileBody").field("size_bytes", &self.size_bytes).finish_non_exhaustive()
    }
}

fn read_at(file: &File, offset: u64, most: usize) -> io::Result<Bytes> {
    // Not zeroed before: that costs as much as a part of the reading.
    let mut chunk = Vec::with_capacity(most);
    while chunk.len() < most {
        let at = offset + chunk.len() as u64;
        match rustix::io::pread(file, spare_capacity(&mut chunk), at) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    chunk.truncate(most);
    Ok(Bytes::from(chunk))
}
