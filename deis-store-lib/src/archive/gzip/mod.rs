//! gzip as a stream, on all cores. If the input does not end as gzip must, the reader returns an error, never an early
//! end.
//!
//! What is compressed becomes one member for each MiB, and each member says its own length in a field that every gunzip
//! skips. So a reader finds the next member before it has decompressed this one, in a stream too, and several are
//! decompressed at the same time. Members of other programs are decompressed one after the other.

mod compress;
mod decompress;
mod member;
mod pieces;
mod places;
#[cfg(test)]
mod tests;
mod work;

pub(crate) use compress::compress;
pub(crate) use decompress::decompress;
pub(crate) use places::Places;

/// The plain bytes of an archive in memory, but no more than so many of them: for tests and for fuzzing.
#[cfg(any(test, feature = "test-util"))]
pub(crate) fn decompressed(archive: &[u8], most_bytes: u64) -> std::io::Result<Vec<u8>> {
    use tokio::io::AsyncReadExt as _;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let mut plain = Vec::new();
    runtime.block_on(decompress(archive).take(most_bytes).read_to_end(&mut plain))?;
    Ok(plain)
}
