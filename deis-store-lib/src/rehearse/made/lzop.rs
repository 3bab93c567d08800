//! Files as the program lzop writes them from a pipe. WAL-E packs everything with lzop. Pure.
//!
//! A file has blocks of 256 KiB, each with an Adler-32 of its content. A block that packing does not make smaller is
//! stored unpacked. The packer never holds more than one block of the content.

use super::lzo;

const MAGIC: &[u8; 9] = b"\x89LZO\0\r\n\x1a\n";
/// Written by lzop 1.04 with LZO 2.10; lzop 0.94 and later can read it.
const VERSIONS: [u8; 6] = [0x10, 0x40, 0x20, 0xa0, 0x09, 0x40];
/// LZO1X-1, level 5.
const METHOD: [u8; 2] = [1, 5];
/// Made on Unix, from a pipe to a pipe; each block has the Adler-32 of its content.
const FLAGS: u32 = 0x0300_000d;
const BLOCK_BYTES: usize = 256 << 10;

/// An lzop file that is being written.
pub(super) struct Packer {
    file: Vec<u8>,
    block: Vec<u8>,
}

impl Packer {
    /// Begins a file. `packed_at` is in seconds since 1970.
    pub(super) fn new(packed_at: i64) -> Self {
        let mut header = [&VERSIONS[..], &METHOD, &FLAGS.to_be_bytes(), &[0; 4]].concat();
        // The lower half of the time, then the upper one.
        let [high @ .., a, b, c, d] = packed_at.to_be_bytes();
        header.extend_from_slice(&[a, b, c, d]);
        header.extend_from_slice(&high);
        // No name, since the content came from a pipe.
        header.push(0);
        let checksum = adler32(&header).to_be_bytes();
        let file = [&MAGIC[..], &header, &checksum].concat();
        Self { file, block: Vec::with_capacity(BLOCK_BYTES) }
    }

    /// Adds content to the file.
    pub(super) fn push(&mut self, mut content: &[u8]) {
        while !content.is_empty() {
            let (now, later) = content.split_at(content.len().min(BLOCK_BYTES - self.block.len()));
            self.block.extend_from_slice(now);
            content = later;
            if self.block.len() == BLOCK_BYTES {
                self.end_block();
            }
        }
    }

    /// Ends the file.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if !self.block.is_empty() {
            self.end_block();
        }
        self.number(0);
        self.file
    }

    fn end_block(&mut self) {
        let packed = lzo::compress(&self.block);
        let checksum = adler32(&self.block);
        let block = std::mem::take(&mut self.block);
        let body = if packed.len() < block.len() { &packed } else { &block };
        self.number(length(&block));
        self.number(length(body));
        self.number(checksum);
        self.file.extend_from_slice(body);
        self.block = block;
        self.block.clear();
    }

    fn number(&mut self, number: u32) {
        self.file.extend_from_slice(&number.to_be_bytes());
    }
}

/// Packs a small file in one call.
pub(super) fn pack(content: &[u8], packed_at: i64) -> Vec<u8> {
    let mut packer = Packer::new(packed_at);
    packer.push(content);
    packer.finish()
}

/// Adler-32 (RFC 1950).
pub(super) fn adler32(bytes: &[u8]) -> u32 {
    const PRIME: u32 = 65_521;
    // The sums of up to 5552 bytes fit into 32 bits before they are reduced. Chunks are shorter, since more of the
    // short ones are all zeros.
    const ZEROS: [u8; 1024] = [0; 1024];
    let (mut low, mut high) = (1, 0);
    for chunk in bytes.chunks(ZEROS.len()) {
        if chunk == ZEROS {
            high += low * 1024;
        } else {
            for byte in chunk {
                low += u32::from(*byte);
                high += low;
            }
        }
        (low, high) = (low % PRIME, high % PRIME);
    }
    high << 16 | low
}

/// A block's length, which always fits into 32 bits.
fn length(block: &[u8]) -> u32 {
    u32::try_from(block.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::sequence::Sequence;
    use super::super::unpack;
    use super::*;

    #[test]
    fn adler_32_of_the_world() {
        assert_eq!((adler32(b""), adler32(b"Wikipedia")), (1, 0x11e6_0398));
        assert_eq!(adler32(&vec![0xff; 1_000_000]), 0x3843_e1be);
    }

    /// The expected bytes come from lzop 1.04 itself: `printf hello | lzop -c`.
    #[test]
    fn a_small_file_is_what_lzop_makes_of_it() {
        let expected = [
            &b"\x89LZO\0\r\n\x1a\n\x10\x40\x20\xa0\x09\x40\x01\x05\x03\0\0\x0d\0\0\0\0"[..],
            b"\x6b\x02\xb2\xba\0\0\0\0\0\x2c\x69\x03\x49",
            b"\0\0\0\x05\0\0\0\x05\x06\x2c\x02\x15hello\0\0\0\0",
        ]
        .concat();
        assert_eq!(pack(b"hello", 0x6b02_b2ba), expected);
    }

    #[test]
    fn a_file_of_any_length_can_be_unpacked() {
        let noise = Sequence::new(1, "noise").bytes(2 * BLOCK_BYTES + 1);
        for length in [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, noise.len()] {
            for content in [&noise[..length], &vec![0; length]] {
                assert!(unpack::file(&pack(content, 0)) == content, "{length}");
            }
        }
    }
}
