//! The verb verify: whether a snapshot's files are there and are what they were.
//!
//! Damage is a finding in the report; an error is what kept us from knowing. It must write nothing but its result, which the
//! snapshot keeps. To which point the objects can be brought back is `restorable`'s to say: here they are read for it.

mod event;
mod files;
#[cfg(test)]
mod kept_tests;
mod living;
mod living_object;
mod plan;
mod read;
mod tally;
#[cfg(test)]
mod tests;
mod understood;
#[cfg(test)]
mod understood_tests;
mod unlisted;
mod whole_file;

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet, spawn_blocking};

use crate::blocking::blocking;
use crate::error::{Error, ErrorKind, Result};
use crate::outcome::PartOutcome;
use crate::part::Part;
use crate::report::{Verdict, in_one_line};
use crate::restorable::Judged;
use crate::run::{Level, Run, TaskKind, TaskResult};
use crate::snapshot::{DamageFound, SnapshotReader, timestamp};
use event::Event;
pub use living::{BucketReport, verify_bucket};
use plan::Plan;
use tally::Tally;
use unlisted::Search;

pub use read::{Percent, Read, Share};
pub use tally::VerifyReport;

/// How many files are read at once: disks and processors are both kept busy, and neither is taken from others.
const WORKERS: usize = 4;

/// How many jobs, and how many events, wait at most: enough that those who take them rarely fall asleep over small files.
const MOST_WAITING: usize = 512;

/// How thoroughly to verify.
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    /// Which objects and large files to read.
    pub read: Read,
}

/// Verifies a snapshot: every file against size and digest, the lists against the manifest, and the directory against
/// both. And to which point the databases and images in it can be brought back, as far as their objects are read. The result is kept in the snapshot's directory, if it can be.
pub async fn verify(snapshot: &SnapshotReader, options: &VerifyOptions, run: &Run) -> Result<VerifyReport> {
    let (running, started) = (run.begin(None, TaskKind::Verb, "verify"), run.clock.now());
    let (events, arriving) = mpsc::channel(MOST_WAITING);
    let (jobs, waiting) = std::sync::mpsc::sync_channel(MOST_WAITING);
    let waiting = Arc::new(Mutex::new(waiting));
    let mut tasks = JoinSet::new();
    for _ in 0..WORKERS {
        let (snapshot, stop) = (snapshot.clone(), run.stop.clone());
        let (events, waiting) = (events.clone(), Arc::clone(&waiting));
        tasks.spawn_blocking(move || files::work(&snapshot, &stop, &waiting, &events));
    }
    drop(waiting);
    let plan = Plan { snapshot: snapshot.clone(), read: options.read, seed: run.seed, jobs, events };
    tasks.spawn_blocking(move || plan.run());

    let manifest = snapshot.manifest();
    let mut tally = Tally::new(manifest, options.read, &running);
    let received = received(&mut tally, arriving, snapshot, started).await;
    // A task that panicked has told nothing of what it left out. After an error they end as soon as they see that nobody listens.
    let ended = all_ended(&mut tasks).await;
    received.and(ended)?;
    let Tally { mut report, mut damage, judges, buckets, .. } = tally;
    let readable = |part: &Part| {
        matches!(buckets.get(part), Some(Some(_))) && snapshot.entry(part).outcome == PartOutcome::Stored
    };
    for (part, judge) in judges.into_iter().filter(|(part, judge)| readable(part) && !judge.is_idle()) {
        let objects = snapshot.objects(&part)?;
        let Judged { held_back, restorability, harm } = blocking(move || objects.judged(judge)).await?;
        for (reference, lack) in held_back.iter() {
            if lack.in_source {
                damage.add_within(&part, reference);
            }
            report.findings.push(lack.finding(&part, reference));
        }
        for harm in harm {
            if harm.kind.verdict() == Verdict::Damaged {
                damage.add_within(&part, &harm.name);
            }
            report.findings.push(harm.finding(&part));
        }
        report.restorable.insert(part, restorability);
    }
    let search =
        Search { snapshot: snapshot.clone(), buckets, stop: run.stop.clone(), findings: report.findings };
    report.findings = spawn_blocking(move || search.run()).await.map_err(died)??;

    report.verdict = report.findings.verdict();
    if !manifest.complete {
        report.verdict = report.verdict.max(Verdict::Incomplete);
    }
    let result = (report.verdict, report.read.to_string(), report.read.is_everything());
    if let Err(error) = keep(snapshot, started, result, damage, run).await {
        running.note(Level::Warning, "not-kept", &not_kept(&error));
        report.not_kept = Some(in_one_line(&error));
    }
    running.done(match report.verdict {
        Verdict::Good => TaskResult::Good,
        Verdict::Incomplete => TaskResult::Incomplete,
        Verdict::Damaged => TaskResult::Failed,
    });
    Ok(report)
}

/// Receives what the tasks find. Damage is kept at once: the run may be stopped, fail, or be waited for no more before it has a result.
async fn received(
    tally: &mut Tally<'_>,
    arriving: mpsc::Receiver<Event>,
    snapshot: &SnapshotReader,
    started: SystemTime,
) -> Result<()> {
    let received = tally.receive(arriving).await;
    if tally.damage.is_any() {
        let result = (Verdict::Damaged, format!("{}, stopped", tally.report.read), false);
        let (damage, run) = (tally.damage.clone(), tally.running.run());
        if let Err(error) = keep(snapshot, started, result, damage, run).await {
            tally.running.note(Level::Warning, "not-kept", &not_kept(&error));
        }
    }
    received
}

async fn all_ended(tasks: &mut JoinSet<()>) -> Result<()> {
    let mut all = Ok(());
    while let Some(ended) = tasks.join_next().await {
        all = all.and(ended.map_err(died));
    }
    all
}

/// Keeps a result in the snapshot (the verdict, on what was read, and whether that is everything): what is damaged is not
/// shared by the next backup.
async fn keep(
    snapshot: &SnapshotReader,
    started: SystemTime,
    result: (Verdict, String, bool),
    damage: DamageFound,
    run: &Run,
) -> Result<()> {
    let (snapshot, times) = (snapshot.clone(), [timestamp(started)?, timestamp(run.clock.now())?]);
    blocking(move || snapshot.keep_verification(times, result, damage)).await
}

fn not_kept(error: &Error) -> String {
    format!("the snapshot does not keep this result: {}", in_one_line(error))
}

fn died(error: JoinError) -> Error {
    Error::new(ErrorKind::Internal, "a task of the verification has ended early").because(error)
}
