//! The verb `backup`: a cluster's state into a new snapshot of a repository.

mod bucket;
mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde::Serialize;
use serde_json::json;

use crate::blocking::blocking;
use crate::cluster::Cluster;
use crate::error::{At, Error, ErrorKind, Result};
use crate::http::Endpoint;
use crate::outcome::Counts;
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings, Verdict};
use crate::run::{Level, Run, Running, TaskKind, TaskResult, milliseconds};
use crate::snapshot::{
    FORMAT, Manifest, NotIncluded, PartEntry, PartOutcome, Repository, SnapshotState, SnapshotWriter, Source,
    timestamp,
};

/// The order of the parts: the dump first, then what it refers to. An image is there before a release names it, and
/// the write-ahead log copied after the dump reaches beyond it.
const ORDER: [Part; 5] = [Part::Sql, Part::DbWal, Part::Registry, Part::Volume, Part::Config];

/// What to back up.
#[derive(Clone, Debug)]
pub struct BackupOptions {
    /// The parts.
    pub parts: BTreeSet<Part>,
    /// Whether they were named one by one: one that is not to be had is then an error, and else named in the report.
    pub named: bool,
}

impl Default for BackupOptions {
    fn default() -> Self {
        Self { parts: Part::ALL.into(), named: false }
    }
}

/// What a backup has done.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct BackupReport {
    /// The snapshot's directory.
    pub snapshot: String,
    /// Whether all that was asked for is in it and as it was.
    pub verdict: Verdict,
    /// What became of each part.
    pub parts: BTreeMap<Part, PartReport>,
    /// What is missing, damaged or worth a look, by name.
    #[serde(flatten)]
    pub findings: Findings,
    /// What a reader might expect and will not find in it.
    pub not_included: Vec<NotIncluded>,
    /// How long it took.
    pub milliseconds: u64,
}

/// What became of a part.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct PartReport {
    /// The part as a whole.
    pub outcome: PartOutcome,
    /// Why it is not stored.
    pub why: Option<String>,
    /// What became of its objects.
    pub counts: Counts,
    /// Bytes on disk.
    pub bytes: u64,
    /// How long it took.
    pub milliseconds: u64,
}

/// What one part brings home.
struct Taken {
    entry: PartEntry,
    damaged: bool,
}

/// Copies a cluster's state into a new snapshot.
///
/// A part that fails does not stop the others: the snapshot is then committed as incomplete, and the report says so.
/// It is an error, and there is no snapshot, if no part could be taken, the disk is full or the run was stopped.
pub async fn backup(
    cluster: &Cluster,
    repository: &Repository,
    options: &BackupOptions,
    run: &Run,
) -> Result<BackupReport> {
    let verb = run.begin(None, TaskKind::Verb, "backup");
    let start = Instant::now();
    let _lock = repository.lock(&format!(
        "backup, process {}, since {}",
        std::process::id(),
        timestamp(run.clock.now())?
    ))?;
    check(cluster, options).await?;
    for left in repository.snapshots()?.iter().filter(|entry| entry.state == SnapshotState::Unfinished) {
        let text =
            format!("{}.unfinished is what an interrupted run has left: remove it when you like", left.name);
        verb.note(Level::Warning, "left-behind", &text);
    }
    let started = timestamp(run.clock.now())?;
    let unfinished = repository.begin(run, &run_file(cluster, options))?;
    let result = run.stop.cancels(take_parts(cluster, &unfinished, options, run, &verb)).await;
    let (entries, mut report) = match result {
        Ok(taken) => taken,
        Err(error) => {
            // There is nothing yet that could go on from it. What cannot be removed does not look finished.
            if let Err(left) = unfinished.remove() {
                verb.note(Level::Warning, "left-behind", &left.to_string());
            }
            return Err(error);
        }
    };
    let manifest = Manifest {
        format: FORMAT,
        requires: BTreeSet::new(),
        // The writer fills in what it knows better: names, format, files.
        snapshot: String::new(),
        program: concat!("deis-store ", env!("CARGO_PKG_VERSION")).to_owned(),
        repository: String::new(),
        complete: report.verdict == Verdict::Good,
        started,
        ended: timestamp(run.clock.now())?,
        source: source(cluster),
        parts: entries,
        files: Vec::new(),
        not_included: report.not_included.clone(),
        previous: None,
    };
    let snapshot = blocking(move || unfinished.commit(manifest)).await?;
    report.snapshot = snapshot.path().display().to_string();
    report.milliseconds = milliseconds(start.elapsed());
    verb.done(if report.verdict == Verdict::Good { TaskResult::Good } else { TaskResult::Incomplete });
    Ok(report)
}

/// Proves address, keys and choice of parts before anything is written.
pub async fn check(cluster: &Cluster, options: &BackupOptions) -> Result<()> {
    let absent = |part: &Part| cluster.absent(*part).map(|(_, why)| (*part, why));
    if options.named
        && let Some((part, why)) = options.parts.iter().find_map(absent)
    {
        return Err(Error::new(ErrorKind::Usage, why).at(At::Part, part));
    }
    if options.parts.iter().all(|part| cluster.absent(*part).is_some()) {
        return Err(nothing());
    }
    cluster.s3.buckets().await.map(drop)
}

fn nothing() -> Error {
    Error::new(ErrorKind::Usage, "there is nothing to back up").todo("name other parts to back up")
}

