//! Unpacks lzop files in tests, written from the format's description alone. Its LZO1X decoder knows all instructions
//! that `lzo.rs` may write. It checks every checksum, and panics at the first mistake.

use super::lzop::adler32;

/// The content of an lzop file.
pub(super) fn file(mut file: &[u8]) -> Vec<u8> {
    assert_eq!(take(&mut file, 9), b"\x89LZO\0\r\n\x1a\n");
    let header = file;
    let fixed = take(&mut file, 24);
    assert_eq!((&fixed[4..6], fixed[6]), (&[0x09, 0x40][..], 1), "version needed and method");
    assert_eq!(fixed[11] & 0x0f, 0b1101, "flags: the content's checksum, from and to a pipe");
    let name = usize::from(take(&mut file, 1)[0]);
    take(&mut file, name);
    let length = header.len() - file.len();
    assert_eq!(number(&mut file), adler32(&header[..length]), "the header's checksum");
    let mut content = Vec::new();
    loop {
        let raw_bytes = number(&mut file) as usize;
        if raw_bytes == 0 {
            assert!(file.is_empty(), "something follows the end");
            return content;
        }
        let packed_bytes = number(&mut file) as usize;
        let checksum = number(&mut file);
        let packed = take(&mut file, packed_bytes);
        let raw = if packed_bytes < raw_bytes { block(packed, raw_bytes) } else { packed.to_vec() };
        assert_eq!((raw.len(), adler32(&raw)), (raw_bytes, checksum), "a block's length and checksum");
        content.extend_from_slice(&raw);
    }
}

/// The content of an LZO1X stream.
pub(super) fn block(mut stream: &[u8], raw_bytes: usize) -> Vec<u8> {
    let mut raw = Vec::with_capacity(raw_bytes);
    // The number of literals that the last instruction copied; 4 stands for 4 and more.
    let mut state = 0;
    if stream[0] > 17 {
        let count = usize::from(take(&mut stream, 1)[0] - 17);
        raw.extend_from_slice(take(&mut stream, count));
        state = count.min(4);
    }
    loop {
        let code = usize::from(take(&mut stream, 1)[0]);
        match code {
            0..=15 => {
                assert_eq!(state, 0, "a short match, which we never write");
                let count = length(&mut stream, code, 15) + 3;
                raw.extend_from_slice(take(&mut stream, count));
                state = 4;
            }
            0x11 => {
                assert_eq!(take(&mut stream, 2), [0, 0]);
                assert!(stream.is_empty(), "something follows the stream");
                return raw;
            }
            32..=63 => {
                let count = length(&mut stream, code & 31, 31) + 2;
                let distance_and_few = take(&mut stream, 2);
                let distance =
                    usize::from(u16::from_le_bytes([distance_and_few[0], distance_and_few[1]]) >> 2);
                for _ in 0..count {
                    raw.push(raw[raw.len() - 1 - distance]);
                }
                state = usize::from(distance_and_few[0] & 3);
                raw.extend_from_slice(take(&mut stream, state));
            }
            _ => panic!("an instruction that we never write: {code}"),
        }
    }
}

/// A length that stands in its instruction or after it. After it, the length is `most`, plus 255 for each zero, plus
/// the next byte.
fn length(stream: &mut &[u8], short: usize, most: usize) -> usize {
    if short != 0 {
        return short;
    }
    let zeros = stream.iter().take_while(|byte| **byte == 0).count();
    take(stream, zeros);
    most + 255 * zeros + usize::from(take(stream, 1)[0])
}

fn number(bytes: &mut &[u8]) -> u32 {
    u32::from_be_bytes(take(bytes, 4).try_into().unwrap())
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(count);
    *bytes = rest;
    taken
}
