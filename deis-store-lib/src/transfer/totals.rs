//! How much there is in a bucket, for a percentage.

use crate::run::Running;
use crate::s3::{BucketName, Client};

/// Tells how much there is, by the gateway's own count, which lags behind: it is an estimate. Where there is none, there
/// is no percentage.
pub(crate) async fn tell_totals(client: &Client, bucket: &BucketName, task: &Running<'_>) {
    if let Ok(totals) = client.bucket_totals(bucket).await
        && (totals.objects.is_some() || totals.bytes.is_some())
    {
        task.total(totals.objects, totals.bytes);
    }
}
