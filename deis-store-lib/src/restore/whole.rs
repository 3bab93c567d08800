//! A whole restore: the store is brought up, then the parts are restored, then the rest of the platform is brought up on them.
//!
//! It goes on where a run before it has ended, also one that was killed.

use std::collections::BTreeSet;
use std::time::Instant;

use super::configuration;
use super::options::{Platform, RestoreOptions};
use super::plan::plan_of_parts;
use super::planned::{PlatformPlan, RestorePlan};
use super::report::RestoreReport;
use crate::cluster::{Cluster, Configuration};
use crate::error::{Error, ErrorKind, Result};
use crate::outcome::PartOutcome;
use crate::part::{Part, PartChoice, PartName};
use crate::platform::{self, Extent, Lock, ScaledGateways, Stage, StepName};
use crate::report::Verdict;
use crate::run::{Level, Run, TaskKind, milliseconds};
use crate::snapshot::SnapshotReader;

const NO_FLEET: &str = "etcd has no fleet: no unit can be started";
const NO_DATABASE: &str = "the snapshot holds no database that could be brought back";
const NOT_MEANT: &str = "db_wal is left out, and on its bucket as it is the database might begin anew";

/// What brings the platform up, and what stands in its way. Nothing of it is done where there is no fleet.
pub(super) async fn look(
    cluster: &Cluster,
    snapshot: &SnapshotReader,
    options: &RestoreOptions,
    obstacles: &mut Vec<Error>,
    run: &Run,
) -> Result<(PlatformPlan, Done)> {
    if let Err(error) = cluster.etcd() {
        return left_out(options, &error.what());
    }
    let own = Own::of(snapshot, options).await?;
    if let Err(why) = own.database {
        return left_out(options, why);
    }
    let stage = own.stage(cluster, snapshot, options, run).await?;
    if !stage.has_fleet().await? {
        return left_out(options, NO_FLEET);
    }
    let steps = platform::plan(&stage, own.extent, obstacles).await?;
    let done = Done {
        parts: own.parts.iter().filter(|part| is_done(&stage, options, part)).cloned().collect(),
        volume_is_ours: volume_is_ours(&stage).await?,
    };
    let store_is_up = steps.iter().filter(|step| step.name.is_before_data()).all(|step| step.done);
    Ok((PlatformPlan { steps, left_out: None, store_is_up }, done))
}

/// That the volume was seen to be empty, and that from then on a restore unpacks into it.
pub(super) const VOLUME_BEGUN: &str = "volume-begun";

/// Whether what is in the volume is what an earlier run has unpacked, and nothing else. A logger that somebody else has started writes
/// there, too.
async fn volume_is_ours(stage: &Stage<'_>) -> Result<bool> {
    let is_begun = stage.record.has(VOLUME_BEGUN) && !stage.record.has(platform::LOGGING);
    Ok(is_begun && !platform::is_logging(stage).await?)
}

/// Says why the platform is left out; that is an error where it was asked for alone.
fn left_out(options: &RestoreOptions, why: &str) -> Result<(PlatformPlan, Done)> {
    if options.platform == Platform::Alone || options.from.is_some() || options.choice.is_by_name() {
        return Err(Error::new(ErrorKind::Usage, format!("the platform cannot be brought up: {why}")));
    }
    Ok((
        PlatformPlan { steps: Vec::new(), left_out: Some(why.to_owned()), store_is_up: true },
        Done::default(),
    ))
}

/// What a run before this one has done of the parts.
#[derive(Default)]
pub(super) struct Done {
    pub(super) parts: BTreeSet<Part>,
    /// Whether what is in the volume was unpacked by it.
    pub(super) volume_is_ours: bool,
}

/// What of the snapshot is meant.
struct Own {
    parts: BTreeSet<Part>,
    configuration: Option<Configuration>,
    /// Whether there is a database to bring back; else why not.
    database: Result<(), &'static str>,
    extent: Extent,
}

impl Own {
    async fn of(snapshot: &SnapshotReader, options: &RestoreOptions) -> Result<Self> {
        let with_data = options.platform == Platform::Around;
        let chosen = super::plan::chosen(snapshot, &options.choice)?;
        let stored = |part: &Part| snapshot.entry(part).outcome == PartOutcome::Stored;
        let parts: BTreeSet<Part> = chosen.into_iter().filter(|part| with_data && stored(part)).collect();
        let db_wal = Part::db_wal();
        // The platform alone is brought up on parts that were restored before.
        let database = match (stored(&db_wal), parts.contains(&db_wal) || !with_data) {
            (true, true) => Ok(()),
            (true, false) => Err(NOT_MEANT),
            (false, _) => Err(NO_DATABASE),
        };
        let configuration =
            if parts.contains(&Part::Config) { Some(configuration::read(snapshot).await?) } else { None };
        Ok(Self { parts, configuration, database, extent: Extent { from: options.from, with_data } })
    }

    async fn stage<'a>(
        &'a self,
        cluster: &Cluster,
        snapshot: &'a SnapshotReader,
        options: &RestoreOptions,
        run: &'a Run,
    ) -> Result<Stage<'a>> {
        Stage::new(cluster, (snapshot, self.configuration.as_ref()), options.wait, run).await
    }
}

