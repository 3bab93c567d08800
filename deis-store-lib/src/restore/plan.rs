//! Finds out what a restore of parts would do, without changing anything: the check before each of its steps.

use std::collections::{BTreeMap, BTreeSet};

use super::options::{Platform, RestoreOptions};
use super::planned::{PartPlan, RestorePlan, Step};
use super::{bucket_plan, configuration, volume};
use crate::cluster::Cluster;
use crate::error::{At, Error, ErrorKind, Result, Scope};
use crate::outcome::PartOutcome;
use crate::part::{Part, PartChoice};
use crate::report::Findings;
use crate::run::{Run, TaskKind, TaskResult};
use crate::snapshot::{PartEntry, Shrunk, SnapshotReader};

/// Finds out what a restore of the parts alone would do, and all that stands in its way. Whether what is in the volume was unpacked
/// by an earlier run of this restore is known to the caller.
pub(super) async fn plan_of_parts(
    cluster: &Cluster,
    snapshot: &SnapshotReader,
    (options, volume_is_ours): (&RestoreOptions, bool),
    run: &Run,
) -> Result<RestorePlan> {
    let looking = Looking { cluster, snapshot, options, volume_is_ours, run };
    run.stop.cancels(looking.find_out()).await
}

/// The context in which parts are looked at.
pub(super) struct Looking<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) snapshot: &'a SnapshotReader,
    pub(super) options: &'a RestoreOptions,
    /// Whether what is in the volume was unpacked by an earlier run.
    pub(super) volume_is_ours: bool,
    pub(super) run: &'a Run,
}

impl Looking<'_> {
    async fn find_out(&self) -> Result<RestorePlan> {
        self.find_out_of(chosen(self.snapshot, &self.options.choice)?).await
    }

    /// The same for these parts.
    pub(super) async fn find_out_of(&self, parts: BTreeSet<Part>) -> Result<RestorePlan> {
        let Self { options, .. } = self;
        let task = self.run.begin(None, TaskKind::Check, "plan");
        let mut plan = RestorePlan::nothing(options);
        plan.rehearsed = self.snapshot.rehearsed();
        if options.choice.is_by_name() || parts.contains(&Part::Sql) {
            let why =
                "a dump is loaded by hand, with psql into an empty database; db_wal holds the same data";
            plan.left_out.insert(Part::Sql, why.to_owned());
        }
        for part in in_order(parts) {
            match self.part(&part, &mut plan).await {
                Ok(()) => {}
                Err(error) if error.scope() == Scope::Object => plan.obstacles.push(error.at(At::Part, part)),
                Err(error) if plan.obstacles.is_empty() || error.scope() == Scope::Run => return Err(error),
                Err(error) => {
                    // The next part would ask the same server.
                    plan.obstacles.push(error.at(At::Part, part));
                    break;
                }
            }
        }
        if plan.steps.is_empty() && plan.obstacles.is_empty() {
            return Err(Error::new(ErrorKind::Usage, "there is nothing to restore").todo("name other parts"));
        }
        task.done(TaskResult::Good);
        Ok(plan)
    }

    /// Adds the step of a part to the plan, and the obstacles in its way. An error is an obstacle too.
    async fn part(&self, part: &Part, plan: &mut RestorePlan) -> Result<()> {
        let Self { cluster, snapshot, options, volume_is_ours, run } = self;
        let entry = snapshot.manifest().parts.get(part);
        if let Some(why) = not_restorable(part, entry, options)? {
            plan.left_out.insert(part.clone(), why);
            return Ok(());
        }
        if let Some((_, why)) = cluster.absent(part) {
            if options.choice.is_by_name() {
                return Err(Error::new(ErrorKind::Usage, why));
            }
            plan.left_out.insert(part.clone(), why);
            return Ok(());
        }
        let mut obstacles = Vec::new();
        let mut findings = Findings::default();
        if let Some(shrunk) = entry.and_then(|entry| entry.shrunk.as_ref())
            && !options.choice.is_by_name()
            && !options.despite_damage
        {
            obstacles.push(gone(shrunk));
        }
        let does = match part {
            Part::Config => {
                configuration::look(cluster, snapshot, &options.keys, &mut obstacles, &mut findings).await?
            }
            Part::Volume => volume::look(cluster, snapshot, *volume_is_ours, &mut obstacles).await?,
            _ => {
                let lost = bucket_plan::lost(snapshot, part, options.despite_damage, &run.stop).await?;
                let held_back = lost.held_back;
                findings = lost.findings;
                if !options.choice.is_by_name() && !options.despite_damage {
                    if lost.by_backup > 0 {
                        obstacles.push(incomplete(lost.by_backup));
                    }
                    obstacles.extend(lost.falls_short.iter().map(|why| falls_short(why)));
                }
                let configuration = plan.steps.iter().find_map(|step| match &step.does {
                    PartPlan::Config { plan, .. } => Some(plan),
                    _ => None,
                });
                let bucket = bucket_plan::target(cluster, part, configuration)?;
                match bucket_plan::look(cluster, snapshot, part, bucket, held_back).await {
                    Ok(does) => does,
                    Err(error) => {
                        plan.obstacles.extend(obstacles.into_iter().map(|error| error.at(At::Part, part)));
                        plan.findings.append(findings);
                        return Err(error);
                    }
                }
            }
        };
        plan.obstacles.extend(obstacles.into_iter().map(|error| error.at(At::Part, part)));
        plan.steps.push(Step { part: part.clone(), does, verdict: findings.verdict() });
        plan.findings.append(findings);
        Ok(())
    }
}

