//! A made cluster: everything that a backup reads from a platform. It is small, realistic, and the same for the same
//! seed. Pure.
//!
//! A rehearsal without a snapshot works on it. All data and all secrets in it are made up. It must not read a clock, a
//! file or a network. It holds no content: an object's bytes are made when they are asked for.
//!
//! True to the real thing are names and layout, lzop and gzip and tar, page headers of the write-ahead log, sentinels,
//! checksums of images, and the frame of the dump. The content of the pages of tables and of the log is not, so no
//! server starts from its base backups.

mod base_backup;
mod configuration;
mod db_wal;
mod dump;
mod layer;
mod lzo;
mod lzop;
mod object;
mod plain;
mod registry;
mod sequence;
mod tar;
#[cfg(test)]
mod unpack;
mod volume;
mod wal;

use std::io::{self, Write};

pub use self::object::SampleObject;
use crate::contents::Contents;
use crate::etcd::Node;
use crate::part::{BucketPart, Part};
use crate::s3::BucketName;

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

    /// The cluster's buckets: `db_wal` and `registry`.
    #[must_use]
    pub fn buckets(self) -> [SampleBucket; 2] {
        [
            SampleBucket::new(Part::db_wal(), "db_wal", db_wal::objects(self.seed)),
            SampleBucket::new(Part::registry(), "registry", registry::objects(self.seed)),
        ]
    }

    /// A bucket that the cluster has besides, with made objects of the bucket's contents.
    #[must_use]
    pub fn added(self, bucket: &BucketPart) -> SampleBucket {
        let name = bucket.added().map_or(bucket.name(), BucketName::as_str);
        // The objects differ from those of the platform's own buckets.
        let seed = self.seed.wrapping_add(1);
        let objects = match bucket.contents() {
            Contents::Plain => plain::objects(seed),
            Contents::WalE => db_wal::objects(seed),
            Contents::Registry => registry::objects(seed),
        };
        SampleBucket::new(Part::Bucket(bucket.clone()), name, objects)
    }

    /// Writes the cluster's store volume as an uncompressed tar of a few MiB, in pieces of up to one file.
    pub fn volume(self, out: &mut dyn Write) -> io::Result<()> {
        volume::write(self.seed, out)
    }

    /// The dump of the cluster's database.
    #[must_use]
    pub fn dump(self) -> String {
        dump::text(self.seed)
    }

    /// The cluster's etcd tree below `/deis`. It includes the keys of the gateway's user.
    #[must_use]
    pub fn configuration(self) -> Node {
        configuration::tree(self.seed)
    }
}

/// A bucket of a made cluster.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SampleBucket {
    /// The part of a backup that the bucket is.
    pub part: Part,
    /// The bucket's name, as in [`Sample::configuration`].
    pub name: String,
    /// The objects in the order in which they were written, not in the order of their keys.
    pub objects: Vec<SampleObject>,
}

impl SampleBucket {
    fn new(part: Part, name: &str, objects: Vec<SampleObject>) -> Self {
        Self { part, name: name.to_owned(), objects }
    }
}

#[cfg(test)]
mod tests;
