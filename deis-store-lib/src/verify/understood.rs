//! Reading an object for what it holds and for its digest, both from the same bytes. Blocking.

use std::io::{self, BufReader, Read};

use sha2::Digest as _;

use super::whole_file;
use crate::contents::registry::LayerSum;
use crate::contents::wal_e::{self, Held, Unreadable};
use crate::disk::CHUNK_BYTES;
use crate::hash::Sha256;
use crate::part::Part;

/// Size and digest of all bytes, and what they hold, if the key tells that they hold something. A sentence says why they are not
/// what they should be.
pub(super) type Understood = (io::Result<(u64, Sha256)>, Option<Result<Held, String>>);

/// Reads an object of WAL-E once.
pub(super) fn read(key: &str, bytes: &mut impl Read) -> Understood {
    let hashing = Hashing { bytes, sha256: sha2::Sha256::new(), size_bytes: 0 };
    let mut buffered = BufReader::with_capacity(CHUNK_BYTES, hashing);
    let held = match wal_e::read(key, &mut buffered) {
        Ok(held) => held.map(Ok),
        Err(Unreadable::Broken(why)) => Some(Err(why)),
        Err(Unreadable::Io(error)) => return (Err(error), None),
    };
    // What the key tells nothing of, or what is behind a fault, is hashed all the same.
    if let Err(error) = io::copy(&mut buffered, &mut io::sink()) {
        return (Err(error), None);
    }
    (Ok(buffered.into_inner().finish()), held)
}

/// Reads the file of a part once.
pub(super) fn read_file(
    part: &Part,
    bytes: &mut impl Read,
    size_bytes: u64,
) -> (io::Result<(u64, Sha256)>, Option<String>) {
    let hashing = Hashing { bytes, sha256: sha2::Sha256::new(), size_bytes: 0 };
    let mut buffered = BufReader::with_capacity(CHUNK_BYTES, hashing);
    let wrong = whole_file::wrong(part, &mut buffered, size_bytes);
    match io::copy(&mut buffered, &mut io::sink()) {
        Ok(_) => (Ok(buffered.into_inner().finish()), wrong),
        Err(error) => (Err(error), None),
    }
}

/// Reads a layer once, of which a checksum is known.
pub(super) fn read_layer(mut sum: LayerSum, bytes: &mut impl Read, buffer: &mut [u8]) -> Understood {
    let mut hashing = Hashing { bytes, sha256: sha2::Sha256::new(), size_bytes: 0 };
    loop {
        match hashing.read(buffer) {
            Ok(0) => return (Ok(hashing.finish()), sum.wrong().map(Err)),
            Ok(count) => sum.update(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (Err(error), None),
        }
    }
}

/// Passes bytes on, and hashes them.
struct Hashing<R> {
    bytes: R,
    sha256: sha2::Sha256,
    size_bytes: u64,
}

impl<R> Hashing<R> {
    fn finish(self) -> (u64, Sha256) {
        (self.size_bytes, Sha256(self.sha256.finalize().into()))
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(buffer)?;
        self.sha256.update(buffer.get(..count).unwrap_or_default());
        self.size_bytes += count as u64;
        Ok(count)
    }
}
