//! The verb verify: whether a snapshot's files are there and are what they were.
//!
//! Damage is a finding in the report; an error is what kept us from knowing. It must not write, nor judge whether
//! a cluster can be restored from the objects: that is `verdict`'s to say.

mod files;
mod plan;
#[cfg(test)]
mod tests;
mod unlisted;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet, spawn_blocking};

use self::plan::Plan;
use self::unlisted::Search;
use crate::error::{Error, ErrorKind, Result};
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings, Verdict};
use crate::run::{Run, Running, TaskKind, TaskResult};
use crate::snapshot::{Manifest, PartOutcome, Snapshot};

/// How many files are read at once: disks and processors are both kept busy, and neither is taken from others.
const WORKERS: usize = 4;

/// How thoroughly to verify.
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    /// Look at presence and sizes only, and read no object.
    pub quick: bool,
    /// Read only so many percent of the objects and large files, chosen by the run's seed: runs with other seeds
    /// read others. Presence and sizes are seen of all.
    pub sample_percent: Option<u8>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// The verdict on the whole.
    pub verdict: Verdict,
    /// What it rests on.
    #[serde(flatten)]
    pub findings: Findings,
    /// Files that were looked at.
    pub files_checked: u64,
    /// Bytes that were read.
    pub bytes_checked: u64,
}

/// Verifies a snapshot: every file against size and digest, the lists against the manifest, and the directory against
/// both.
pub async fn verify(snapshot: &Snapshot, options: &VerifyOptions, run: &Run) -> Result<VerifyReport> {
    plan::check(options)?;
    let running = run.begin(None, TaskKind::Verb, "verify");
    let (events, arriving) = mpsc::channel(64);
    let (jobs, waiting) = std::sync::mpsc::sync_channel(2 * WORKERS);
    let waiting = Arc::new(Mutex::new(waiting));
    let mut tasks = JoinSet::new();
    for _ in 0..WORKERS {
        let (snapshot, stop) = (snapshot.clone(), run.stop.clone());
        let (events, waiting) = (events.clone(), Arc::clone(&waiting));
        tasks.spawn_blocking(move || files::work(&snapshot, &stop, &waiting, &events));
    }
    drop(waiting);
    let plan = Plan { snapshot: snapshot.clone(), options: options.clone(), seed: run.seed, jobs, events };
    tasks.spawn_blocking(move || plan.run());

    let manifest = snapshot.manifest();
    let mut tally = Tally::new(manifest, &running);
    tally.receive(arriving).await?;
    // A task that panicked has told nothing of what it left out.
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(died)?;
    }
    let Tally { mut report, buckets, .. } = tally;
    let search =
        Search { snapshot: snapshot.clone(), buckets, stop: run.stop.clone(), findings: report.findings };
    report.findings = spawn_blocking(move || search.run()).await.map_err(died)??;

    report.verdict = report.findings.verdict();
    if !manifest.complete {
        report.verdict = report.verdict.max(Verdict::Incomplete);
    }
    running.done(match report.verdict {
        Verdict::Good => TaskResult::Good,
        Verdict::Incomplete => TaskResult::Incomplete,
        Verdict::Damaged => TaskResult::Failed,
    });
    Ok(report)
}

/// What the blocking tasks tell. The channel's end is their end.
#[derive(Debug)]
enum Event {
    /// A file was looked at.
    Checked,
    /// So many bytes were read.
    Read(u64),
    Finding(Finding),
    /// How many files the directory of a bucket should have; nothing if its lists could not be read.
    Listed(Part, Option<u64>),
    /// What kept us from knowing.
    Failed(Error),
}

struct Tally<'a> {
    report: VerifyReport,
    buckets: BTreeMap<Part, Option<u64>>,
    running: &'a Running<'a>,
}

impl<'a> Tally<'a> {
    fn new(manifest: &Manifest, running: &'a Running<'a>) -> Self {
        let counts = manifest.parts.values().map(|entry| entry.counts);
        let objects = counts.fold(0_u64, |sum, counts| {
            [counts.stored, counts.unchanged, counts.unverifiable].into_iter().fold(sum, u64::saturating_add)
        });
        running.total(Some(objects.saturating_add(manifest.files.len() as u64)), None);
        let mut findings = Findings::default();
        for (part, entry) in manifest.parts.iter().filter(|(_, entry)| entry.outcome == PartOutcome::Failed) {
            let why = entry.why.as_deref().unwrap_or("no reason is given");
            findings.push(finding(
                Some(*part),
                part.name(),
                FindingKind::Failed,
                format!("was not taken: {why}"),
            ));
        }
        let report = VerifyReport { verdict: Verdict::Good, findings, files_checked: 0, bytes_checked: 0 };
        Self { report, buckets: BTreeMap::new(), running }
    }

    async fn receive(&mut self, mut arriving: mpsc::Receiver<Event>) -> Result<()> {
        while let Some(event) = arriving.recv().await {
            match event {
                Event::Checked => {
                    self.report.files_checked += 1;
                    self.running.advance(1, 0);
                }
                Event::Read(bytes) => {
                    self.report.bytes_checked += bytes;
                    self.running.advance(0, bytes);
                }
                Event::Finding(finding) => self.report.findings.push(finding),
                Event::Listed(part, files) => drop(self.buckets.insert(part, files)),
                Event::Failed(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn finding(part: Option<Part>, name: &str, kind: FindingKind, what: impl Into<String>) -> Finding {
    Finding { part, name: name.to_owned(), kind, what: what.into() }
}

/// Damage becomes a finding; every other error stays one.
fn as_finding(part: Option<Part>, name: &str, error: Error) -> Result<Finding> {
    let kind = match error.kind() {
        ErrorKind::NotFound => FindingKind::Missing,
        ErrorKind::Occupied => FindingKind::NotAFile,
        ErrorKind::Damaged => FindingKind::Changed,
        _ => return Err(error),
    };
    Ok(finding(part, name, kind, error.what()))
}

fn died(error: JoinError) -> Error {
    Error::new(ErrorKind::Internal, "a task of the verification has ended early").because(error)
}