/// Carries out a plan that brings the platform up, while no other restore does.
pub(super) async fn carry_out(
    cluster: &Cluster,
    snapshot: &SnapshotReader,
    plan: &RestorePlan,
    steps: &[platform::PlannedStep],
    run: &Run,
) -> Result<RestoreReport> {
    let mut lock = Lock::take(cluster.etcd()?, run).await?;
    let done = tokio::select! {
        done = go((cluster, snapshot), &plan.options, steps, run) => done,
        error = lock.lost() => Err(error),
    };
    lock.release().await;
    done
}

async fn go(
    (cluster, snapshot): (&Cluster, &SnapshotReader),
    options: &RestoreOptions,
    steps: &[platform::PlannedStep],
    run: &Run,
) -> Result<RestoreReport> {
    let verb = run.begin(None, TaskKind::Verb, "restore");
    let start = Instant::now();
    let own = Own::of(snapshot, options).await?;
    let mut stage = own.stage(cluster, snapshot, options, run).await?;
    // What a run that was killed has left is mended first.
    platform::put_back(&mut stage).await?;
    platform::put_back_left(stage.cluster()).await?;
    let mut report = RestoreReport::new(snapshot);
    for step in steps {
        run.stop.check()?;
        if step.name == StepName::Data {
            data(&mut stage, options, &mut report, run).await?;
            // What was held back or lost as planned is no reason to stop for somebody who goes on despite it; what failed now is.
            let failed = report.parts.values().any(|done| done.failed > 0);
            if failed || (report.verdict != Verdict::Good && !options.despite_damage) {
                let text = "the data are not whole: the platform is not started on them";
                verb.note(Level::Warning, "stopped", text);
                report.stopped = Some(text.to_owned());
                break;
            }
        } else {
            let going = platform::go(&mut stage, step.name, &mut report.left);
            let done = run.stop.cancels(going).await?;
            report.steps.push(done);
        }
    }
    report.milliseconds = milliseconds(start.elapsed());
    verb.done(report.verdict.task_result());
    Ok(report)
}

/// Restores the parts that no run before this one has.
async fn data(
    stage: &mut Stage<'_>,
    options: &RestoreOptions,
    report: &mut RestoreReport,
    run: &Run,
) -> Result<()> {
    let snapshot = stage.snapshot;
    let Some(choice) = rest(stage, options)? else { return Ok(()) };
    stage.look_again().await?;
    // The gateways' address and keys are those of the store as it runs now.
    let options = RestoreOptions { choice, platform: Platform::LeftOut, from: None, ..options.clone() };
    let is_ours = volume_is_ours(stage).await?;
    let plan = plan_of_parts(stage.cluster(), snapshot, (&options, is_ours), run).await?;
    let mut obstacles = plan.obstacles.iter();
    if let Some(first) = obstacles.next() {
        for more in obstacles {
            run.note(Level::Warning, "obstacle", &more.to_string());
        }
        return Err(first.again());
    }
    let scaled = match options.gateways {
        Some(gateways) => {
            Some(ScaledGateways::scale(stage.cluster(), gateways.get(), options.wait, run).await?)
        }
        None => None,
    };
    let restored = run.stop.cancels(with_more(stage, &plan, report, run)).await;
    // What was changed for it is put back also if it was interrupted.
    let put_back = platform::put_back(stage).await;
    if let Some(scaled) = scaled {
        scaled.put_back().await?;
        platform::published(stage).await?;
    }
    put_back.and(restored)
}

/// Restores the parts by way of all gateways that there are now.
async fn with_more(
    stage: &mut Stage<'_>,
    plan: &RestorePlan,
    report: &mut RestoreReport,
    run: &Run,
) -> Result<()> {
    stage.look_again().await?;
    platform::raise(stage).await?;
    super::parts(stage, plan, report, run).await
}

/// Whether a run before this one has restored a part. Keys may be named now that were not then.
fn is_done(stage: &Stage<'_>, options: &RestoreOptions, part: &Part) -> bool {
    let has_more = *part == Part::Config && !options.keys.is_empty();
    stage.record.has(part.name()) && !has_more
}

/// The parts that are left to restore.
fn rest(stage: &Stage<'_>, options: &RestoreOptions) -> Result<Option<PartChoice>> {
    let chosen = super::plan::chosen(stage.snapshot, &options.choice)?;
    let restorable =
        |part: &Part| *part != Part::Sql && stage.snapshot.entry(part).outcome == PartOutcome::Stored;
    let (done, left): (Vec<Part>, Vec<Part>) =
        chosen.into_iter().filter(restorable).partition(|part| is_done(stage, options, part));
    if left.is_empty() {
        return Ok(None);
    }
    let names = |parts: &[Part]| parts.iter().map(PartName::from).collect::<BTreeSet<_>>();
    Ok(Some(match &options.choice {
        PartChoice::Only(_) => PartChoice::Only(names(&left)),
        PartChoice::All => PartChoice::AllBut(names(&done)),
        PartChoice::AllBut(but) => PartChoice::AllBut(but.iter().cloned().chain(names(&done)).collect()),
    }))
}
