//! The verb `backup`: a cluster's state into a new snapshot of a repository.

mod bucket;
mod clock;
mod copy;
mod file;
mod known;
#[cfg(all(test, feature = "gateway"))]
mod later_tests;
mod lines;
mod options;
mod parts;
mod references;
mod report;
mod shrunk;
#[cfg(all(test, feature = "gateway"))]
pub(crate) mod site;
mod space;
mod taken;
#[cfg(all(test, feature = "gateway"))]
mod tests;
mod wholes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use crate::blocking::blocking;
use crate::cluster::Cluster;
use crate::error::{At, Error, ErrorKind, Result};
use crate::http::Endpoint;
use crate::part::Part;
use crate::report::{Findings, Verdict, in_one_line};
use crate::run::{Level, Run, Running, TaskKind, milliseconds};
use crate::s3::Client;
use crate::snapshot::{Manifest, NotIncluded, Repository, SnapshotWriter, Source, timestamp};
use parts::{nothing, take_all};
use taken::Taking;

pub use options::BackupOptions;
pub use report::{BackupReport, PartReport};
pub use space::Space;

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
    let start = Instant::now();
    let parts = proven(cluster, options).await?;
    let run = &by_the_right_clock(cluster, run)?;
    let verb = run.begin(None, TaskKind::Verb, "backup");
    let _lock = repository.lock_for("backup", timestamp(run.clock.now())?)?;
    repository.finish_sealed(&verb)?;
    let (of, stop) = (repository.clone(), run.stop.clone());
    match blocking(move || of.remove_left(&stop)).await {
        Ok(gone) => gone.iter().for_each(|name| {
            let text = format!("{name}.unfinished, what a deletion had left, is removed");
            verb.note(Level::Info, "removed", &text);
        }),
        Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
        // It is no reason not to make a backup.
        Err(error) => verb.note(Level::Warning, "left-behind", &in_one_line(&error)),
    }
    let run_file = run_file(cluster, &parts);
    let (space, totals) = space::look(cluster, repository, (&parts, options), &run_file, &verb).await?;
    let started = timestamp(run.clock.now())?;
    let unfinished = repository.begin(run, &run_file)?;
    tell_of_left(repository, &unfinished, &verb)?;
    let mut report = BackupReport {
        snapshot: String::new(),
        verdict: Verdict::Good,
        parts: BTreeMap::new(),
        findings: Findings::default(),
        not_included: not_included(),
        previous: None,
        went_on: unfinished.goes_on(),
        space: Some(space),
        milliseconds: 0,
    };
    let max_loss_percent = options.max_loss();
    let writer = &unfinished;
    let taking = Taking { cluster, repository, writer, run, verb: &verb, totals: &totals, max_loss_percent };
    let entries = match run.stop.cancels(take_all(&taking, &parts, &mut report)).await {
        Ok(entries) => entries,
        Err(error) => {
            give_up(unfinished, &verb).await;
            return Err(error);
        }
    };
    let manifest = Manifest {
        complete: report.verdict == Verdict::Good,
        source: source(cluster),
        not_included: report.not_included.clone(),
        previous: report.previous.clone(),
        ..Manifest::of_run((started, timestamp(run.clock.now())?), entries)
    };
    let snapshot = blocking(move || unfinished.commit(manifest)).await?;
    report.snapshot = snapshot.path().display().to_string();
    report.milliseconds = milliseconds(start.elapsed());
    verb.done(report.verdict.task_result());
    Ok(report)
}

/// What has come stays for the next run; what is empty does not.
async fn give_up(unfinished: SnapshotWriter, verb: &Running<'_>) {
    unfinished.settle().await;
    if !unfinished.is_empty().unwrap_or(false) {
        let path = unfinished.path().display();
        let text = format!(
            "what has come is kept in {path}: the same run goes on from there when it is begun again"
        );
        verb.note(Level::Warning, "kept", &text);
    } else if let Err(left) = unfinished.remove() {
        // A directory that cannot be removed does not look finished.
        verb.note(Level::Warning, "left-behind", &left.to_string());
    }
}

