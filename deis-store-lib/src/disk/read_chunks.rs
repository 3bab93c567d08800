//! A file's bytes, chunk by chunk. Memory does not grow with the file.

use std::io::{self, Read};

use bytes::{Bytes, BytesMut};
use sha2::Digest as _;

use crate::hash::Sha256;

/// How much is read at a time. It stays in a core's second cache, together with what it is copied from: with twice as much, reading
/// 10 GiB from memory takes 4.5 s in the kernel, and 1 s with this.
pub(crate) const CHUNK_BYTES: usize = 128 << 10;

/// Calls `each` with all bytes of a reader in order, and returns how many there were.
pub(crate) fn read_chunks(reader: &mut impl Read, mut each: impl FnMut(&Bytes)) -> io::Result<u64> {
    let mut buffer = BytesMut::zeroed(CHUNK_BYTES);
    let mut size_bytes = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(size_bytes),
            Ok(count) => {
                size_bytes += count as u64;
                let whole = buffer.freeze();
                each(&whole.slice(..count));
                // It is ours alone again, unless `each` has kept something.
                buffer = whole.try_into_mut().unwrap_or_else(|_| BytesMut::zeroed(CHUNK_BYTES));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The digest of all bytes of a reader, and how many there were. It reads into the caller's buffer.
pub(crate) fn sha256_of(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<(u64, Sha256)> {
    let (mut sha256, mut size_bytes) = (sha2::Sha256::new(), 0);
    loop {
        match reader.read(buffer) {
            Ok(0) => return Ok((size_bytes, Sha256(sha256.finalize().into()))),
            Ok(count) => {
                sha256.update(&buffer[..count]);
                size_bytes += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
