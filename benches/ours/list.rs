//! Prints the keys of a bucket, with sizes and times.

use std::io::{BufWriter, Write as _, stdout};
use std::pin::pin;

use deis_store::s3::{BucketName, Client};
use deis_store::{Error, ErrorKind, Result};
use futures_util::TryStreamExt as _;

/// Prints one line for each object, in the order of the listing.
pub(crate) async fn list(client: &Client, bucket: &BucketName) -> Result<()> {
    let failed = |error| Error::new(ErrorKind::Disk, "cannot write to standard output").because(error);
    let mut output = BufWriter::new(stdout().lock());
    let mut objects = pin!(client.list(bucket, ""));
    while let Some(object) = objects.try_next().await? {
        writeln!(output, "{} {:>12} {}", object.modified, object.size_bytes, object.key).map_err(failed)?;
    }
    output.flush().map_err(failed)
}
