//! Two kinds of random numbers: the kernel's, for secrets and ports, and a sequence that repeats, for data.

use std::fs::File;
use std::io::Read;

use crate::error::{Context, Result};

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes from the kernel.
pub fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("Read /dev/urandom")?;
    Ok(bytes)
}

/// A number less than `limit`.
pub fn below(limit: u64) -> Result<u64> {
    Ok(u64::from_le_bytes(bytes()?) % limit)
}

/// 32 hexadecimal digits.
pub fn hex() -> Result<String> {
    Ok(format!("{:032x}", u128::from_le_bytes(bytes()?)))
}

/// A random UUID.
pub fn uuid() -> Result<String> {
    let hex = hex()?;
    Ok(format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..]))
}

/// An access key in radosgw's form: 20 capitals and digits.
pub fn access_key() -> Result<String> {
    let letters: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    Ok(bytes::<20>()?.iter().map(|&byte| char::from(letters[usize::from(byte) % letters.len()])).collect())
}

/// A secret key in radosgw's form: 40 letters of base64. It always holds the two letters that URLs and forms change.
pub fn secret_key() -> Result<String> {
    let mut letters: Vec<char> =
        bytes::<40>()?.iter().map(|&byte| char::from(BASE64[usize::from(byte) % 64])).collect();
    letters[7] = '/';
    letters[19] = '+';
    Ok(letters.into_iter().collect())
}

/// Base64 with padding.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_usize, |word, &byte| word << 8 | usize::from(byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = BASE64[(word >> (18 - 6 * place)) & 63];
            text.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

/// The same numbers from the same seed, on every machine (splitmix64).
#[derive(Debug)]
pub struct Sequence(u64);

impl Sequence {
    /// The sequence of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next_number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of the given values.
    pub fn choose<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let index = self.next_number() % from.len() as u64;
        &from[usize::try_from(index).unwrap_or(0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_the_rfc() {
        let cases = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, encoded) in cases {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn a_secret_key_has_the_letters_that_forms_mangle() {
        let key = secret_key().unwrap();
        assert_eq!(key.len(), 40);
        assert!(key.contains('/') && key.contains('+'));
    }

    #[test]
    fn a_sequence_repeats() {
        assert_eq!(Sequence::new(0).next_number(), 0xe220_a839_7b1d_cdaf);
    }
}
