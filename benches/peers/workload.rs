//! The data to send and receive: random bytes from a fixed seed, the same on every machine.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use deis_store_tests::error::{Context as _, Result};
use deis_store_tests::random::Sequence;
use serde::Serialize;

const SEED: u64 = 20_151_021;

/// The amount of data.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Workload {
    /// The number of small objects. Their size is like a compressed WAL segment's, or a registry's small file's.
    pub(crate) small_objects: u32,
    /// The size of each small object.
    pub(crate) small_bytes: u64,
    /// The number of large objects. Their size is like a base backup's or a layer's.
    pub(crate) large_objects: u32,
    /// The size of each large object.
    pub(crate) large_bytes: u64,
    /// The number of objects in the listing.
    pub(crate) listed_objects: u32,
    /// The number of objects in the largest directory that is compared with a bucket.
    pub(crate) synced_objects: u32,
    /// The number of objects that are backed up again.
    pub(crate) backed_up_objects: u32,
    /// The size of the logs that are saved, in MiB.
    pub(crate) log_mib: u32,
    /// The number of small files beside them.
    pub(crate) log_files: u32,
    /// The time for which small objects are fetched over and over, in seconds.
    pub(crate) small_gets_seconds: u64,
}

impl Workload {
    pub(crate) fn full() -> Self {
        Self {
            small_objects: 1000,
            small_bytes: 16 << 10,
            large_objects: 4,
            large_bytes: 64 << 20,
            listed_objects: 60_000,
            synced_objects: 1_000_000,
            backed_up_objects: 20_000,
            log_mib: 1024,
            log_files: 20_000,
            small_gets_seconds: 5,
        }
    }

    pub(crate) fn quick() -> Self {
        Self {
            small_objects: 100,
            large_objects: 2,
            large_bytes: 16 << 20,
            listed_objects: 2000,
            synced_objects: 20_000,
            backed_up_objects: 1000,
            log_mib: 16,
            log_files: 500,
            small_gets_seconds: 1,
            ..Self::full()
        }
    }

    /// Writes the files below `small/` and `large/`.
    pub(crate) fn plant(&self, directory: &Path) -> Result<()> {
        let mut numbers = Sequence::new(SEED);
        let kinds = [
            ("small", self.small_objects, self.small_bytes),
            ("large", self.large_objects, self.large_bytes),
        ];
        for (kind, count, size_bytes) in kinds {
            let directory = directory.join(kind);
            fs::create_dir_all(&directory).context(directory.display())?;
            for number in 0..count {
                let path = directory.join(format!("{number:05}"));
                let written = write(&path, size_bytes, &mut numbers);
                written.context(path.display())?;
            }
        }
        Ok(())
    }
}

fn write(path: &Path, size_bytes: u64, numbers: &mut Sequence) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for _ in 0..size_bytes / 8 {
        file.write_all(&numbers.next_number().to_le_bytes())?;
    }
    file.flush()
}
