//! The digest of what an archive holds, however it is written: what is unpacked on a host is another archive than the one that was
//! taken, with the same entries.

use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

use crate::archive::tar::{Entry, Policy, Scan, Sink};

/// A SHA-256 of entries, with their modes, owners, times and contents.
pub(super) type Digest = [u8; 32];

/// A writer that reads an archive for its digest.
#[derive(Debug)]
pub(super) struct EntriesDigest {
    scan: Scan,
    hashed: Hashed,
}

impl EntriesDigest {
    pub(super) fn new() -> Self {
        Self { scan: Scan::new(Policy::default()), hashed: Hashed(Sha256::new()) }
    }

    /// The digest of an archive that was written to its end.
    pub(super) fn finish(self) -> io::Result<Digest> {
        self.scan.finish()?;
        Ok(self.hashed.0.finalize().into())
    }
}

impl Write for EntriesDigest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.scan.push(bytes, &mut self.hashed)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct Hashed(Sha256);

impl Sink for Hashed {
    fn entry(&mut self, entry: &Entry, _: u64) -> io::Result<()> {
        // No stable form: both digests are made by this program.
        self.0.update(format!("{entry:?}\n"));
        Ok(())
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.update(bytes);
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}
