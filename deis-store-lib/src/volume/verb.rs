//! The verb that saves a directory as an archive.

use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::directory::Directory;
use super::index::IndexLine;
use super::options::SaveOptions;
use super::report::SaveReport;
use super::saved::Saved;
use super::saving::{Taker, save_to};
use crate::blocking::blocking;
use crate::disk::{Root, Writing};
use crate::error::{At, Error, ErrorKind, Result};
use crate::run::{Level, Run, Running, TaskKind, TaskResult, milliseconds};

/// Saves a directory as a `.tar.gz` that is written to `out` as it comes about. It is of no use unless this succeeds.
///
/// Files that change or vanish meanwhile, and what is no file, directory or link, are named in the report.
pub async fn save(
    directory: &Directory,
    out: &mut (impl AsyncWrite + Unpin),
    options: &SaveOptions,
    run: &Run,
) -> Result<SaveReport> {
    let start = Instant::now();
    let running = run.begin(None, TaskKind::Verb, "save");
    let mut taker = Streamed { out, bytes: 0, running: &running };
    let saved = run.stop.cancels(save_to(directory, options, &mut taker)).await?;
    let bytes = taker.bytes;
    out.flush().await.map_err(not_written)?;
    let result = if saved.is_incomplete() { TaskResult::Incomplete } else { TaskResult::Good };
    let report = report(&saved, bytes, start, &running);
    running.done(result);
    Ok(report)
}

/// The same into a file, which must not be there yet. It gets its name when all of it is on the disk.
pub async fn save_file(
    directory: &Directory,
    file: &Path,
    options: &SaveOptions,
    run: &Run,
) -> Result<SaveReport> {
    let start = Instant::now();
    let running = run.begin(None, TaskKind::Verb, "save");
    let (parent, name) = place(file)?;
    let new_file = parent.new_file(&[name.as_str()])?;
    let mut taker = ToFile { writing: Writing::start(new_file, ()), bytes: 0, running: &running };
    let saved = run.stop.cancels(save_to(directory, options, &mut taker)).await?;
    let (written, bytes) = (taker.writing.finish().await?, taker.bytes);
    blocking(move || {
        require_free(&parent, &name)?;
        let committed = written.new_file.commit(0o600, None, true)?;
        if committed.path != [name.as_str()] {
            return Err(Error::new(ErrorKind::Occupied, "something else took the archive's name meanwhile"));
        }
        parent.sync()
    })
    .await
    .map_err(|error| error.at(At::Path, file.display()))?;
    let result = if saved.is_incomplete() { TaskResult::Incomplete } else { TaskResult::Good };
    let report = report(&saved, bytes, start, &running);
    running.done(result);
    Ok(report)
}

fn report(saved: &Saved, bytes: u64, start: Instant, running: &Running<'_>) -> SaveReport {
    if let Some(warning) = &saved.warning {
        running.note(Level::Warning, "volume-mount", warning);
    }
    let findings = saved.findings(None);
    let verdict = findings.verdict();
    let summary = saved.scanned.summary;
    SaveReport {
        verdict,
        entries: summary.entries,
        file_bytes: summary.file_bytes,
        archive_bytes: summary.archive_bytes,
        bytes,
        findings,
        milliseconds: milliseconds(start.elapsed()),
    }
}

/// The directory of a file that is to be made, and its name, which is free.
fn place(file: &Path) -> Result<(Root, String)> {
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| {
        Error::new(ErrorKind::Usage, "that is no name of a file").at(At::Path, file.display())
    })?;
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = Root::open(parent.unwrap_or(Path::new(".")))?;
    require_free(&parent, name).map_err(|error| error.at(At::Path, file.display()))?;
    Ok((parent, name.to_owned()))
}

fn require_free(parent: &Root, name: &str) -> Result<()> {
    if parent.kind(&[name])?.is_none() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Occupied, "something is there already")
        .todo("give another name, or remove it; nothing is overwritten"))
}

fn not_written(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Disk, "the archive cannot be written").because(error)
}

struct Streamed<'a, W> {
    out: &'a mut W,
    bytes: u64,
    running: &'a Running<'a>,
}

impl<W: AsyncWrite + Unpin> Taker for Streamed<'_, W> {
    async fn take(&mut self, bytes: Bytes) -> Result<()> {
        self.out.write_all(&bytes).await.map_err(not_written)?;
        self.bytes += bytes.len() as u64;
        self.running.advance(0, bytes.len() as u64);
        Ok(())
    }

    async fn line(&mut self, _: IndexLine) -> Result<()> {
        Ok(())
    }
}

struct ToFile<'a> {
    writing: Writing,
    bytes: u64,
    running: &'a Running<'a>,
}

impl Taker for ToFile<'_> {
    async fn take(&mut self, bytes: Bytes) -> Result<()> {
        let count = bytes.len() as u64;
        self.writing.write(bytes).await?;
        self.bytes += count;
        self.running.advance(0, count);
        Ok(())
    }

    async fn line(&mut self, _: IndexLine) -> Result<()> {
        Ok(())
    }
}
