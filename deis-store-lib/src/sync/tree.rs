//! The verb `sync`: its two sides, and which way is between them.

use std::path::{Path, PathBuf};

use super::across::{self, Across};
use super::bucket_side::BucketSide;
use super::options::SyncOptions;
use super::report::SyncReport;
use super::{down, up};
use crate::disk::{Root, probe};
use crate::error::{At, Error, ErrorKind, Result};
use crate::run::{Run, TaskKind, TaskResult};
use crate::s3::{BucketName, Client};

/// A side of a sync.
#[derive(Clone, Debug)]
pub enum Tree {
    /// A directory.
    Directory(PathBuf),
    /// The objects of a bucket whose keys begin so. A path is the key without what `prefix` has up to its last `/`. As
    /// with s3cmd, a prefix of the source that is an object's whole key means that object alone.
    Bucket {
        /// The cluster's gateways.
        client: Client,
        /// The bucket.
        bucket: BucketName,
        /// The keys begin so.
        prefix: String,
    },
}

/// Makes one side as the other one is.
///
/// Two buckets are of one cluster if their sides have the same client: then the gateway copies, and no byte comes here.
/// Of two clusters, each object comes here, is checked against its `ETag`, and is sent so that the copy has the same,
/// wherever that can be. The metadata of an object come along, but not who may read it.
#[derive(Clone, Debug)]
pub struct Sync {
    /// The side that is not changed.
    pub source: Tree,
    /// The side that is made as the source is. A directory is made where it is missing.
    pub target: Tree,
}

impl Sync {
    /// Makes the target as the source is, and tells of every key.
    ///
    /// A failure of a single object is its outcome. An error befalls all: the listing fails, the disk is full, the run is
    /// stopped, or the gateways fail object after object; or another run writes to the directory, which is an
    /// [`ErrorKind::Locked`]. Symlinks are not followed: they are refused, by name. Two buckets may not overlap: that is
    /// an [`ErrorKind::Usage`] error.
    pub async fn run(&self, options: &SyncOptions<'_>, run: &Run) -> Result<SyncReport> {
        let task = run.begin(None, TaskKind::Part, "sync");
        let report = match (&self.source, &self.target) {
            (Tree::Bucket { client, bucket, prefix }, Tree::Directory(directory)) => {
                let (root, _scratch) = target_directory(directory, options.dry_run)?;
                let source = BucketSide::new(client, bucket, prefix, options);
                down::sync(&source, &root, options, &task).await?
            }
            (Tree::Directory(directory), Tree::Bucket { client, bucket, prefix }) => {
                let target = BucketSide::new(client, bucket, prefix, options);
                up::sync(&Root::open(directory)?, &target, options, &task).await?
            }
            (
                Tree::Bucket { client, bucket, prefix },
                Tree::Bucket { client: to_client, bucket: to_bucket, prefix: to_prefix },
            ) => {
                let source = BucketSide::new(client, bucket, prefix, options);
                // Its keys are chosen by their paths, which are the source's.
                let target = BucketSide::all(to_client, to_bucket, to_prefix);
                let across = if client.is_same(to_client) {
                    Across::within()
                } else {
                    Across::relayed(options.spool.clone().unwrap_or_else(std::env::temp_dir))
                };
                across::sync(&source, &target, &across, options, &task).await?
            }
            (Tree::Directory(source), Tree::Directory(_)) => {
                return Err(Error::new(ErrorKind::Usage, "neither side of the sync is a bucket")
                    .at(At::Path, source.display()));
            }
        };
        task.done(if report.is_complete() { TaskResult::Good } else { TaskResult::Incomplete });
        Ok(report)
    }
}

/// The directory to write to. For a dry run, one that is not there is an empty one elsewhere.
fn target_directory(directory: &Path, dry_run: bool) -> Result<(Root, Option<tempfile::TempDir>)> {
    if dry_run {
        return match Root::open(directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let scratch = tempfile::tempdir().map_err(|error| {
                    Error::new(ErrorKind::Disk, "cannot make a temporary directory").because(error)
                })?;
                Ok((Root::open(scratch.path())?, Some(scratch)))
            }
            other => other.map(|root| (root, None)),
        };
    }
    let root = Root::create(directory)?;
    probe(&root)?;
    Ok((root, None))
}
