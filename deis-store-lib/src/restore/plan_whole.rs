//! Finds out what a restore would do: of parts alone, or with the platform around them.

use std::collections::BTreeSet;

use super::options::{Platform, RestoreOptions};
use super::plan::{Looking, chosen, in_order, plan_of_parts, require_configuration};
use super::planned::RestorePlan;
use super::whole;
use crate::cluster::Cluster;
use crate::error::Result;
use crate::outcome::PartOutcome;
use crate::part::Part;
use crate::platform::StepName;
use crate::run::Run;
use crate::snapshot::SnapshotReader;

/// Finds out what a restore would do, and all that stands in its way: a bucket or volume that is not empty, a part that the
/// snapshot does not hold, a file that is damaged. What stands in the way is in the plan, and [`restore`](super::restore)
/// refuses such a plan. An error is what kept us from knowing.
pub async fn plan(
    cluster: &Cluster,
    snapshot: &SnapshotReader,
    options: &RestoreOptions,
    run: &Run,
) -> Result<RestorePlan> {
    require_configuration(snapshot, options)?;
    if options.platform == Platform::LeftOut {
        return plan_of_parts(cluster, snapshot, (options, false), run).await;
    }
    run.stop.cancels(plan_of_platform(cluster, snapshot, options, run)).await
}

/// The same for the platform and the parts within it. As long as the store does not run, these are looked at later.
async fn plan_of_platform(
    cluster: &Cluster,
    snapshot: &SnapshotReader,
    options: &RestoreOptions,
    run: &Run,
) -> Result<RestorePlan> {
    let mut obstacles = Vec::new();
    let (platform, done) = whole::look(cluster, snapshot, options, &mut obstacles, run).await?;
    let mut plan = RestorePlan::nothing(options);
    plan.rehearsed = snapshot.rehearsed();
    let parts = chosen(snapshot, &options.choice)?;
    let with_data = options.from.is_none_or(|from| from <= StepName::Data);
    if options.platform == Platform::Around && with_data {
        let stored = |part: &&Part| snapshot.entry(part).outcome == PartOutcome::Stored;
        let left: BTreeSet<Part> = match platform.left_out {
            // As if the parts alone were meant.
            Some(_) => parts,
            None => parts.difference(&done.parts).filter(stored).cloned().collect(),
        };
        let looking = Looking { cluster, snapshot, options, volume_is_ours: done.volume_is_ours, run };
        if platform.store_is_up {
            if left.iter().any(|part| *part != Part::Sql) {
                plan = looking.find_out_of(left).await?;
            }
        } else {
            // The configuration needs etcd alone.
            let (now, later): (BTreeSet<Part>, BTreeSet<Part>) =
                left.into_iter().partition(|part| *part == Part::Config);
            if !now.is_empty() {
                plan = looking.find_out_of(now).await?;
            }
            plan.later = in_order(later)
                .into_iter()
                .filter(|part| snapshot.manifest().parts.contains_key(part))
                .collect();
        }
        for part in done.parts {
            plan.left_out.insert(part, "an earlier run of this restore has restored it".to_owned());
        }
    }
    plan.obstacles.splice(0..0, obstacles);
    plan.platform = Some(platform);
    Ok(plan)
}
