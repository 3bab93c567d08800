//! The verb `adopt`: a directory that was made by the manual's page with s3cmd becomes a snapshot of a repository.
//!
//! Nothing is downloaded. If a cluster is given, each file is compared with its object by size and `ETag`; what is stored with the
//! object beside its bytes is asked for.

mod adopting;
mod bucket;
mod directory;
mod file;
mod judge;
mod layout;
mod object;
mod options;
mod references;
mod report;
#[cfg(all(test, feature = "gateway"))]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Instant, SystemTime};

use serde_json::json;

use crate::blocking::blocking;
use crate::cluster::Cluster;
use crate::error::Result;
use crate::http::Endpoint;
use crate::outcome::PartOutcome;
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings, Verdict};
use crate::run::{Level, Run, Running, TaskKind, TaskResult, milliseconds};
use crate::s3::Client;
use crate::snapshot::{
    Adopted, FORMAT, Manifest, NotIncluded, PartEntry, Repository, SnapshotWriter, Source, timestamp,
};
use crate::units::size;
use adopting::Adopting;
use directory::{Directory, Extent};

pub use options::AdoptOptions;
pub use report::{AdoptReport, AdoptedPart};

/// Refuses a directory that cannot be adopted into a repository at this path. Nothing is made.
pub fn check(directory: &Path, repository: &Path, options: &AdoptOptions) -> Result<()> {
    Directory::open(directory, repository, &options.buckets).map(drop)
}

/// Makes a snapshot of a directory, which is named by the time of its newest file.
///
/// The directory is left as it is, unless its files are to be linked. It is an error, and there is no snapshot, if the disk is
/// full, the cluster that was given cannot be asked, or the run was stopped.
pub async fn adopt(
    directory: &Path,
    repository: &Repository,
    cluster: Option<&Cluster>,
    options: &AdoptOptions,
    run: &Run,
) -> Result<AdoptReport> {
    let start = Instant::now();
    let directory = {
        let (path, repository) = (directory.to_owned(), repository.path().to_owned());
        let buckets = options.buckets.clone();
        blocking(move || Directory::open(&path, &repository, &buckets)).await?
    };
    let verb = run.begin(None, TaskKind::Verb, "adopt");
    let now = run.clock.now();
    let _lock =
        repository.lock(&format!("adopt, process {}, since {}", std::process::id(), timestamp(now)?))?;
    repository.finish_sealed()?;
    let extents = extents(&directory, run, now).await?;
    tell_room(repository, &extents, options, &verb)?;
    let made = made(&extents, now, &verb);
    let asked = json!({ "adopted": directory.root.path(), "parts": directory.parts() });
    let unfinished = {
        let repository = repository.clone();
        blocking(move || repository.begin_at(made, &asked)).await?
    };
    let mut report = AdoptReport {
        snapshot: String::new(),
        verdict: Verdict::Good,
        compared: cluster.is_some(),
        parts: BTreeMap::new(),
        findings: others(&directory),
        not_included: not_included(cluster.is_some()),
        milliseconds: 0,
    };
    let adopting = Adopting { cluster, writer: &unfinished, links: options.links, made, run };
    let taken = take_all(&adopting, &directory, &extents, &verb, &mut report);
    let entries = match run.stop.cancels(taken).await {
        Ok(entries) => entries,
        Err(error) => {
            give_up(unfinished, &verb);
            return Err(error);
        }
    };
    report.verdict = report.findings.verdict();
    let at = unfinished.name().time()?;
    let manifest = Manifest {
        // The writer fills in what it knows better: names, format, files.
        format: FORMAT,
        requires: BTreeSet::new(),
        snapshot: String::new(),
        program: concat!("deis-store ", env!("CARGO_PKG_VERSION")).to_owned(),
        repository: String::new(),
        complete: report.verdict == Verdict::Good,
        started: at,
        ended: at,
        source: cluster.map(source).unwrap_or_default(),
        parts: entries,
        files: Vec::new(),
        not_included: report.not_included.clone(),
        previous: None,
        adopted: Some(Adopted { at: timestamp(now)?, compared: cluster.is_some() }),
    };
    let snapshot = blocking(move || unfinished.commit(manifest)).await?;
    report.snapshot = snapshot.path().display().to_string();
    report.milliseconds = milliseconds(start.elapsed());
    verb.done(report.verdict.task_result());
    Ok(report)
}

/// How much there is of each part.
async fn extents(directory: &Directory, run: &Run, now: SystemTime) -> Result<BTreeMap<Part, Extent>> {
    let mut extents = BTreeMap::new();
    for part in directory.parts() {
        let (directory, stop) = (directory.clone(), run.stop.clone());
        let asked = part.clone();
        extents.insert(part, blocking(move || directory.extent(&asked, now, &stop)).await?);
    }
    Ok(extents)
}

/// Tells whether there is room. Where extents are shared or files linked, none is needed, so that it is no guard.
fn tell_room(
    repository: &Repository,
    extents: &BTreeMap<Part, Extent>,
    options: &AdoptOptions,
    verb: &Running<'_>,
) -> Result<()> {
    let sum = |of: fn(&Extent) -> u64| extents.values().map(of).fold(0, u64::saturating_add);
    let (files, bytes) = (sum(|extent| extent.files), sum(|extent| extent.bytes));
    let room = repository.room()?;
    let fits = options.links || room.has_room_for(files, bytes);
    let said =
        format!("there is room for {}; the directory has {files} files with {}", room.said(), size(bytes));
    verb.note(if fits { Level::Info } else { Level::Warning }, "space", &said);
    Ok(())
}