impl RestorePlan {
    /// A plan of nothing yet.
    pub(super) fn nothing(options: &RestoreOptions) -> Self {
        Self {
            steps: Vec::new(),
            left_out: BTreeMap::new(),
            despite_damage: options.despite_damage,
            findings: Findings::default(),
            obstacles: Vec::new(),
            platform: None,
            rehearsed: None,
            later: Vec::new(),
            options: options.clone(),
        }
    }
}

/// The parts that are meant, of those that the snapshot or a Deis platform has.
pub(super) fn chosen(snapshot: &SnapshotReader, choice: &PartChoice) -> Result<BTreeSet<Part>> {
    let known = snapshot.manifest().parts.keys().cloned().chain(Part::of_deis()).collect();
    choice.check(&known)?;
    Ok(choice.of(&known, &known))
}

/// Keys that are named are set, or that is an error.
pub(super) fn require_configuration(snapshot: &SnapshotReader, options: &RestoreOptions) -> Result<()> {
    let Some(first) = options.keys.first() else { return Ok(()) };
    let is_restored = options.platform != Platform::Alone
        && snapshot.entry(&Part::Config).outcome == PartOutcome::Stored
        && chosen(snapshot, &options.choice)?.contains(&Part::Config);
    if is_restored {
        return Ok(());
    }
    let what = "a key is named, and the configuration is not restored";
    Err(Error::new(ErrorKind::Usage, what).at(At::Key, first).todo("restore the configuration as well"))
}

/// Configuration before the component that reads it starts, then the data.
pub(super) fn in_order(parts: BTreeSet<Part>) -> Vec<Part> {
    let mut parts: Vec<Part> = parts.into_iter().filter(|part| *part != Part::Sql).collect();
    parts.sort_by_key(|part| *part != Part::Config);
    parts
}

/// Why a part of the snapshot is left out; an error if it was asked for and cannot be.
fn not_restorable(
    part: &Part,
    entry: Option<&PartEntry>,
    options: &RestoreOptions,
) -> Result<Option<String>> {
    let RestoreOptions { choice, despite_damage, .. } = options;
    let outcome = entry.map_or(PartOutcome::Skipped, |entry| entry.outcome);
    // Of a bucket its lists say what is lost.
    let counts = entry.filter(|_| part.as_bucket().is_none()).map(|entry| entry.counts);
    match outcome {
        PartOutcome::Stored => match counts.map_or(0, |counts| counts.lost()) {
            0 => Ok(None),
            _ if choice.is_by_name() || *despite_damage => Ok(None),
            lost => Err(incomplete(lost)),
        },
        _ if choice.is_by_name() => {
            Err(Error::new(ErrorKind::NotFound, "the snapshot does not hold this part")
                .todo("use another snapshot"))
        }
        PartOutcome::Failed => Err(Error::new(ErrorKind::Guard, "this part could not be backed up")
            .todo("use another snapshot, or leave the part out")),
        PartOutcome::Skipped | PartOutcome::Absent => Ok(Some("the snapshot does not hold it".to_owned())),
    }
}

fn incomplete(lost: u64) -> Error {
    Error::new(
        ErrorKind::Guard,
        format!("{lost} objects of this part could not be backed up, so it is incomplete"),
    )
    .todo("use another snapshot, or name the parts to restore what there is")
}

fn falls_short(why: &str) -> Error {
    Error::new(ErrorKind::Guard, format!("this part can not be restored as it was: {why}"))
        .todo("use another snapshot, or name the parts to restore what there is")
}

/// What shrank may have been emptied by mistake.
fn gone(shrunk: &Shrunk) -> Error {
    let Shrunk { since, objects, bytes } = shrunk;
    Error::new(
        ErrorKind::Guard,
        format!("much of this part was gone when it was backed up: {since} has {objects} objects of it, with {bytes} bytes"),
    )
    .todo("use that snapshot, or name the parts to restore what there is")
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
