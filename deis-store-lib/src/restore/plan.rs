//! Finds out what a restore would do, without changing anything: the check before each of its steps.

use std::collections::{BTreeMap, BTreeSet};

use super::options::RestoreOptions;
use super::planned::{PartPlan, RestorePlan, Step};
use super::{bucket_plan, configuration, volume};
use crate::cluster::Cluster;
use crate::error::{At, Error, ErrorKind, Result};
use crate::outcome::PartOutcome;
use crate::part::{Part, PartChoice};
use crate::run::{Run, TaskKind, TaskResult};
use crate::snapshot::{PartEntry, SnapshotReader};

/// Finds out what a restore would do. It is an [`ErrorKind::Occupied`] error if it would touch what is not the
/// snapshot's.
pub async fn plan(
    cluster: &Cluster,
    snapshot: &SnapshotReader,
    options: &RestoreOptions,
    run: &Run,
) -> Result<RestorePlan> {
    run.stop.cancels(find_out(cluster, snapshot, options, run)).await
}

async fn find_out(
    cluster: &Cluster,
    snapshot: &SnapshotReader,
    options: &RestoreOptions,
    run: &Run,
) -> Result<RestorePlan> {
    let task = run.begin(None, TaskKind::Check, "plan");
    let mut plan =
        RestorePlan { steps: Vec::new(), left_out: BTreeMap::new(), despite_damage: options.despite_damage };
    let parts = chosen(snapshot, &options.choice)?;
    if options.choice.is_by_name() || parts.contains(&Part::Sql) {
        let why = "a dump is loaded by hand, with psql into an empty database; db_wal holds the same data";
        plan.left_out.insert(Part::Sql, why.to_owned());
    }
    for part in in_order(parts) {
        let entry = snapshot.manifest().parts.get(&part);
        if let Some(why) = not_restorable(&part, entry, &options.choice)? {
            plan.left_out.insert(part, why);
        } else if let Some((_, why)) = cluster.absent(&part) {
            if options.choice.is_by_name() {
                return Err(Error::new(ErrorKind::Usage, why).at(At::Part, part));
            }
            plan.left_out.insert(part, why);
        } else {
            let with_configuration = plan.steps.iter().any(|step| step.part == Part::Config);
            let does = look(cluster, snapshot, &part, with_configuration).await?;
            plan.steps.push(Step { part, does });
        }
    }
    if plan.steps.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "there is nothing to restore").todo("name other parts"));
    }
    task.done(TaskResult::Good);
    Ok(plan)
}

/// The parts that are meant, of those that the snapshot or a Deis platform has.
fn chosen(snapshot: &SnapshotReader, choice: &PartChoice) -> Result<BTreeSet<Part>> {
    let known = snapshot.manifest().parts.keys().cloned().chain(Part::of_deis()).collect();
    choice.check(&known)?;
    Ok(choice.of(&known, &known))
}

/// Configuration before the component that reads it starts, then the data.
fn in_order(parts: BTreeSet<Part>) -> Vec<Part> {
    let mut parts: Vec<Part> = parts.into_iter().filter(|part| *part != Part::Sql).collect();
    parts.sort_by_key(|part| *part != Part::Config);
    parts
}

/// Why a part of the snapshot is left out; an error if it was asked for and cannot be, or only by name.
fn not_restorable(part: &Part, entry: Option<&PartEntry>, choice: &PartChoice) -> Result<Option<String>> {
    let outcome = entry.map_or(PartOutcome::Skipped, |entry| entry.outcome);
    let lost = entry.map_or(0, |entry| entry.counts.failed + entry.counts.refused);
    match outcome {
        PartOutcome::Stored if lost == 0 || choice.is_by_name() => Ok(None),
        PartOutcome::Stored => Err(Error::new(
            ErrorKind::Guard,
            format!("{lost} objects of this part could not be backed up, so it is incomplete"),
        )
        .at(At::Part, part)
        .todo("use another snapshot, or name the parts to restore what there is")),
        _ if choice.is_by_name() => {
            Err(Error::new(ErrorKind::NotFound, "the snapshot does not hold this part")
                .at(At::Part, part)
                .todo("use another snapshot"))
        }
        PartOutcome::Failed => Err(Error::new(ErrorKind::Guard, "this part could not be backed up")
            .at(At::Part, part)
            .todo("use another snapshot, or leave the part out")),
        PartOutcome::Skipped | PartOutcome::Absent => Ok(Some("the snapshot does not hold it".to_owned())),
    }
}

async fn look(
    cluster: &Cluster,
    snapshot: &SnapshotReader,
    part: &Part,
    with_configuration: bool,
) -> Result<PartPlan> {
    match part {
        Part::Config => configuration::look(cluster, snapshot).await,
        Part::Volume => volume::look(cluster, snapshot).await,
        _ => {
            let bucket = bucket_plan::target(cluster, snapshot, part, with_configuration)?;
            bucket_plan::look(cluster, snapshot, part, bucket).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_comes_first_then_buckets_then_the_volume() {
        let mut parts = Part::of_deis();
        parts.insert(Part::Bucket("uploads".parse().unwrap()));
        let names: Vec<String> = in_order(parts).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["config", "db_wal", "registry", "bucket.uploads", "volume"]);
    }
}
