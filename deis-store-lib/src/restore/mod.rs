//! The verb `restore`: a snapshot onto a new cluster. First a plan, which changes nothing; then what it says.
//!
//! A plan is an ordered list of steps, each with a check before it, an act and a check after it. All checks before are made
//! when the plan is, so that a guard refuses before any step has acted.

mod bucket;
mod bucket_plan;
mod checked_file;
mod configuration;
mod diff;
mod lost;
#[cfg(all(test, feature = "gateway"))]
mod on_disk_tests;
mod options;
mod plan;
mod plan_whole;
mod planned;
mod report;
mod step;
#[cfg(all(test, feature = "gateway"))]
mod tests;
mod upload_form;
mod volume;
mod whole;

use std::time::Instant;

use crate::cluster::Cluster;
use crate::error::{ErrorKind, Result};
use crate::part::Part;
use crate::platform::Stage as PlatformStage;
use crate::report::{Finding, Verdict};
use crate::run::{Level, Run, TaskKind, milliseconds};
use crate::snapshot::SnapshotReader;
use step::Stage;

#[cfg(feature = "gateway")]
pub(crate) use configuration::read as read_configuration;
pub use options::{Platform, RestoreOptions};
pub use plan_whole::plan;
pub use planned::{PartPlan, PlatformPlan, RestorePlan, Step};
pub use report::{RestoreReport, RestoredPart};

/// Brings a snapshot onto a cluster, as planned.
///
/// A plan with an obstacle is refused, before anything is done.
///
/// A part that fails, or of which more is lost than the plan says, stops the restore: what comes after it may rest on it. The
/// error then says so; run again, it goes on, since what is there with the same bytes is left as it is.
///
/// A plan that brings the platform up keeps what it has done in the cluster's etcd, below `/deis-store/restore`, until it is
/// finished.
pub async fn restore(
    cluster: &Cluster,
    snapshot: &SnapshotReader,
    plan: &RestorePlan,
    run: &Run,
) -> Result<RestoreReport> {
    if let Some(obstacle) = plan.obstacles.first() {
        return Err(obstacle.again());
    }
    let steps = plan.platform.as_ref().map_or(&[][..], |platform| &platform.steps);
    if !steps.is_empty() {
        // It stops by itself, and puts back before what it has changed for a while.
        return Box::pin(whole::carry_out(cluster, snapshot, plan, steps, run)).await;
    }
    let mut report = run.stop.cancels(carry_out(cluster, snapshot, plan, run)).await?;
    report.left_out = plan.platform.as_ref().and_then(|platform| platform.left_out.clone());
    Ok(report)
}

async fn carry_out(
    cluster: &Cluster,
    snapshot: &SnapshotReader,
    plan: &RestorePlan,
    run: &Run,
) -> Result<RestoreReport> {
    let verb = run.begin(None, TaskKind::Verb, "restore");
    let start = Instant::now();
    let mut report = RestoreReport::new(snapshot);
    learn(plan, &mut report);
    let stage = Stage { cluster, snapshot, despite_damage: plan.despite_damage };
    for step in &plan.steps {
        if !part(stage, step, plan, &mut report, run).await? {
            break;
        }
    }
    report.milliseconds = milliseconds(start.elapsed());
    verb.done(report.verdict.task_result());
    Ok(report)
}

/// Restores the parts of a platform, and keeps which ones are restored.
async fn parts(
    platform: &mut PlatformStage<'_>,
    plan: &RestorePlan,
    report: &mut RestoreReport,
    run: &Run,
) -> Result<()> {
    learn(plan, report);
    for step in &plan.steps {
        let marks = step.part == Part::Volume && !platform.record.has(whole::VOLUME_BEGUN);
        if marks {
            volume::require_unused(platform.cluster()).await?;
            platform.record.keep(whole::VOLUME_BEGUN).await?;
        }
        let stage = Stage {
            cluster: platform.cluster(),
            snapshot: platform.snapshot,
            despite_damage: plan.despite_damage,
        };
        let restored = part(stage, step, plan, report, run).await;
        if marks && restored.as_ref().is_err_and(|error| error.kind() == ErrorKind::Occupied) {
            // Somebody else writes there: what is in it is not ours.
            platform.record.forget_one(whole::VOLUME_BEGUN).await?;
        }
        let goes_on = restored?;
        if let Some(latest) = report.parts.get(&step.part).and_then(|done| done.latest.clone()) {
            platform.record.keep_latest(&latest).await?;
        }
        // What failed now may succeed in the next run, whatever damage is meant to be passed over.
        let failed = report.parts.get(&step.part).is_some_and(|done| done.failed > 0);
        if !goes_on || failed {
            break;
        }
        // What is not whole is looked at again by the next run.
        if step.verdict == Verdict::Good || plan.despite_damage {
            platform.record.keep(step.part.name()).await?;
        }
    }
    Ok(())
}

/// A configuration has no lists from which its step could learn what is lost.
fn learn(plan: &RestorePlan, report: &mut RestoreReport) {
    let of_configuration = |finding: &&Finding| finding.part == Some(Part::Config);
    for finding in plan.findings.list().iter().filter(of_configuration) {
        report.findings.push(finding.clone());
    }
}

/// Restores a part; whether those after it can follow.
async fn part(
    stage: Stage<'_>,
    step: &Step,
    plan: &RestorePlan,
    report: &mut RestoreReport,
    run: &Run,
) -> Result<bool> {
    run.stop.check()?;
    let part = &step.part;
    let task = run.begin(None, TaskKind::Part, part.name());
    let start = Instant::now();
    let (mut done, verdict) = step.go(stage, &task, &mut report.findings).await?;
    done.milliseconds = milliseconds(start.elapsed());
    report.parts.insert(part.clone(), done);
    report.verdict = report.verdict.max(verdict);
    let goes_on = verdict <= step.verdict || plan.despite_damage;
    if !goes_on {
        let text = format!("{part} is not whole: the parts after it are left undone");
        task.note(Level::Warning, "stopped", &text);
    }
    task.done(verdict.task_result());
    Ok(goes_on)
}
