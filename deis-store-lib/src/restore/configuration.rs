//! The step that sets the operator's configuration in etcd.

use std::io::Read as _;

use zeroize::Zeroizing;

use super::checked_file::checked_file;
use super::planned::PartPlan;
use super::report::RestoredPart;
use crate::cluster::{self, Cluster, Configuration};
use crate::error::{Error, ErrorKind, Result};
use crate::part::Part;
use crate::snapshot::SnapshotReader;

/// A configuration is small; anything longer is not one.
const MOST_CONFIGURATION_BYTES: u64 = 64 << 20;

/// The check before: what of it the cluster has already, and what it keeps.
pub(super) async fn look(cluster: &Cluster, snapshot: &SnapshotReader) -> Result<PartPlan> {
    let file = checked_file(snapshot, &Part::Config).await?;
    // Of a length that it never outgrows: a vector that grows leaves its old bytes behind.
    let bytes = file.metadata().map_or(0, |metadata| metadata.len().min(MOST_CONFIGURATION_BYTES));
    let mut json = Zeroizing::new(Vec::with_capacity(usize::try_from(bytes).unwrap_or_default() + 1));
    file.take(MOST_CONFIGURATION_BYTES)
        .read_to_end(&mut json)
        .map_err(|error| Error::new(ErrorKind::Disk, "cannot read config.json").because(error))?;
    let plan = cluster::plan_for(&Configuration::parse(&json)?, cluster.etcd()?).await?;
    let set = plan.set.iter().map(|(key, _)| key.clone()).collect();
    Ok(PartPlan::Config { set, unchanged: plan.unchanged.len(), kept: plan.kept.clone(), plan })
}

/// The act. Each key is read back when it is set: that is the check after.
pub(super) async fn set(cluster: &Cluster, plan: &cluster::Plan) -> Result<RestoredPart> {
    cluster::apply(cluster.etcd()?, plan).await?;
    Ok(RestoredPart {
        restored: plan.set.len() as u64,
        unchanged: plan.unchanged.len() as u64,
        ..RestoredPart::default()
    })
}
