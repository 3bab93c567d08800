//! A reader read to its end, piece by piece.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

const PIECE_BYTES: usize = 128 << 10;

/// Gives each piece to `take`; says how many bytes there were.
pub(super) async fn each_piece(
    reader: &mut (impl AsyncRead + Unpin),
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<u64> {
    let (mut piece, mut bytes) = (vec![0; PIECE_BYTES], 0);
    loop {
        let count = reader.read(&mut piece).await?;
        if count == 0 {
            return Ok(bytes);
        }
        take(&piece[..count])?;
        bytes += count as u64;
    }
}
