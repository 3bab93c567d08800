//! What is changed at random: bits, numbers, and parts of any size.

use super::choose;

/// The sizes of the parts that are moved about: a field, a record, a block of tar, a page.
const PARTS: [usize; 6] = [1, 8, 24, 64, 512, 8192];
const NUMBERS: [u64; 14] = [
    0,
    1,
    7,
    0x17,
    0x18,
    0x2000,
    0x7fff,
    0xffff,
    0x0010_0000,
    0x3fff_ffff,
    0x7fff_ffff,
    0xffff_ffff,
    u64::MAX >> 1,
    u64::MAX,
];

/// Changes something. Most of it is done where something is: much of what is read is zeros.
pub(crate) fn change(bytes: &mut Vec<u8>, random: &mut fastrand::Rng) {
    if bytes.is_empty() {
        bytes.push(random.u8(..));
        return;
    }
    let at = place(bytes, random);
    let part = at..(at + choose(random, &PARTS)).min(bytes.len());
    match random.u8(..12) {
        0..3 => bytes[at] ^= 1 << random.u8(..8),
        3 | 4 => bytes[at] = *choose(random, b"\0\x01\x7f\x80\xff 019/\n\t:#aF"),
        5 | 6 => number(bytes, at, random),
        7 => bytes.truncate(at),
        8 => drop(bytes.drain(part)),
        9 => {
            let part = bytes[part].to_vec();
            let to = place(bytes, random);
            bytes.splice(to..to, part);
        }
        10 => {
            let (part, to) = (bytes[part].to_vec(), place(bytes, random));
            let bytes_there = part.len().min(bytes.len() - to);
            bytes[to..to + bytes_there].copy_from_slice(&part[..bytes_there]);
        }
        _ => {
            let new: Vec<u8> = (0..random.usize(1..50)).map(|_| random.u8(..)).collect();
            bytes.splice(at..at, new);
        }
    }
}

/// Anywhere; or near the beginning of a page or of all; or near some byte that is not zero.
fn place(bytes: &[u8], random: &mut fastrand::Rng) -> usize {
    let anywhere = random.usize(..bytes.len());
    match random.u8(..4) {
        0 => anywhere,
        1 => (anywhere / 8192 * 8192 + random.usize(..64)).min(bytes.len() - 1),
        2 => random.usize(..bytes.len().min(600)),
        _ => bytes[anywhere..].iter().position(|byte| *byte != 0).map_or(anywhere, |more| anywhere + more),
    }
}

/// Puts a number there, of a width and an order of bytes.
fn number(bytes: &mut [u8], at: usize, random: &mut fastrand::Rng) {
    let number = *choose(random, &NUMBERS);
    let width = *choose(random, &[2usize, 4, 8]);
    let digits = if random.bool() {
        number.to_le_bytes()[..width].to_vec()
    } else {
        number.to_be_bytes()[8 - width..].to_vec()
    };
    bytes.iter_mut().skip(at).zip(digits).for_each(|(byte, digit)| *byte = digit);
}

/// Sums up each block that could be a header of tar, so that a change of it does not end the reading.
pub(crate) fn sum_headers(bytes: &mut [u8]) {
    for block in bytes.chunks_exact_mut(512).filter(|block| block[257..].starts_with(b"ustar")) {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}
