//! Random numbers that repeat: the same numbers from the same seed and name, on every machine. Pure.
//!
//! The algorithm (splitmix64) is in this file and not in a crate, so that no update of a crate changes the made
//! cluster. It must not make a real secret: the seed alone gives all numbers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::hash::lower_hex;

/// A sequence of numbers.
#[derive(Clone, Debug)]
pub(super) struct Sequence(u64);

impl Sequence {
    /// The sequence of a name. Each object has its own sequence, so that it can be made without the objects before it.
    pub(super) fn new(seed: u64, name: &str) -> Self {
        // FNV-1a of the name.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut sequence = Self(seed);
        sequence.0 = sequence.number() ^ hash;
        sequence
    }

    /// The next number.
    pub(super) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number less than a limit that is not 0.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.number() % limit
    }

    /// One of the given values.
    pub(super) fn choose<'a, T: ?Sized, const N: usize>(&mut self, from: &[&'a T; N]) -> &'a T {
        from[usize::try_from(self.below(N as u64)).unwrap_or(0)]
    }

    /// Fills a slice.
    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        let mut chunks = bytes.chunks_exact_mut(8);
        for chunk in &mut chunks {
            chunk.copy_from_slice(&self.number().to_le_bytes());
        }
        let rest = chunks.into_remainder();
        rest.copy_from_slice(&self.number().to_le_bytes()[..rest.len()]);
    }

    /// `count` bytes.
    pub(super) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.fill(&mut bytes);
        bytes
    }

    /// `digits` hexadecimal digits, in lower case.
    pub(super) fn hex(&mut self, digits: usize) -> String {
        let mut text = lower_hex(&self.bytes(digits.div_ceil(2)));
        text.truncate(digits);
        text
    }

    /// `count` bytes as base64.
    pub(super) fn base64(&mut self, count: usize) -> String {
        BASE64.encode(self.bytes(count))
    }

    /// A UUID of version 4.
    pub(super) fn uuid(&mut self) -> String {
        let hex = self.hex(32);
        format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_splitmix64() {
        assert_eq!(Sequence(0).number(), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn it_repeats_and_differs_by_seed_and_by_name() {
        let first = |seed, name| Sequence::new(seed, name).bytes(19);
        assert_eq!(first(1, "a"), first(1, "a"));
        assert_ne!(first(1, "a"), first(2, "a"));
        assert_ne!(first(1, "a"), first(1, "b"));
    }

    #[test]
    fn a_uuid_has_its_version() {
        let uuid = Sequence::new(1, "").uuid();
        let parts: Vec<_> = uuid.split('-').map(str::len).collect();
        assert_eq!((parts, &uuid[14..15]), (vec![8, 4, 4, 4, 12], "4"));
    }
}
