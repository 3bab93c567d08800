//! The verb `restore`: a snapshot onto a new cluster. First a plan, which changes nothing; then what it says.

mod bucket;
mod diff;
mod plan;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Seek as _;
use std::time::Instant;

use serde::Serialize;
use sha2::Digest as _;

use crate::archive::gzip;
use crate::blocking::blocking;
use crate::cluster::{self, Cluster, volume};
use crate::disk::read_chunks;
use crate::error::{At, Error, ErrorKind, Result};
use crate::hash::Sha256;
use crate::part::Part;
use crate::report::{Findings, Verdict};
use crate::run::{Level, Run, Running, TaskKind, TaskResult, milliseconds};
use crate::snapshot::Snapshot;

pub use plan::{PartPlan, RestoreOptions, RestorePlan, plan};

/// The order of the parts: configuration before the component that reads it starts, then the data.
const ORDER: [Part; 4] = [Part::Config, Part::DbWal, Part::Registry, Part::Volume];

/// What a restore has done.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct RestoreReport {
    /// The snapshot's directory.
    pub snapshot: String,
    /// Whether everything planned is now on the cluster, and was seen there.
    pub verdict: Verdict,
    /// What was done for each part.
    pub parts: BTreeMap<Part, RestoredPart>,
    /// What is missing, damaged or worth a look, by name.
    #[serde(flatten)]
    pub findings: Findings,
    /// How long it took.
    pub milliseconds: u64,
}

/// What was done for a part.
#[derive(Debug, Default, Serialize)]
#[non_exhaustive]
pub struct RestoredPart {
    /// Objects, or keys of the configuration, or 1 for the volume.
    pub restored: u64,
    /// Those that were there already, with the same bytes.
    pub unchanged: u64,
    /// Those that could not be restored.
    pub failed: u64,
    /// Bytes sent.
    pub bytes: u64,
    /// The base backup that WAL-E will take for `LATEST`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest: Option<String>,
    /// How long it took.
    pub milliseconds: u64,
}

/// Brings a snapshot onto a cluster, as planned.
///
/// A part that fails stops the restore: what comes after it may rest on it. The error then says so; run again, it
/// goes on, since what is there with the same bytes is left as it is.
pub async fn restore(
    cluster: &Cluster,
    snapshot: &Snapshot,
    plan: &RestorePlan,
    run: &Run,
) -> Result<RestoreReport> {
    run.stop.cancels(carry_out(cluster, snapshot, plan, run)).await
}

async fn carry_out(
    cluster: &Cluster,
    snapshot: &Snapshot,
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
    for part in ORDER {
        let Some(planned) = plan.parts.get(&part) else { continue };
        run.stop.check()?;
        let task = run.begin(Some(verb.task()), TaskKind::Part, part.name());
        let start = Instant::now();
        let (mut done, verdict) = match planned {
            PartPlan::Config { plan, .. } => (configuration(cluster, plan).await?, Verdict::Good),
            PartPlan::Volume { directory, .. } => {
                (volume(cluster, snapshot, directory, &task).await?, Verdict::Good)
            }
            PartPlan::Bucket { bucket, already, .. } => {
                let (client, look_first) = (&cluster.s3, *already > 0);
                let target =
                    bucket::Target { client, bucket, look_first, despite_damage: plan.despite_damage };
                bucket::restore(&target, snapshot, part, run, &task, &mut report.findings).await?
            }
        };
        done.milliseconds = milliseconds(start.elapsed());
        report.parts.insert(part, done);
        report.verdict = report.verdict.max(verdict);
        task.done(if verdict == Verdict::Good { TaskResult::Good } else { TaskResult::Incomplete });
        if verdict != Verdict::Good && !plan.despite_damage {
            verb.note(
                Level::Warning,
                "stopped",
                &format!("{part} is not whole: the parts after it are left undone"),
            );
            break;
        }
    }
    report.milliseconds = milliseconds(start.elapsed());
    verb.done(if report.verdict == Verdict::Good { TaskResult::Good } else { TaskResult::Incomplete });
    Ok(report)
}

async fn configuration(cluster: &Cluster, plan: &cluster::Plan) -> Result<RestoredPart> {
    let etcd = cluster.etcd()?;
    cluster::apply(etcd, plan).await?;
    Ok(RestoredPart {
        restored: plan.set.len() as u64,
        unchanged: plan.unchanged.len() as u64,
        ..RestoredPart::default()
    })
}

async fn volume(
    cluster: &Cluster,
    snapshot: &Snapshot,
    directory: &str,
    task: &Running<'_>,
) -> Result<RestoredPart> {
    let file = checked_file(snapshot, volume_file()).await?;
    let bytes = file.metadata().map_or(0, |metadata| metadata.len());
    let archive = gzip::decompress(tokio::io::BufReader::new(tokio::fs::File::from_std(file)));
    let loaded = volume::load(&*cluster.host, directory, archive).await?;
    if let Some(warning) = &loaded.warning {
        task.note(Level::Warning, "volume-mount", warning);
    }
    Ok(RestoredPart { restored: 1, bytes, ..RestoredPart::default() })
}

fn volume_file() -> &'static str {
    Part::Volume.file_name().unwrap_or_default()
}

/// Opens a file of the snapshot, after it was read once and found to be what the manifest says.
async fn checked_file(snapshot: &Snapshot, name: &'static str) -> Result<File> {
    let expected = snapshot.manifest().file(name).cloned().ok_or_else(|| {
        Error::new(ErrorKind::Damaged, "the manifest does not name this file").at(At::File, name)
    })?;
    let mut file = snapshot.open_file(name)?;
    blocking(move || {
        let failed =
            |error: std::io::Error| Error::new(ErrorKind::Disk, "cannot read the file").because(error);
        let mut hasher = sha2::Sha256::new();
        read_chunks(&mut file, |piece| hasher.update(piece)).map_err(failed)?;
        if Sha256(hasher.finalize().into()) != expected.sha256 {
            return Err(Error::new(ErrorKind::Damaged, "the file is not what it was when it was backed up")
                .at(At::File, name)
                .todo("take another snapshot, or leave this part out"));
        }
        file.rewind().map_err(failed)?;
        Ok(file)
    })
    .await
}
