//! A file's bytes, piece by piece. Memory does not grow with the file.

use std::io::{self, Read};

const PIECE_BYTES: usize = 256 << 10;

/// Calls `each` with all bytes of a reader in order, and returns how many there were.
pub(crate) fn each_piece(reader: &mut impl Read, mut each: impl FnMut(&[u8])) -> io::Result<u64> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut size_bytes = 0;
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok(size_bytes),
            Ok(count) => {
                size_bytes += count as u64;
                each(&piece[..count]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
