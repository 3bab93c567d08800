//! MD5 of bytes that come piece by piece: alone, or in step with those of others.

mod lanes;
mod pool;

use bytes::Bytes;
use md5::block_api::compress;

use lanes::{Block, Words};
use pool::Md5Pool;

const BLOCK_BYTES: usize = size_of::<Block>();

/// RFC 1321, section 3.3.
const BEGIN: Words = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

/// An MD5 that is under way.
#[derive(Clone, Debug)]
pub(crate) struct Md5 {
    words: Words,
    length_bytes: u64,
    /// The beginning of the next block.
    begun: Block,
}

impl Md5 {
    pub(crate) fn new() -> Self {
        Self { words: BEGIN, length_bytes: 0, begun: [0; BLOCK_BYTES] }
    }

    /// The next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        let (end, rest) = bytes.split_at(self.left_of_block(bytes.len()));
        self.fill(end);
        let (blocks, begin) = rest.as_chunks();
        compress(&mut self.words, blocks);
        self.length_bytes += (rest.len() - begin.len()) as u64;
        self.fill(begin);
    }

    /// The digest of these bytes.
    #[cfg(feature = "client")]
    pub(crate) fn of(bytes: &[u8]) -> [u8; 16] {
        let mut md5 = Self::new();
        md5.update(bytes);
        md5.finish()
    }

    /// The next bytes, in step with those of other threads: for threads that may wait for these.
    pub(crate) fn update_piece(&mut self, bytes: Bytes) {
        Self::update_all([(self, bytes)]);
    }

    /// The next bytes of several messages, in step with each other and with those of other threads. It may wait for these.
    pub(crate) fn update_all<'a>(messages: impl IntoIterator<Item = (&'a mut Self, Bytes)>) {
        let mut updated = Vec::new();
        let mut whole = Vec::new();
        for (md5, mut bytes) in messages {
            md5.fill(&bytes.split_to(md5.left_of_block(bytes.len())));
            let rest = bytes.split_off(bytes.len() / BLOCK_BYTES * BLOCK_BYTES);
            md5.length_bytes += bytes.len() as u64;
            whole.push((md5.words, bytes));
            updated.push((md5, rest));
        }
        for ((md5, rest), words) in updated.into_iter().zip(Md5Pool::shared().compress(whole)) {
            md5.words = words;
            md5.fill(&rest);
        }
    }

    pub(crate) fn finish(mut self) -> [u8; 16] {
        let length_bits = self.length_bytes.wrapping_mul(8);
        self.fill(&[0x80]);
        // The length has the last eight bytes of a block to itself.
        let zeros = (2 * BLOCK_BYTES - 8 - self.begun_bytes()) % BLOCK_BYTES;
        self.update(&[0; BLOCK_BYTES][..zeros]);
        self.fill(&length_bits.to_le_bytes());
        let mut digest = [0; 16];
        for (bytes, word) in digest.chunks_exact_mut(4).zip(self.words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        digest
    }

    /// How many of so many bytes end the block that has begun, if one has.
    fn left_of_block(&self, length: usize) -> usize {
        ((BLOCK_BYTES - self.begun_bytes()) % BLOCK_BYTES).min(length)
    }

    /// Bytes that do not go beyond the block that has begun.
    fn fill(&mut self, bytes: &[u8]) {
        let begun = self.begun_bytes();
        self.begun[begun..begun + bytes.len()].copy_from_slice(bytes);
        self.length_bytes += bytes.len() as u64;
        if begun + bytes.len() == BLOCK_BYTES {
            compress(&mut self.words, &[self.begun]);
        }
    }

    fn begun_bytes(&self) -> usize {
        usize::try_from(self.length_bytes % BLOCK_BYTES as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use md5::Digest as _;
    use proptest::prelude::*;

    use super::*;

    fn digest(bytes: &[u8]) -> [u8; 16] {
        md5::Md5::digest(bytes).into()
    }

    #[test]
    fn every_length_up_to_three_blocks_is_padded_as_the_rule_says() {
        for length in 0..=3 * BLOCK_BYTES {
            let bytes = vec![b'x'; length];
            let mut md5 = Md5::new();
            md5.update(&bytes);
            assert_eq!(md5.finish(), digest(&bytes), "{length}");
        }
    }

    proptest! {
        #[test]
        fn pieces_of_any_length_alone_or_in_step_are_one_message(
            lengths in prop::collection::vec(prop::collection::vec(0..300_usize, 1..6), 0..7),
            together in any::<[bool; 5]>(),
        ) {
            let mut md5s = vec![Md5::new(); lengths.len()];
            let mut messages = vec![Vec::new(); lengths.len()];
            for (turn, together) in together.into_iter().enumerate() {
                let piece = |(index, lengths): (usize, &Vec<usize>)| -> Bytes {
                    let length = lengths.get(turn).copied().unwrap_or(0);
                    (0..=u8::MAX).cycle().skip(index + turn).step_by(7).take(length).collect()
                };
                let pieces: Vec<Bytes> = lengths.iter().enumerate().map(piece).collect();
                messages.iter_mut().zip(&pieces).for_each(|(message, piece)| message.extend_from_slice(piece));
                if together {
                    Md5::update_all(md5s.iter_mut().zip(pieces));
                } else {
                    md5s.iter_mut().zip(pieces).for_each(|(md5, piece)| md5.update(&piece));
                }
            }
            for (md5, message) in md5s.into_iter().zip(messages) {
                prop_assert_eq!(md5.finish(), digest(&message));
            }
        }
    }
}