/// When the directory was made.
fn made(extents: &BTreeMap<Part, Extent>, now: SystemTime, verb: &Running<'_>) -> SystemTime {
    let newest = extents.values().filter_map(|extent| extent.newest).max();
    // A time that no name can have is none.
    let newest = newest.filter(|time| *time >= SystemTime::UNIX_EPOCH);
    newest.unwrap_or_else(|| {
        let text = "no file has a time that has been: the snapshot is named by the time of now";
        verb.note(Level::Warning, "no-time", text);
        now
    })
}

/// Takes the parts, one after the other. The manifest has an entry for each of Deis' in any case.
async fn take_all(
    adopting: &Adopting<'_>,
    directory: &Directory,
    extents: &BTreeMap<Part, Extent>,
    verb: &Running<'_>,
    report: &mut AdoptReport,
) -> Result<BTreeMap<Part, PartEntry>> {
    let mut entries = BTreeMap::new();
    for part in Part::of_deis().into_iter().chain(directory.parts()).collect::<BTreeSet<_>>() {
        let start = Instant::now();
        let entry = match extents.get(&part) {
            Some(extent) => {
                let task = adopting.run.begin(Some(verb.task()), TaskKind::Part, part.name());
                task.total(Some(extent.files), Some(extent.bytes));
                if extent.files == 0 && adopting.cluster.is_none() {
                    // s3cmd makes no directory for nothing, and no listing says that there is nothing.
                    let what = "its directory is there and has no file";
                    report.findings.push(Finding::new(Some(&part), part.name(), FindingKind::Refused, what));
                }
                let entry = take(adopting, directory, &part, &task, &mut report.findings).await?;
                let is_good = entry.outcome == PartOutcome::Stored && entry.counts.lost() == 0;
                task.done(if is_good { TaskResult::Good } else { TaskResult::Incomplete });
                entry
            }
            None => PartEntry { why: Some(NOT_THERE.to_owned()), ..PartEntry::new(PartOutcome::Skipped) },
        };
        entry.counts.add_up()?;
        let PartEntry { outcome, why, counts, bytes, .. } = entry.clone();
        let milliseconds = milliseconds(start.elapsed());
        report.parts.insert(part.clone(), AdoptedPart { outcome, why, counts, bytes, milliseconds });
        entries.insert(part, entry);
    }
    Ok(entries)
}

const NOT_THERE: &str = "the directory has nothing of it";

async fn take(
    adopting: &Adopting<'_>,
    directory: &Directory,
    part: &Part,
    task: &Running<'_>,
    findings: &mut Findings,
) -> Result<PartEntry> {
    if let Some(place) = directory.layout.buckets.get(part) {
        return bucket::take(adopting, part, directory.bucket(place)?, task, findings).await;
    }
    let name = directory.layout.files.get(part).map_or("", String::as_str);
    file::take(adopting, &directory.root, (part, name), findings).await
}

/// Removes what was begun: the directory still has all of it.
fn give_up(unfinished: SnapshotWriter, verb: &Running<'_>) {
    if let Err(left) = unfinished.remove() {
        // A directory that cannot be removed does not look finished.
        verb.note(Level::Warning, "left-behind", &left.to_string());
    }
}

fn others(directory: &Directory) -> Findings {
    let mut findings = Findings::default();
    for name in &directory.layout.others {
        let what = "it is no part of a backup: it was not adopted";
        findings.push(Finding::new(None, name, FindingKind::NotAdopted, what));
    }
    findings
}

/// The data that such a directory does not have.
fn not_included(compared: bool) -> Vec<NotIncluded> {
    let unknown = ("what is stored with objects beside their bytes", "no gateway was asked for it");
    let always = [
        ("the configuration in etcd", "the manual's page does not copy it"),
        (
            "objects that a directory cannot hold, such as `a` beside `a/b`, and those whose keys end in `/`",
            "s3cmd writes no file of them; with a gateway they are named",
        ),
        ("access control lists", "objects come back private, as WAL-E and the registry make them"),
    ];
    let named = always.into_iter().chain((!compared).then_some(unknown));
    named.map(|(what, why)| NotIncluded { what: what.to_owned(), why: why.to_owned() }).collect()
}

fn source(cluster: &Cluster) -> Source {
    let (client, discovery) = (cluster.s3().ok(), cluster.discovery.as_ref());
    let endpoints = client.map(Client::endpoints).unwrap_or_default();
    Source {
        domain: discovery.and_then(|found| found.domain.clone()),
        deis: discovery.and_then(|found| found.version.clone()),
        tls: (!endpoints.is_empty()).then(|| endpoints.iter().all(Endpoint::is_https)),
        gateways: endpoints.iter().map(Endpoint::url).collect(),
        clock_offset_ms: client.map(Client::clock_offset_ms),
        ..Source::default()
    }
}
