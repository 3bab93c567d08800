//! The step that sets the operator's configuration in etcd.

use std::collections::BTreeSet;

use super::checked_file::checked_file;
use super::planned::PartPlan;
use super::report::RestoredPart;
use crate::cluster::{self, Cluster, Configuration};
use crate::error::{At, Error, ErrorKind, Result};
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings};
use crate::snapshot::SnapshotReader;

/// The check before: what of it the cluster has already, what it keeps, and where it has a directory in the place of a key or
/// a key in the place of a directory.
pub(super) async fn look(
    cluster: &Cluster,
    snapshot: &SnapshotReader,
    named: &BTreeSet<String>,
    obstacles: &mut Vec<Error>,
    findings: &mut Findings,
) -> Result<PartPlan> {
    let configuration = read(snapshot).await?;
    if configuration.is_empty() {
        let what = "it has no key of the operator's: nothing is set";
        findings.push(Finding::new(Some(&Part::Config), "config.json", FindingKind::Unverifiable, what));
    }
    for key in configuration.mangled() {
        let what =
            "it has a U+FFFD, which etcd gives for bytes that are not UTF-8: look at it before you trust it";
        findings.push(Finding::new(Some(&Part::Config), key, FindingKind::Unverifiable, what));
    }
    let lost = snapshot.manifest().parts.get(&Part::Config).map_or(0, |entry| entry.counts.lost());
    if lost > 0 {
        let what = format!("{lost} keys could not be backed up: `not_included` of the manifest names them");
        findings.push(Finding::new(Some(&Part::Config), "config.json", FindingKind::Failed, what));
    }
    for key in named.iter().filter(|key| !configuration.has(key)) {
        let what = "a key is named that is not in the snapshot's configuration";
        let todo = "give whole keys, as config.json has them: /deis/router/…";
        obstacles.push(Error::new(ErrorKind::Usage, what).at(At::Key, key).todo(todo));
    }
    let plan = cluster::plan_for(&configuration, cluster.etcd()?, named).await?;
    for key in &plan.unknown {
        let what = "no release of Deis that is known here reads this key: it is not set; name it to set it";
        findings.push(Finding::new(Some(&Part::Config), key, FindingKind::UnknownKey, what));
    }
    obstacles.extend(plan.blocked());
    let set = plan.set.iter().map(|(key, _)| key.clone()).collect();
    let (replaced, kept, unknown) = (plan.replaced.clone(), plan.kept.clone(), plan.unknown.clone());
    Ok(PartPlan::Config { set, replaced, unchanged: plan.unchanged.len(), kept, unknown, plan })
}

/// The configuration of a snapshot.
pub(crate) async fn read(snapshot: &SnapshotReader) -> Result<Configuration> {
    let file = checked_file(snapshot, &Part::Config).await?;
    let size_bytes = file.metadata().map_or(0, |metadata| metadata.len());
    Configuration::read(file, size_bytes)
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
