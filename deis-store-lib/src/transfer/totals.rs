//! How much there is in a bucket, for a percentage.

use crate::run::Running;
use crate::s3::op::BucketTotals;

/// Tells how much there is, by the gateway's own count, which lags behind: it is an estimate. Where there is none, there
/// is no percentage.
pub(crate) fn tell_totals(totals: &BucketTotals, task: &Running<'_>) {
    if totals.objects.is_some() || totals.bytes.is_some() {
        task.total(totals.objects, totals.bytes);
    }
}
