//! What a fuzzer gives to the readers of archives.

use super::listing::list;
use super::options::ListOptions;
use crate::archive::gzip::decompressed;
use crate::run::Run;

/// No more of an archive is decompressed.
const MOST_BYTES: u64 = 16 << 20;

/// Reads bytes as an archive, as a list does. Whatever they are, it must neither panic nor take more than its share of memory.
pub fn fuzz(archive: &[u8]) {
    let plain = decompressed(archive, MOST_BYTES).unwrap_or_else(|_| archive.to_vec());
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else { return };
    let mut paths_bytes = 0;
    let mut each = |entry: &super::ListedEntry| paths_bytes += entry.path.len();
    let archive = std::io::Cursor::new(plain);
    // An error is as good as an answer.
    let _ = runtime.block_on(list(archive, &ListOptions::default(), &mut each, &Run::default()));
}
