//! gzip of one or more members, as a stream. If the input does not end as gzip must, the reader returns an error,
//! never an early end.

use async_compression::tokio::bufread::{GzipDecoder, GzipEncoder};
use tokio::io::{AsyncRead, BufReader};

/// The size of the buffer between a reader and the compressor.
const BUFFER_BYTES: usize = 256 << 10;

/// The bytes of a reader, compressed with gzip at the usual level 6.
pub(crate) fn compress(reader: impl AsyncRead) -> impl AsyncRead {
    GzipEncoder::new(BufReader::with_capacity(BUFFER_BYTES, reader))
}

/// The decompressed bytes of all members.
pub(crate) fn decompress(reader: impl AsyncRead) -> impl AsyncRead {
    let mut decoder = GzipDecoder::new(BufReader::with_capacity(BUFFER_BYTES, reader));
    decoder.multiple_members(true);
    decoder
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::io::AsyncReadExt;

    use super::*;

    async fn whole(reader: impl AsyncRead) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        pin!(reader).read_to_end(&mut bytes).await?;
        Ok(bytes)
    }

    /// Two members of bytes that do not compress much.
    async fn sample() -> (Vec<u8>, Vec<u8>) {
        let plain: Vec<u8> =
            (0..100_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let (left, right) = plain.split_at(100_001);
        let zipped = [whole(compress(left)).await.unwrap(), whole(compress(right)).await.unwrap()].concat();
        (plain, zipped)
    }

    #[tokio::test]
    async fn what_goes_in_comes_out_of_all_members() {
        let (plain, zipped) = sample().await;
        assert!(whole(decompress(&zipped[..])).await.unwrap() == plain);
    }

    #[tokio::test]
    async fn a_file_cut_anywhere_is_an_error() {
        let (plain, zipped) = sample().await;
        let first_member = whole(compress(&plain[..100_001])).await.unwrap().len();
        let ends = (0..40).chain(first_member - 40..first_member + 40).chain(zipped.len() - 40..zipped.len());
        for end in ends.filter(|end| *end != first_member) {
            assert!(whole(decompress(&zipped[..end])).await.is_err(), "cut to {end} of {}", zipped.len());
        }
    }

    #[tokio::test]
    async fn what_follows_the_last_member_is_an_error() {
        let (_, zipped) = sample().await;
        for garbage in [&b"x"[..], b"\0", &[0; 512], b"\x1f\x8b", b"garbage after the end"] {
            let spoiled = [&zipped, garbage].concat();
            assert!(whole(decompress(&spoiled[..])).await.is_err(), "{garbage:?}");
        }
    }

    #[tokio::test]
    async fn a_flipped_bit_is_an_error() {
        let (_, zipped) = sample().await;
        for place in [0, 1000, zipped.len() - 6, zipped.len() - 2] {
            let mut spoiled = zipped.clone();
            spoiled[place] ^= 1;
            assert!(whole(decompress(&spoiled[..])).await.is_err(), "at {place}");
        }
    }
}
