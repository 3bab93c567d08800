//! The parts that are one file each: the archive of the volume and the dump. Each is taken first and then read to its end, so that
//! what is in the snapshot is what was seen to be whole.

use std::io;
use std::pin::pin;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::adopting::Adopting;
use crate::archive::tar::{self, Oddity};
use crate::archive::{gzip, sql};
use crate::blocking::blocking;
use crate::disk::{CHUNK_BYTES, ForeignFile, Root, Writing};
use crate::error::{At, Context as _, Error, ErrorKind, Result};
use crate::outcome::PartOutcome;
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings, in_one_line};
use crate::run::Stop;
use crate::snapshot::PartEntry;

/// Takes the file of a part into the snapshot. One that is damaged, or cannot be read, is not taken, and is named.
pub(super) async fn take(
    adopting: &Adopting<'_>,
    root: &Root,
    (part, name): (&Part, &str),
    findings: &mut Findings,
) -> Result<PartEntry> {
    match taken(adopting, root, (part, name), findings).await {
        Ok(bytes) => {
            let files = vec![part.file_name().unwrap_or_default().to_owned()];
            Ok(PartEntry { bytes, files, ..PartEntry::new(PartOutcome::Stored) })
        }
        Err(error) if matches!(error.kind(), ErrorKind::Damaged | ErrorKind::SourceChanged) => {
            adopting.writer.discard(part)?;
            let is_damaged = error.kind() == ErrorKind::Damaged;
            let kind = if is_damaged { FindingKind::Changed } else { FindingKind::Refused };
            let why = in_one_line(&error);
            findings.push(Finding::new(Some(part), name, kind, &why));
            Ok(PartEntry { why: Some(why), ..PartEntry::new(PartOutcome::Failed) })
        }
        Err(error) => Err(error),
    }
}

async fn taken(
    adopting: &Adopting<'_>,
    root: &Root,
    (part, name): (&Part, &str),
    findings: &mut Findings,
) -> Result<u64> {
    let (opened, path) = (root.clone(), [name.to_owned()]);
    let file = blocking(move || opened.foreign_file(&path)).await?;
    if Some(name) != part.file_name() {
        return compressed(adopting, part, file).await;
    }
    let (bytes, stop) = (file.metadata().size_bytes, adopting.run.stop.clone());
    copied(adopting, part, file).await?;
    let unpacked = {
        let file = tokio::fs::File::from_std(adopting.writer.open_file(part)?);
        Box::pin(gzip::decompress(file))
    };
    if *part == Part::Volume {
        let mut archive = tar::Inspected::new(unpacked, ());
        read_to_end(&mut archive, &stop).await.map_err(not_unpacked)?;
        let (seen, ()) = archive.finish()?;
        for refused in seen.refused {
            let what = format!(
                "it {}: a restore will refuse the archive because of it; unpack it by hand, or make another one without it",
                refused.why.text()
            );
            findings.push(Finding::new(Some(part), &refused.name, FindingKind::Failed, what));
        }
        for Oddity { name, what } in seen.oddities.list() {
            findings.push(Finding::new(Some(part), name, FindingKind::NotKept, format!("it {what}")));
        }
    } else {
        let mut dump = sql::Checked::new(unpacked);
        read_to_end(&mut dump, &stop).await.map_err(not_unpacked)?;
        dump.finish()?;
    }
    Ok(bytes)
}

/// Copies or links a file that is as a snapshot has it.
async fn copied(adopting: &Adopting<'_>, part: &Part, mut file: ForeignFile) -> Result<()> {
    if adopting.links && adopting.writer.link_file(part, &file)? {
        return Ok(());
    }
    let new_file = adopting.writer.file(part.file_name().unwrap_or_default())?;
    let stop = adopting.run.stop.clone();
    blocking(move || {
        let written = file.copy(new_file, (), || stop.check())?;
        written.new_file.commit(0o600, Some(file.metadata().modified), false).map(drop)
    })
    .await
}

/// Compresses a dump that is none yet.
async fn compressed(adopting: &Adopting<'_>, part: &Part, file: ForeignFile) -> Result<u64> {
    let new_file = adopting.writer.file(part.file_name().unwrap_or_default())?;
    let mut dump = sql::Checked::new(tokio::fs::File::from_std(file.handle()?));
    let mut writing = Writing::start(new_file, ());
    {
        let mut compressed = pin!(gzip::compress(&mut dump));
        loop {
            adopting.run.stop.check()?;
            let mut piece = BytesMut::with_capacity(CHUNK_BYTES);
            if compressed.read_buf(&mut piece).await.map_err(cannot_read)? == 0 {
                break;
            }
            writing.write(piece.freeze()).await?;
        }
    }
    let written = writing.finish().await.at(At::Part, part)?;
    let read_bytes = dump.finish()?;
    blocking(move || {
        file.check_unchanged(read_bytes)?;
        let committed = written.new_file.commit(0o600, Some(file.metadata().modified), false)?;
        Ok(committed.size_bytes)
    })
    .await
}

async fn read_to_end(reader: &mut (impl AsyncRead + Unpin), stop: &Stop) -> io::Result<()> {
    let mut piece = vec![0; CHUNK_BYTES];
    while reader.read(&mut piece).await? > 0 {
        stop.check().map_err(io::Error::other)?;
    }
    Ok(())
}

fn not_unpacked(error: io::Error) -> Error {
    // That of a stop, which is no fault of the file.
    if error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()).is_some() {
        return Error::new(ErrorKind::Interrupted, "interrupted");
    }
    Error::new(ErrorKind::Damaged, "it cannot be unpacked to its end")
        .because(error)
        .todo("take another copy of it")
}

fn cannot_read(error: io::Error) -> Error {
    Error::new(ErrorKind::SourceChanged, "it cannot be read").because(error)
}