async fn take_parts(
    cluster: &Cluster,
    unfinished: &SnapshotWriter,
    options: &BackupOptions,
    run: &Run,
    verb: &Running<'_>,
) -> Result<(BTreeMap<Part, PartEntry>, BackupReport)> {
    let mut entries = BTreeMap::new();
    let mut report = BackupReport {
        snapshot: String::new(),
        verdict: Verdict::Good,
        parts: BTreeMap::new(),
        findings: Findings::default(),
        not_included: not_included(),
        milliseconds: 0,
    };
    let mut first_failure = None;
    for part in ORDER {
        let start = Instant::now();
        let taken = if !options.parts.contains(&part) {
            Taken { entry: PartEntry::new(PartOutcome::Skipped), damaged: false }
        } else if let Some((outcome, why)) = cluster.absent(part) {
            verb.note(Level::Warning, "part-absent", &format!("{part}: {why}"));
            Taken { entry: PartEntry { why: Some(why), ..PartEntry::new(outcome) }, damaged: false }
        } else {
            let task = run.begin(Some(verb.task()), TaskKind::Part, part.name());
            match take(cluster, unfinished, part, run, &task, &mut report.findings).await {
                Ok(taken) => {
                    task.done(TaskResult::Good);
                    taken
                }
                Err(error) if concerns_all(&error) => return Err(error),
                Err(error) => {
                    unfinished.discard(part)?;
                    let why = told(&error);
                    report.findings.push(finding(part, part.name(), FindingKind::Failed, &why));
                    task.note(Level::Warning, "part-failed", &format!("{part}: {why}"));
                    first_failure.get_or_insert(error);
                    Taken {
                        entry: PartEntry { why: Some(why), ..PartEntry::new(PartOutcome::Failed) },
                        damaged: false,
                    }
                }
            }
        };
        taken.entry.counts.add_up()?;
        report.verdict = report.verdict.max(verdict(&taken));
        report.parts.insert(part, part_report(&taken.entry, milliseconds(start.elapsed())));
        entries.insert(part, taken.entry);
    }
    if entries.values().any(|entry| entry.outcome == PartOutcome::Stored) {
        return Ok((entries, report));
    }
    Err(first_failure.unwrap_or_else(nothing))
}

async fn take(
    cluster: &Cluster,
    unfinished: &SnapshotWriter,
    part: Part,
    run: &Run,
    task: &Running<'_>,
    findings: &mut Findings,
) -> Result<Taken> {
    match part {
        Part::DbWal | Part::Registry => bucket::take(cluster, unfinished, part, run, task, findings).await,
        Part::Sql => file::sql(cluster, unfinished, run, task).await,
        Part::Volume => file::volume(cluster, unfinished, run, task, findings).await,
        Part::Config => file::configuration(cluster, unfinished).await,
    }
}

/// Whether an error of one part makes all others pointless.
fn concerns_all(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Disk | ErrorKind::Interrupted | ErrorKind::Internal)
}

/// An error in one line: what, where, and what to do.
fn told(error: &Error) -> String {
    let mut text = error.what();
    if !error.place().is_empty() {
        text.push_str(&format!(", {}", error.place()));
    }
    if let Some(todo) = error.advice() {
        text.push_str(&format!("; to do: {todo}"));
    }
    text
}

/// Something that a person should look at.
fn finding(part: Part, name: &str, kind: FindingKind, what: &str) -> Finding {
    Finding { part: Some(part), name: name.to_owned(), kind, what: what.to_owned() }
}

fn verdict(taken: &Taken) -> Verdict {
    let counts = taken.entry.counts;
    if taken.damaged {
        Verdict::Damaged
    } else if taken.entry.outcome == PartOutcome::Failed || counts.failed + counts.refused > 0 {
        Verdict::Incomplete
    } else {
        Verdict::Good
    }
}

fn part_report(entry: &PartEntry, milliseconds: u64) -> PartReport {
    let PartEntry { outcome, why, counts, bytes, .. } = entry.clone();
    PartReport { outcome, why, counts, bytes, milliseconds }
}

/// What the manual's page does not copy either, or this version does not yet.
fn not_included() -> Vec<NotIncluded> {
    [
        ("access control lists", "objects come back private, as WAL-E and the registry make them"),
        ("keys of the gateway, of Ceph and of fleet", "a new cluster makes its own"),
        ("what the controller writes into etcd", "it writes it again from its database"),
    ]
    .map(|(what, why)| NotIncluded { what: what.to_owned(), why: why.to_owned() })
    .into()
}

fn run_file(cluster: &Cluster, options: &BackupOptions) -> serde_json::Value {
    let bucket = |part: Part| cluster.bucket(part).map(|bucket| bucket.as_str().to_owned());
    json!({
        "parts": options.parts,
        "buckets": { "db_wal": bucket(Part::DbWal), "registry": bucket(Part::Registry) },
        "previous": null,
    })
}

fn source(cluster: &Cluster) -> Source {
    let discovery = cluster.discovery.as_ref();
    let endpoints = cluster.s3.endpoints();
    Source {
        domain: discovery.and_then(|found| found.domain.clone()),
        deis: discovery.and_then(|found| found.version.clone()),
        ceph: None,
        tls: Some(endpoints.iter().all(Endpoint::is_https)),
        gateways: endpoints.iter().map(Endpoint::url).collect(),
        clock_offset_ms: Some(cluster.s3.clock_offset_ms()),
    }
}
