//! The parts that are one file each: the dump, the volume and the configuration. A file gets its name when it was
//! seen to be whole.

use std::io::Write as _;
use std::pin::pin;

use bytes::{Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::taken::{Taken, Taking};
use crate::archive::gzip;
use crate::blocking::blocking;
use crate::cluster::{collect, database};
use crate::disk::{CHUNK_BYTES, NewFile, Writing, Written};
use crate::error::{At, Context as _, Error, ErrorKind, Result};
use crate::outcome::{Outcome, PartOutcome};
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings};
use crate::run::{Level, Running};
use crate::snapshot::{NotIncluded, PartEntry, VOLUME_INDEX};
use crate::volume::{Directory, IndexLine, SaveOptions, Taker, save_to};

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

/// The volume, and whether no file in it has a byte.
pub(super) async fn volume(
    taking: &Taking<'_>,
    task: &Running<'_>,
    findings: &mut Findings,
) -> Result<(Taken, bool)> {
    let cluster = taking.cluster;
    let directory = Directory::on(cluster.volume_host().await?, &cluster.volume);
    let mut archive = Archive::begin(taking, task)?;
    let saved = save_to(&directory, &SaveOptions::default(), &mut archive).await?;
    let (written, index) = archive.finish().await?;
    if let Some(warning) = &saved.warning {
        task.note(Level::Warning, "volume-mount", warning);
    }
    findings.append(saved.findings(Some(&Part::Volume)));
    blocking(move || index.commit(0o600, None, false)).await?;
    let taken = commit(written, &Part::Volume).await?;
    let is_empty = saved.scanned.summary.file_bytes == 0;
    Ok((Taken { incomplete: saved.is_incomplete(), ..taken }, is_empty))
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

/// The archive of the volume and its index, on their way to the disk.
struct Archive<'a> {
    packed: Writing,
    index: Writing<NewFile>,
    /// Lines that wait until they are many.
    lines: BytesMut,
    taking: &'a Taking<'a>,
    task: &'a Running<'a>,
}

impl<'a> Archive<'a> {
    fn begin(taking: &'a Taking<'_>, task: &'a Running<'_>) -> Result<Self> {
        let packed = Writing::start(taking.writer.file(name(&Part::Volume)?)?, ());
        let file = taking.writer.file(VOLUME_INDEX)?;
        let index = Writing::by(|lines| gzip_lines(file, lines));
        Ok(Self { packed, index, lines: BytesMut::new(), taking, task })
    }

    async fn finish(mut self) -> Result<(Written, NewFile)> {
        self.index.write(self.lines.freeze()).await?;
        Ok((self.packed.finish().await.at(At::Part, &Part::Volume)?, self.index.finish().await?))
    }
}

impl Taker for Archive<'_> {
    async fn take(&mut self, bytes: Bytes) -> Result<()> {
        self.taking.run.stop.check()?;
        let count = bytes.len() as u64;
        self.packed.write(bytes).await?;
        self.task.advance(0, count);
        Ok(())
    }

    async fn line(&mut self, line: IndexLine) -> Result<()> {
        let text = serde_json::to_vec(&line)
            .map_err(|error| Error::new(ErrorKind::Internal, "a line that is no JSON").because(error))?;
        self.lines.extend_from_slice(&text);
        self.lines.extend_from_slice(b"\n");
        if self.lines.len() >= CHUNK_BYTES {
            self.index.write(self.lines.split().freeze()).await?;
        }
        Ok(())
    }
}

fn gzip_lines(file: NewFile, lines: &mut dyn Iterator<Item = Bytes>) -> Result<NewFile> {
    let mut gzip = GzEncoder::new(file, Compression::new(2));
    for lines in lines {
        gzip.write_all(&lines).map_err(|error| gzip.get_ref().write_error(error))?;
    }
    gzip.try_finish().map_err(|error| gzip.get_ref().write_error(error))?;
    gzip.finish().map_err(|error| Error::new(ErrorKind::Internal, "an index is not sealed").because(error))
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
        let mut piece = BytesMut::with_capacity(CHUNK_BYTES);
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
