//! A made cluster: all that a backup takes from a platform, small, realistic, and the same for the same seed. Pure.
//!
//! It is what a rehearsal without a snapshot works on. All data and all secrets in it are made up. It must not read a
//! clock, a file or a network, and holds no content: an object's bytes are made when they are asked for.
//!
//! What is true in it: names and layout, lzop and gzip and tar, page headers of the write-ahead log, sentinels,
//! checksums of images, the frame of the dump. What is not: what stands in pages of tables and of the log, so that no
//! server starts from its base backups.

mod base_backup;
mod configuration;
mod db_wal;
mod dump;
mod layer;
mod lzo;
mod lzop;
mod object;
mod registry;
mod sequence;
mod tar;
#[cfg(test)]
mod unpack;
mod volume;
mod wal;

use std::io::{self, Write};

pub use self::object::SampleObject;
use crate::etcd::Node;
use crate::part::Part;

/// A made cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    seed: u64,
}

impl Sample {
    /// The cluster of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Its buckets: `db_wal` and `registry`.
    #[must_use]
    pub fn buckets(&self) -> [SampleBucket; 2] {
        [
            SampleBucket { part: Part::DbWal, name: "db_wal", objects: db_wal::objects(self.seed) },
            SampleBucket { part: Part::Registry, name: "registry", objects: registry::objects(self.seed) },
        ]
    }

    /// Writes its store volume as an uncompressed tar of a few MiB, in pieces of up to one file.
    pub fn volume(&self, out: &mut dyn Write) -> io::Result<()> {
        volume::write(self.seed, out)
    }

    /// The dump of its database.
    #[must_use]
    pub fn dump(&self) -> String {
        dump::text(self.seed)
    }

    /// Its tree of etcd below `/deis`. The keys of its gateway's user are there too.
    #[must_use]
    pub fn configuration(&self) -> Node {
        configuration::tree(self.seed)
    }
}

/// A bucket of a made cluster.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SampleBucket {
    /// Which part of a backup it is.
    pub part: Part,
    /// Its name, the one that [`Sample::configuration`] has.
    pub name: &'static str,
    /// Its objects in the order in which they were written, not of their keys.
    pub objects: Vec<SampleObject>,
}

#[cfg(test)]
mod tests;
