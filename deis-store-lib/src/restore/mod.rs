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
mod options;
mod plan;
mod planned;
mod report;
mod step;
#[cfg(all(test, feature = "gateway"))]
mod tests;
mod upload_form;
mod volume;

use std::collections::BTreeMap;
use std::time::Instant;

use crate::cluster::Cluster;
use crate::error::Result;
use crate::part::Part;
use crate::report::{Finding, Findings, Verdict};
use crate::run::{Level, Run, TaskKind, TaskResult, milliseconds};
use crate::snapshot::SnapshotReader;
use step::Stage;

pub use options::RestoreOptions;
pub use plan::plan;
pub use planned::{PartPlan, RestorePlan, Step};
pub use report::{RestoreReport, RestoredPart};

/// Brings a snapshot onto a cluster, as planned.
///
/// A plan with an obstacle is refused, before anything is done.
///
/// A part that fails, or of which more is lost than the plan says, stops the restore: what comes after it may rest on it. The
/// error then says so; run again, it goes on, since what is there with the same bytes is left as it is.
pub async fn restore(
    cluster: &Cluster,
    snapshot: &SnapshotReader,
    plan: &RestorePlan,
    run: &Run,
) -> Result<RestoreReport> {
    if let Some(obstacle) = plan.obstacles.first() {
        return Err(obstacle.again());
    }
    run.stop.cancels(carry_out(cluster, snapshot, plan, run)).await
}

async fn carry_out(
    cluster: &Cluster,
    snapshot: &SnapshotReader,
    plan: &RestorePlan,
    run: &Run,
) -> Result<RestoreReport> {
    let verb = run.begin(None, TaskKind::Verb, "restore");
    let start = Instant::now();
    let mut report = RestoreReport {
        snapshot: snapshot.path().display().to_string(),
        verdict: Verdict::Good,
        parts: BTreeMap::new(),
        findings: Findings::default(),
        milliseconds: 0,
    };
    // A configuration has no lists from which its step could learn what is lost.
    let of_configuration = |finding: &&Finding| finding.part == Some(Part::Config);
    for finding in plan.findings.list().iter().filter(of_configuration) {
        report.findings.push(finding.clone());
    }
    let stage = Stage { cluster, snapshot, despite_damage: plan.despite_damage };
    for step in &plan.steps {
        run.stop.check()?;
        let part = &step.part;
        let task = run.begin(Some(verb.task()), TaskKind::Part, part.name());
        let start = Instant::now();
        let (mut done, verdict) = step.go(stage, &task, &mut report.findings).await?;
        done.milliseconds = milliseconds(start.elapsed());
        report.parts.insert(part.clone(), done);
        report.verdict = report.verdict.max(verdict);
        task.done(if verdict == Verdict::Good { TaskResult::Good } else { TaskResult::Incomplete });
        if verdict > step.verdict && !plan.despite_damage {
            let text = format!("{part} is not whole: the parts after it are left undone");
            verb.note(Level::Warning, "stopped", &text);
            break;
        }
    }
    report.milliseconds = milliseconds(start.elapsed());
    verb.done(if report.verdict == Verdict::Good { TaskResult::Good } else { TaskResult::Incomplete });
    Ok(report)
}
