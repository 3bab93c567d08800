//! The verb `adopt`: a directory that was made by the manual's page with s3cmd becomes a snapshot of a repository.
//!
//! Nothing is downloaded. If a cluster is given, each file is compared with its object by size and `ETag`; what is stored with the
//! object beside its bytes is asked for.

mod about;
mod adopting;
mod bucket;
mod directory;
mod file;
mod judge;
mod layout;
mod object;
mod options;
mod parts;
mod references;
mod report;
#[cfg(all(test, feature = "gateway"))]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Instant, SystemTime};

use serde_json::json;

use crate::blocking::blocking;
use crate::cluster::Cluster;
use crate::error::Result;
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings, Verdict};
use crate::run::{Level, Run, Running, TaskKind, milliseconds};
use crate::snapshot::{Adopted, Manifest, Repository, SnapshotWriter, timestamp};
use crate::units::size;
use about::{not_included, source};
use adopting::Adopting;
use directory::{Directory, Extent};
use parts::take_all;

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
    let _lock = repository.lock_for("adopt", timestamp(now)?)?;
    repository.finish_sealed(&verb)?;
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
        complete: report.verdict == Verdict::Good,
        source: cluster.map(source).unwrap_or_default(),
        not_included: report.not_included.clone(),
        adopted: Some(Adopted { at: timestamp(now)?, compared: cluster.is_some() }),
        ..Manifest::of_run((at, at), entries)
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
