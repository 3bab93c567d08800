//! One unnamed file that holds the larger bodies, so that memory does not. It vanishes with the process.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::disk::anonymous_file;
use crate::error::Result;

/// The file. It only grows; what is given back is punched out of it, where the file system can.
#[derive(Debug)]
pub(super) struct Spool {
    file: File,
    end_bytes: AtomicU64,
    /// Why the disk did not take something, or give it.
    failure: Mutex<Option<io::Error>>,
}

impl Spool {
    /// A spool in a directory.
    pub(super) fn create(directory: &Path) -> Result<Self> {
        Ok(Self { file: anonymous_file(directory)?, end_bytes: AtomicU64::new(0), failure: Mutex::default() })
    }

    /// Why the disk has failed, if it has.
    pub(super) fn take_failure(&self) -> Option<io::Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Remembers the first failure: what a client is told of it is the code `InternalError` alone.
    fn remember(&self, result: io::Result<()>) -> io::Result<()> {
        result.inspect_err(|error| {
            let known =
                error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
            self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(known);
        })
    }

    /// A place for a body of this length.
    pub(super) fn reserve(self: &Arc<Self>, length_bytes: u64) -> Region {
        let offset_bytes = self.end_bytes.fetch_add(length_bytes, Ordering::Relaxed);
        Region { spool: self.clone(), offset_bytes, length_bytes }
    }
}

/// The place of one body. Its owner must not write or read past its length.
#[derive(Debug)]
pub(in crate::gateway) struct Region {
    spool: Arc<Spool>,
    offset_bytes: u64,
    length_bytes: u64,
}

impl Region {
    pub(super) fn length_bytes(&self) -> u64 {
        self.length_bytes
    }

    pub(super) fn write(&self, at_bytes: u64, bytes: &[u8]) -> io::Result<()> {
        self.spool.remember(self.spool.file.write_all_at(bytes, self.offset_bytes + at_bytes))
    }

    pub(super) fn read(&self, at_bytes: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.spool.remember(self.spool.file.read_exact_at(buffer, self.offset_bytes + at_bytes))
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        if self.length_bytes > 0 {
            use rustix::fs::{FallocateFlags, fallocate};
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            // A file system without holes keeps the bytes until the spool is closed: nothing is lost but room.
            let _ = fallocate(&self.spool.file, flags, self.offset_bytes, self.length_bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn it_has_no_name_and_gives_back_the_room_of_what_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Arc::new(Spool::create(directory.path()).unwrap());
        assert_eq!(directory.path().read_dir().unwrap().count(), 0);
        let (first, second) = (spool.reserve(1 << 20), spool.reserve(5));
        first.write(0, &vec![7; 1 << 20]).unwrap();
        second.write(0, b"hello").unwrap();
        let full_blocks = spool.file.metadata().unwrap().blocks();
        drop(first);
        let mut bytes = [0; 4];
        second.read(1, &mut bytes).unwrap();
        assert_eq!(&bytes, b"ello");
        assert!(spool.file.metadata().unwrap().blocks() <= full_blocks);
    }
}
