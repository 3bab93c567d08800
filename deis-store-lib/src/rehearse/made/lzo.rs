//! Packs runs of one byte as LZO1X, so that `lzop` can unpack them. Pure.
//!
//! The write-ahead log is mostly zeros, so packing runs is enough to keep a made segment small. This is not a full
//! compressor: other redundancy is left in. The instructions are those of the LZO stream format that the Linux kernel
//! documents in `Documentation/staging/lzo.rst`.

/// The distance-1 match (`M3`): repeats the byte before it.
const REPEAT: u8 = 0b0010_0000;
/// A match of distance 16384 (`M4`) ends a stream.
const END: [u8; 3] = [0x11, 0, 0];
/// The step of the search for runs. A run shorter than two steps may be missed, a longer one is always found.
const STEP: usize = 32;

/// A block as an LZO1X stream.
pub(super) fn compress(block: &[u8]) -> Vec<u8> {
    let mut stream = Stream::default();
    let mut place = 0;
    while let Some((start, end)) = next_run(block, place) {
        // The first byte of a run is a literal, which the repetition repeats.
        stream.literals(&block[place..=start]);
        stream.repeat(end - start - 1);
        place = end;
    }
    stream.literals(&block[place..]);
    stream.bytes.extend_from_slice(&END);
    stream.bytes
}

/// The beginning and the end of the next run of equal bytes at or after `from`.
fn next_run(block: &[u8], from: usize) -> Option<(usize, usize)> {
    let rest = &block[from..];
    let is_run = |chunk: &[u8]| chunk[1..] == chunk[..STEP - 1];
    let place = rest.chunks_exact(STEP).position(is_run)? * STEP;
    let byte = rest[place];
    let before = rest[..place].iter().rev().take_while(|other| **other == byte).count();
    let same = [byte; STEP];
    let steps = rest[place..].chunks_exact(STEP).take_while(|chunk| **chunk == same).count();
    let sure = place + steps * STEP;
    let after = rest[sure..].iter().take_while(|other| **other == byte).count();
    Some((from + place - before, from + sure + after))
}

#[derive(Default)]
struct Stream {
    bytes: Vec<u8>,
    /// The place at which the last match has two bits for a number of literals below 4.
    few: Option<usize>,
}

impl Stream {
    fn literals(&mut self, literals: &[u8]) {
        let count = literals.len();
        match (low_byte(count), self.few) {
            (0, _) if count == 0 => {}
            (few, Some(place)) if count < 4 => self.bytes[place] |= few,
            // Only the first instruction of a stream may give its count in this form.
            (few, _) if self.bytes.is_empty() && count <= 238 => self.bytes.push(17 + few),
            (few, _) if count <= 18 => self.bytes.push(few - 3),
            _ => {
                self.bytes.push(0);
                self.length(count - 18);
            }
        }
        self.bytes.extend_from_slice(literals);
    }

    fn repeat(&mut self, count: usize) {
        if count <= 33 {
            self.bytes.push(REPEAT | (low_byte(count) - 2));
        } else {
            self.bytes.push(REPEAT);
            self.length(count - 33);
        }
        self.few = Some(self.bytes.len());
        self.bytes.extend_from_slice(&[0, 0]);
    }

    /// The rest of a length that did not fit into its instruction: a zero for each 255, then the remainder, which is
    /// not 0.
    fn length(&mut self, length: usize) {
        let zeros = (length - 1) / 255;
        self.bytes.resize(self.bytes.len() + zeros, 0);
        self.bytes.push(low_byte(length - zeros * 255));
    }
}

fn low_byte(number: usize) -> u8 {
    number.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::super::unpack;
    use super::*;

    #[test]
    fn what_was_packed_comes_back() {
        let text: Vec<u8> = (0..=255).cycle().take(3000).collect();
        for literals in (0..24).chain([237, 238, 239, 272, 273, 274, 275, 1000, 2999]) {
            for run in [0, 31, 32, 33, 34, 35, 288, 289, 290, 543, 544, 5000] {
                for tail in [0, 1, 2, 3, 4, 18, 19, 20, 40] {
                    let block = [&text[..literals], &vec![7; run], &text[..tail]].concat();
                    assert!(
                        unpack::block(&compress(&block), block.len()) == block,
                        "{literals} {run} {tail}"
                    );
                }
            }
        }
    }

    #[test]
    fn zeros_are_packed_to_almost_nothing() {
        assert_eq!(compress(&vec![0; 262_144]).len(), 1036);
    }
}
