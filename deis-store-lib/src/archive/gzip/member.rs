//! One gzip member that says how long it is. Pure.
//!
//! Its header is always the same 16 bytes and then its length:
//!
//! ```text
//! 1f 8b 08  04      00 00 00 00  00   ff       08 00        44 53 04 00          u32
//! gzip      FEXTRA  no time      XFL  OS: any  8 bytes of   subfield DS, 4 bytes  the length of the member
//!                                              subfields
//! ```
//!
//! All numbers are little-endian. A member of any other header is somebody else's, and is read as every gzip is.

use std::error::Error;
use std::io;

use flate2::{Crc, Decompress, FlushDecompress, Status};
use libdeflater::{CompressionLvl, Compressor, crc32};

/// How many plain bytes a member has, at most.
pub(super) const PLAIN_BYTES: usize = 1 << 20;
/// The length of the header: it is that of the shortest gzip member, too.
pub(super) const HEADER_BYTES: usize = 20;
const TRAILER_BYTES: usize = 8;
const FIXED: [u8; 16] = [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 8, 0, b'D', b'S', 4, 0];

/// The shortest deflate stream is two bytes.
const SHORTEST_BYTES: usize = HEADER_BYTES + 2 + TRAILER_BYTES;
/// What cannot be compressed gets a few bytes longer: here another compressor than ours has some room for that.
const LONGEST_BYTES: usize = PLAIN_BYTES + (64 << 10);

/// The member of at most [`PLAIN_BYTES`].
pub(super) fn deflate(plain: &[u8], level: CompressionLvl) -> io::Result<Vec<u8>> {
    let mut compressor = Compressor::new(level);
    let mut deflated = vec![0; compressor.deflate_compress_bound(plain.len())];
    let deflated_bytes = compressor.deflate_compress(plain, &mut deflated).map_err(io::Error::other)?;
    deflated.truncate(deflated_bytes);
    let length = number(HEADER_BYTES + deflated_bytes + TRAILER_BYTES)?;
    Ok([&FIXED[..], &length, &deflated, &crc32(plain).to_le_bytes(), &number(plain.len())?].concat())
}

/// The length that a member says of itself, if it begins as ours do and could be as long.
pub(super) fn announced_bytes(beginning: &[u8]) -> Option<usize> {
    let (length, _) = beginning.strip_prefix(&FIXED)?.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    (SHORTEST_BYTES..=LONGEST_BYTES).contains(&length).then_some(length)
}

/// The plain bytes of a whole member whose header is ours. Anybody may have made it, so it is decompressed by code in
/// Rust; and libdeflate's does not tell where a stream ends.
pub(super) fn inflate(member: &[u8]) -> io::Result<Vec<u8>> {
    let (deflated, crc, plain_bytes) = parts(member)
        .filter(|(_, _, plain_bytes)| *plain_bytes <= PLAIN_BYTES)
        .ok_or_else(|| invalid("a gzip member says that it has more than it can have"))?;
    let mut plain = Vec::with_capacity(plain_bytes);
    let mut decompress = Decompress::new(false);
    let status = decompress.decompress_vec(deflated, &mut plain, FlushDecompress::Finish).map_err(invalid)?;
    // What is hidden between the end of the stream and the trailer, every other reader would take for a member.
    if status != Status::StreamEnd || decompress.total_in() != deflated.len() as u64 {
        return Err(invalid("a gzip member is not as long as it says"));
    }
    let mut found = Crc::new();
    found.update(&plain);
    if plain.len() != plain_bytes || found.sum() != crc {
        return Err(invalid("a gzip member's content does not match its checksum"));
    }
    Ok(plain)
}

/// The deflate stream of a member, and what its trailer says: the checksum and the number of the plain bytes.
fn parts(member: &[u8]) -> Option<(&[u8], u32, usize)> {
    let (rest, plain_bytes) = member.get(HEADER_BYTES..)?.split_last_chunk()?;
    let (deflated, crc) = rest.split_last_chunk()?;
    Some((deflated, u32::from_le_bytes(*crc), usize::try_from(u32::from_le_bytes(*plain_bytes)).ok()?))
}

fn number(length: usize) -> io::Result<[u8; 4]> {
    u32::try_from(length).map(u32::to_le_bytes).map_err(io::Error::other)
}

fn invalid(why: impl Into<Box<dyn Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
