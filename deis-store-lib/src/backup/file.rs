//! The parts that are one file each: the dump, the volume and the configuration. A file gets its name when it was
//! seen to be whole.

use std::io::Write as _;
use std::pin::pin;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::taken::{Taken, Taking};
use crate::archive::gzip;
use crate::blocking::blocking;
use crate::cluster::{collect, database};
use crate::disk::{Writing, Written};
use crate::error::{At, Context as _, Error, ErrorKind, Result};
use crate::outcome::{Outcome, PartOutcome};
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings};
use crate::run::{Level, Running};
use crate::snapshot::{NotIncluded, PartEntry};
use crate::volume;

/// How much of a stream is handed to the disk at a time.
const PIECE_BYTES: usize = 256 << 10;

/// Why a key of etcd is not taken.
const MANGLED: &str =
    "it has bytes that are not UTF-8, and etcd's JSON gives U+FFFD for them: keep it by hand";

pub(super) async fn sql(taking: &Taking<'_>, task: &Running<'_>) -> Result<Taken> {
    let cluster = taking.cluster;
    let database_host = cluster.discovery.as_ref().and_then(|found| found.database_host.as_deref());
    let mut dump = database::dump(&*cluster.host, database_host).await?;
    let written = compress(&mut dump, taking, &Part::Sql, task).await?;
    dump.finish().await?;
    commit(written, &Part::Sql).await
}

pub(super) async fn volume(
    taking: &Taking<'_>,
    task: &Running<'_>,
    findings: &mut Findings,
) -> Result<Taken> {
    let cluster = taking.cluster;
    let host = cluster.volume_host().await?;
    let mut archive = volume::save(&*host, &cluster.volume).await?;
    let written = compress(&mut archive, taking, &Part::Volume, task).await?;
    let saved = archive.finish().await?;
    if let Some(warning) = &saved.warning {
        task.note(Level::Warning, "volume-mount", warning);
    }
    for name in &saved.changed {
        let what = "it changed while it was read: what was there then is in the archive";
        findings.push(Finding::new(Some(&Part::Volume), name, FindingKind::Unverifiable, what));
    }
    for name in &saved.skipped {
        let what = "it is a socket, which tar leaves out";
        findings.push(Finding::new(Some(&Part::Volume), name, FindingKind::Unverifiable, what));
    }
    for refused in &saved.refused {
        let what = format!(
            "it {}: a restore will refuse the archive because of it; remove it on the host, or take that right away, and \
             take another snapshot",
            refused.why.text()
        );
        findings.push(Finding::new(Some(&Part::Volume), &refused.name, FindingKind::Failed, what));
    }
    let taken = commit(written, &Part::Volume).await?;
    Ok(Taken { incomplete: !saved.refused.is_empty(), ..taken })
}

/// The configuration, and whether it is empty.
pub(super) async fn configuration(taking: &Taking<'_>, findings: &mut Findings) -> Result<(Taken, bool)> {
    let configuration = collect(taking.cluster.etcd()?).await?;
    let text = configuration.to_json()?;
    let mut new_file = taking.writer.file(name(&Part::Config)?)?;
    let bytes = text.len() as u64;
    blocking(move || {
        new_file.write_all(&text).map_err(|error| new_file.write_error(error))?;
        new_file.commit(0o600, None, false)
    })
    .await?;
    let mut taken = taken(&Part::Config, bytes)?;
    if configuration.is_empty() {
        let what =
            "etcd has no key of the operator's: look at deisctl config, and that this is the right etcd";
        findings.push(Finding::new(Some(&Part::Config), "config.json", FindingKind::Unverifiable, what));
    }
    for key in configuration.mangled() {
        let outcome = Outcome::Failed(MANGLED.to_owned());
        taken.entry.counts.add(&outcome);
        findings.push(Finding::new(Some(&Part::Config), key, FindingKind::Failed, MANGLED));
        taken.not_included.push(NotIncluded { what: key.to_owned(), why: MANGLED.to_owned() });
    }
    Ok((taken, configuration.is_empty()))
}

/// Compresses a stream into a part's file, which is not committed yet.
async fn compress(
    source: &mut (impl AsyncRead + Unpin),
    taking: &Taking<'_>,
    part: &Part,
    task: &Running<'_>,
) -> Result<Written> {
    let mut writing = Writing::start(taking.writer.file(name(part)?)?, ());
    let mut compressed = pin!(gzip::compress(source));
    loop {
        taking.run.stop.check()?;
        let mut piece = BytesMut::with_capacity(PIECE_BYTES);
        let count = compressed.read_buf(&mut piece).await.map_err(|error| broke_off(error, taking))?;
        if count == 0 {
            return writing.finish().await.at(At::Part, part);
        }
        writing.write(piece.freeze()).await?;
        task.advance(0, count as u64);
    }
}

fn broke_off(error: std::io::Error, taking: &Taking<'_>) -> Error {
    let (kind, what) = match error.kind() {
        std::io::ErrorKind::TimedOut => (ErrorKind::Timeout, "the stream from the host stands still"),
        _ => (ErrorKind::Unreachable, "the stream from the host broke off"),
    };
    let error = Error::new(kind, what).because(error).at(At::Host, taking.cluster.host.host());
    error.todo("look on the host why it waits or has ended; then run this again")
}

async fn commit(written: Written, part: &Part) -> Result<Taken> {
    let committed = blocking(move || written.new_file.commit(0o600, None, false)).await?;
    taken(part, committed.size_bytes)
}

fn taken(part: &Part, bytes: u64) -> Result<Taken> {
    let files = vec![name(part)?.to_owned()];
    Ok(PartEntry { bytes, files, ..PartEntry::new(PartOutcome::Stored) }.into())
}

fn name(part: &Part) -> Result<&'static str> {
    part.file_name().ok_or_else(|| Error::new(ErrorKind::Internal, "the part is no file").at(At::Part, part))
}
