//! The context in which the parts of a directory are adopted.

use std::time::SystemTime;

use crate::cluster::Cluster;
use crate::error::{Error, ErrorKind, Result};
use crate::part::Part;
use crate::run::Run;
use crate::s3::{BucketName, Client};
use crate::snapshot::SnapshotWriter;

#[derive(Clone, Copy)]
pub(super) struct Adopting<'a> {
    pub(super) cluster: Option<&'a Cluster>,
    pub(super) writer: &'a SnapshotWriter,
    /// Whether files get a further name in the snapshot, in place of a copy.
    pub(super) links: bool,
    /// When the directory was made: the time of its newest file.
    pub(super) made: SystemTime,
    pub(super) run: &'a Run,
}

impl<'a> Adopting<'a> {
    /// The gateway that a part's objects are compared with, and their bucket there.
    pub(super) fn asked(&self, part: &'a Part) -> Result<Option<(&'a Client, &'a BucketName)>> {
        let Some(cluster) = self.cluster else { return Ok(None) };
        let bucket = cluster.bucket(part);
        let bucket = bucket.ok_or_else(|| Error::new(ErrorKind::Internal, "the part is no bucket"))?;
        Ok(Some((cluster.s3()?, bucket)))
    }
}
