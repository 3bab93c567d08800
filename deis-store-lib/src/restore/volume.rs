//! The step that unpacks the store volume.

use std::fs::File;

use tokio::io::AsyncRead;

use super::checked_file::{checked_file, size_bytes};
use super::planned::PartPlan;
use super::report::RestoredPart;
use crate::archive::{gzip, tar};
use crate::cluster::Cluster;
use crate::error::{At, Error, ErrorKind, Result};
use crate::part::Part;
use crate::remote::{AGAIN, connection_broke};
use crate::report::Findings;
use crate::run::{Level, Running};
use crate::snapshot::SnapshotReader;
use crate::volume::{self, Directory, LoadOptions, LoadReport};

/// The check before: that nothing is in it, and that the archive is there in its size and can be unpacked as root without harm.
/// What an earlier run of this restore has unpacked counts as nothing. The archive is read to its end for that, so that no byte
/// of one that is refused comes to the host.
pub(super) async fn look(
    cluster: &Cluster,
    snapshot: &SnapshotReader,
    is_ours: bool,
    obstacles: &mut Vec<Error>,
) -> Result<PartPlan> {
    let bytes = match size_bytes(snapshot, &Part::Volume) {
        Ok(bytes) => {
            let archive = opened(snapshot.open_file(Part::Volume.file_name().unwrap_or_default())?);
            if let Err(error) = tar::check(archive).await {
                obstacles.push(of_archive(error));
            }
            bytes
        }
        Err(error) => {
            obstacles.push(error);
            0
        }
    };
    let (host, directory) = (cluster.volume_host().await?, cluster.volume.clone());
    if let Err(error) = volume::require_volume(&*host, &directory).await {
        obstacles.push(error);
        return Ok(PartPlan::Volume { host: host.host().to_owned(), directory, bytes, is_ours });
    }
    if !is_ours && !volume::is_empty(&*host, &directory).await? {
        obstacles.push(not_empty(&directory, host.host()));
    }
    Ok(PartPlan::Volume { host: host.host().to_owned(), directory, bytes, is_ours })
}

/// The check directly before the act: that the volume is mounted, and nothing is in it.
pub(super) async fn require_unused(cluster: &Cluster) -> Result<()> {
    let (host, directory) = (cluster.volume_host().await?, &cluster.volume);
    volume::require_volume(&*host, directory).await?;
    if volume::is_empty(&*host, directory).await? { Ok(()) } else { Err(not_empty(directory, host.host())) }
}

/// The act, and what was left out or is not as it was. It is an error unless the host has unpacked all else: that is the check
/// after.
pub(super) async fn unpack(
    cluster: &Cluster,
    snapshot: &SnapshotReader,
    (directory, is_ours): (&str, bool),
    task: &Running<'_>,
) -> Result<(RestoredPart, Findings)> {
    let host = cluster.volume_host().await?;
    if is_ours {
        // An earlier run was ended while it unpacked, into a volume that was empty: it is begun anew.
        volume::empty(&*host, directory).await?;
    }
    let directory = Directory::on(host, directory);
    let mut loaded = load(&directory, snapshot, task).await;
    for _ in 1..AGAIN {
        match &loaded {
            Err(error) if connection_broke(error) => {}
            _ => break,
        }
        let text = "the connection broke, so that the volume is unpacked once more from its beginning";
        task.note(Level::Warning, "begun-again", text);
        loaded = load(&directory, snapshot, task).await;
    }
    let (loaded, bytes) = loaded?;
    note(&loaded.findings, task);
    let done = RestoredPart { restored: 1, bytes, ..RestoredPart::default() };
    Ok((done, of_volume(&loaded.findings)))
}

/// The same findings, as those of the part.
fn of_volume(findings: &Findings) -> Findings {
    let mut named = Findings::default();
    for finding in findings.list() {
        let mut finding = finding.clone();
        finding.part = Some(Part::Volume);
        named.push(finding);
    }
    named.leave_out(findings.left_out());
    named
}

/// Says what is not in the volume as it was in the archive.
fn note(findings: &Findings, task: &Running<'_>) {
    const MOST_NOTED: usize = 20;
    for finding in findings.list().iter().take(MOST_NOTED) {
        task.note(Level::Warning, "not-kept", &format!("{}: {}", finding.name, finding.what));
    }
    let named = findings.list().len() as u64;
    let more = (named + findings.left_out()).saturating_sub(MOST_NOTED as u64);
    if more > 0 {
        let text = format!("and {more} more are left out, or not as they were");
        task.note(Level::Warning, "not-kept", &text);
    }
}

/// Unpacks the archive once; gives its length, too.
async fn load(
    directory: &Directory,
    snapshot: &SnapshotReader,
    task: &Running<'_>,
) -> Result<(LoadReport, u64)> {
    let file = checked_file(snapshot, &Part::Volume).await?;
    let bytes = file.metadata().map_or(0, |metadata| metadata.len());
    let archive = tokio::fs::File::from_std(file);
    // It is what was backed up: its digest was checked.
    let options = LoadOptions { any_ratio: true, ..LoadOptions::default() };
    let loaded = Box::pin(volume::load(directory, archive, &options, task.run())).await;
    Ok((loaded.map_err(of_archive)?, bytes))
}

fn not_empty(directory: &str, host: &str) -> Error {
    Error::new(ErrorKind::Occupied, "the volume is not empty")
        .at(At::Path, directory)
        .at(At::Host, host)
        .todo("restore before deis-logger starts, into an empty volume; or leave the volume out")
}

fn opened(file: File) -> impl AsyncRead + Unpin {
    Box::pin(gzip::decompress(tokio::fs::File::from_std(file)))
}

fn of_archive(error: Error) -> Error {
    error.at(At::File, Part::Volume.file_name().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Finding, FindingKind, Verdict};

    #[test]
    fn what_the_host_left_out_is_told_by_name_as_of_the_volume_and_speaks_not_against_the_restore() {
        let mut loaded = Findings::default();
        loaded.push(Finding::new(None, "./socket", FindingKind::NotKept, "it is passed over"));
        loaded.leave_out(2);
        let findings = of_volume(&loaded);
        assert_eq!(findings.list().len(), 1);
        let first = &findings.list()[0];
        assert_eq!((first.part.as_ref(), first.name.as_str()), (Some(&Part::Volume), "./socket"));
        assert_eq!((findings.left_out(), findings.verdict()), (2, Verdict::Good));
    }
}
