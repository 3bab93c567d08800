//! A file's bytes, piece by piece. Memory does not grow with the file.

use std::io::{self, Read};

use bytes::{Bytes, BytesMut};

const PIECE_BYTES: usize = 256 << 10;

/// Calls `each` with all bytes of a reader in order, and returns how many there were.
pub(crate) fn read_chunks(reader: &mut impl Read, mut each: impl FnMut(&Bytes)) -> io::Result<u64> {
    let mut buffer = BytesMut::zeroed(PIECE_BYTES);
    let mut size_bytes = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(size_bytes),
            Ok(count) => {
                size_bytes += count as u64;
                let whole = buffer.freeze();
                each(&whole.slice(..count));
                // It is ours alone again, unless `each` has kept something.
                buffer = whole.try_into_mut().unwrap_or_else(|_| BytesMut::zeroed(PIECE_BYTES));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
