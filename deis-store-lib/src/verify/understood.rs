//! Reading an object for what it holds and for its digest, both from the same bytes. Blocking.

use std::io::{self, BufReader, Read};

use sha2::Digest as _;

use super::whole_file;
use crate::contents::registry::LayerSum;
use crate::contents::wal_e::{self, Held, Unreadable};
use crate::disk::{CHUNK_BYTES, read_chunks};
use crate::hash::Sha256;
use crate::part::Part;

/// The digest of all bytes, and what they hold, if it is known what they should. A sentence says why they are not that.
pub(super) type Understood = io::Result<(Sha256, Option<Result<Held, String>>)>;

/// Reads an object of WAL-E once.
pub(super) fn read(key: &str, bytes: &mut impl Read) -> Understood {
    hashed(bytes, |buffered| match wal_e::read(key, buffered) {
        Ok(held) => Ok(held.map(Ok)),
        Err(Unreadable::Broken(why)) => Ok(Some(Err(why))),
        Err(Unreadable::Io(error)) => Err(error),
    })
}

/// Reads the file of a part once.
pub(super) fn read_file(part: &Part, bytes: &mut impl Read, size_bytes: u64) -> Understood {
    hashed(bytes, |buffered| Ok(whole_file::wrong(part, buffered, size_bytes).map(Err)))
}

/// Reads a layer once, of which a checksum is known.
pub(super) fn read_layer(mut sum: LayerSum, bytes: &mut impl Read) -> Understood {
    hashed(bytes, |buffered| {
        read_chunks(buffered, |chunk| sum.update(chunk))?;
        Ok(sum.wrong().map(Err))
    })
}

/// What is understood of some bytes, with the digest of all of them: also of what was not read for that.
fn hashed<R: Read, T>(
    bytes: R,
    understand: impl FnOnce(&mut BufReader<Hashing<R>>) -> io::Result<T>,
) -> io::Result<(Sha256, T)> {
    let mut buffered = BufReader::with_capacity(CHUNK_BYTES, Hashing { bytes, sha256: sha2::Sha256::new() });
    let understood = understand(&mut buffered)?;
    io::copy(&mut buffered, &mut io::sink())?;
    Ok((Sha256(buffered.into_inner().sha256.finalize().into()), understood))
}

/// Passes bytes on, and hashes them.
struct Hashing<R> {
    bytes: R,
    sha256: sha2::Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(buffer)?;
        self.sha256.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}
