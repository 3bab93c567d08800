//! The layers of made images: a tar of made files, plain or as gzip. Pure.

use flate2::Crc;

use super::sequence::Sequence;
use super::tar::{self, Entry};

/// 2015-09-03 00:00 UTC.
const MODIFIED: u64 = 1_441_238_400;
const FILE_BYTES: usize = 700_000;

/// A layer: its content and its packing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layer {
    pub(super) seed: u64,
    pub(super) name: &'static str,
    /// The size of all files together.
    pub(super) content_bytes: usize,
    pub(super) gzip: bool,
}

impl Layer {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut noise = Sequence::new(self.seed, self.name);
        let files = self.content_bytes.div_ceil(FILE_BYTES);
        let mut archive = Vec::with_capacity(self.content_bytes + 1024 * (files + 4));
        let directory = format!("app/{}/", self.name);
        Entry::directory(&directory, MODIFIED).append(&mut archive, b"");
        for number in 0..files {
            let left = self.content_bytes - number * FILE_BYTES;
            let name = format!("{directory}slug-{number}.bin");
            let content = noise.bytes(left.min(FILE_BYTES));
            Entry::file(&name, MODIFIED).with_mode(0o755).append(&mut archive, &content);
        }
        archive.extend_from_slice(&tar::END);
        if self.gzip { gzip(&archive) } else { archive }
    }
}

/// A gzip file (RFC 1952) of stored blocks. Noise does not compress, and stored blocks are the same with every version
/// of every compressor.
pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    const MOST_BYTES: usize = 0xffff;
    // Deflate, no name, no time, made on Unix.
    const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    let mut file = Vec::with_capacity(content.len() + content.len() / 8192 + 64);
    file.extend_from_slice(&HEADER);
    let blocks = content.len().div_ceil(MOST_BYTES);
    for (number, block) in (1..).zip(content.chunks(MOST_BYTES)) {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        file.push(u8::from(number == blocks));
        file.extend_from_slice(&length.to_le_bytes());
        file.extend_from_slice(&(!length).to_le_bytes());
        file.extend_from_slice(block);
    }
    let mut crc = Crc::new();
    crc.update(content);
    file.extend_from_slice(&crc.sum().to_le_bytes());
    file.extend_from_slice(&crc.amount().to_le_bytes());
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{gzip::decompress, tar::inspect};

    #[tokio::test]
    async fn a_layer_is_a_whole_archive_plain_or_as_gzip() {
        let layer = |content_bytes, gzip| Layer { seed: 1, name: "cedar", content_bytes, gzip };
        for content_bytes in [0, 1, FILE_BYTES, 2 * FILE_BYTES + 1] {
            let plain = inspect(&layer(content_bytes, false).bytes()[..]).await.unwrap();
            let packed = layer(content_bytes, true).bytes();
            let unpacked = inspect(std::pin::pin!(decompress(&packed[..]))).await.unwrap();
            assert_eq!(plain, unpacked);
            assert_eq!(plain.file_bytes, content_bytes as u64);
        }
    }
}
