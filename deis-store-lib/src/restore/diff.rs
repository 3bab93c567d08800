//! A snapshot's list and a bucket's listing side by side: two sorted streams, neither held.

use std::pin::pin;

use futures_util::{StreamExt as _, TryStreamExt as _, future, stream};

use crate::error::Result;
use crate::part::Part;
use crate::s3::op::ListedObject;
use crate::s3::{BucketName, Client};
use crate::snapshot::{ListLine, SnapshotReader};
use crate::tree::{Pair, merge};

/// A key, and where it is: on disk in the snapshot (left), in the bucket (right), or in both.
pub(super) type Compared = Pair<ListLine, ListedObject>;

/// Calls `each` for every key that is on disk in the snapshot or is in the bucket. No bucket is an empty one.
pub(super) async fn compare(
    client: &Client,
    bucket: Option<&BucketName>,
    snapshot: &SnapshotReader,
    part: &Part,
    mut each: impl FnMut(Compared) -> Result<()>,
) -> Result<()> {
    let here = snapshot.lines_ahead(part).try_filter(|line| future::ready(line.outcome.is_on_disk()));
    let listing = match bucket {
        Some(bucket) => client.list(bucket, "").left_stream(),
        None => stream::empty().right_stream(),
    };
    let mut pairs = pin!(merge(here, listing));
    while let Some(pair) = pairs.try_next().await? {
        each(pair)?;
    }
    Ok(())
}