/// Tells with what this run goes on, and what else interrupted runs have left.
fn tell_of_left(repository: &Repository, writer: &SnapshotWriter, verb: &Running<'_>) -> Result<()> {
    if writer.goes_on() {
        verb.note(
            Level::Info,
            "goes-on",
            "an interrupted run had begun this snapshot: this one goes on with it",
        );
    }
    for left in repository.left()?.iter().filter(|left| *left != writer.name()) {
        let text = format!(
            "{left}.unfinished is what an interrupted run of another kind has left: it goes when snapshots are pruned"
        );
        verb.note(Level::Warning, "left-behind", &text);
    }
    Ok(())
}

/// Proves address, keys and choice of parts before anything is written.
pub async fn check(cluster: &Cluster, options: &BackupOptions) -> Result<()> {
    proven(cluster, options).await.map(drop)
}

/// The run, by the gateways' clock if ours is far off.
fn by_the_right_clock(cluster: &Cluster, run: &Run) -> Result<Run> {
    let ahead_ms = cluster.s3().ok().and_then(Client::heard_offset_ms);
    let Some(ahead_ms) = clock::offset(run.clock.now(), ahead_ms)? else { return Ok(run.clone()) };
    run.begin(None, TaskKind::Step, "clock").note(Level::Warning, "clock", &clock::said(ahead_ms));
    Ok(run.by_clock(Arc::new(clock::Shifted { clock: run.clock.clone(), ahead_ms })))
}

/// The parts to take, of which one at least is to be had.
async fn proven(cluster: &Cluster, options: &BackupOptions) -> Result<BTreeSet<Part>> {
    let parts = options.parts(cluster)?;
    let absent = |part: &Part| cluster.absent(part).map(|(_, why)| (part.clone(), why));
    if options.is_by_name()
        && let Some((part, why)) = parts.iter().find_map(absent)
    {
        return Err(Error::new(ErrorKind::Usage, why).at(At::Part, part));
    }
    if parts.iter().all(|part| cluster.absent(part).is_some()) {
        return Err(nothing());
    }
    if parts.iter().any(|part| part.as_bucket().is_some() && cluster.absent(part).is_none()) {
        cluster.s3()?.buckets().await?;
    }
    Ok(parts)
}

/// The data that the manual's page does not copy either, or that this version does not copy yet.
fn not_included() -> Vec<NotIncluded> {
    [
        ("access control lists", "objects come back private, as WAL-E and the registry make them"),
        (
            "tags, website redirects, storage classes, encryption and locks of objects",
            "they are not asked for",
        ),
        (
            "times of objects",
            "an object has the time of its restore; the object lists have the one that it had",
        ),
        (
            "older versions of objects, and uploads that are not completed",
            "only what a listing shows is copied",
        ),
        (
            "settings of buckets: versioning, lifecycle, policy, website, CORS, logging, quota, owner",
            "a bucket is made anew, as WAL-E and the registry make it",
        ),
        ("hidden keys of etcd, whose names begin with `_`", "etcd lists them nowhere"),
        (
            "extended attributes of files in the store volume",
            "its archive has owners, modes, times and links",
        ),
        ("keys of the gateway, of Ceph and of fleet", "a new cluster makes its own"),
        ("what the controller writes into etcd", "it writes it again from its database"),
    ]
    .map(|(what, why)| NotIncluded { what: what.to_owned(), why: why.to_owned() })
    .into()
}

fn run_file(cluster: &Cluster, parts: &BTreeSet<Part>) -> serde_json::Value {
    let deis = Part::of_deis();
    let named =
        deis.iter().chain(parts).filter_map(|part| Some((part.name(), cluster.bucket(part)?.as_str())));
    json!({
        "parts": parts,
        "buckets": named.collect::<BTreeMap<_, _>>(),
        "previous": null,
    })
}

fn source(cluster: &Cluster) -> Source {
    let discovery = cluster.discovery.as_ref();
    let client = cluster.s3().ok();
    let endpoints = client.map(Client::endpoints).unwrap_or_default();
    Source {
        domain: discovery.and_then(|found| found.domain.clone()),
        deis: discovery.and_then(|found| found.version.clone()),
        ceph: None,
        tls: (!endpoints.is_empty()).then(|| endpoints.iter().all(Endpoint::is_https)),
        gateways: endpoints.iter().map(Endpoint::url).collect(),
        clock_offset_ms: client.map(Client::clock_offset_ms),
    }
}
