//! The journal is read at the start, and what it does not speak of is removed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _};
use std::sync::Arc;

use super::journal::LONGEST_LINE_BYTES;
use super::record::{Known, Record};
use crate::disk::{AppendFile, Kind, PARTIAL, SEAL_BYTES, unsealed};
use crate::error::{At, Error, ErrorKind, Result, disk_error};
use crate::gateway::store::bucket::Buckets;
use crate::gateway::store::change::Change;
use crate::gateway::store::kept_file::{Place, name, number};
use crate::gateway::store::snapshot::Sources;

/// Makes all changes that the journal has, cuts off a last line that is torn, and removes files of which it does not speak. `about`
/// judges its first line. Gives its size, and the number of the last upload.
pub(super) fn read(
    journal: &mut AppendFile,
    place: &Arc<Place>,
    about: impl FnOnce(&[u8]) -> Result<()>,
    sources: Sources,
    buckets: &mut Buckets,
) -> Result<(u64, u64)> {
    let mut known = Known { place: place.clone(), sources, files: BTreeMap::new() };
    let mut uploads = 0;
    let mut lines = Lines::of(journal)?;
    about(lines.next()?.unwrap_or_default())?;
    while let Some(line) = lines.next()? {
        let records: Option<Vec<Record>> = serde_json::from_slice(line).ok();
        let mut apply = |record: Record| {
            let change = record.change(&mut known)?;
            if let Change::BeginUpload { id, .. } = &change {
                uploads = uploads.max(id.rsplit('~').next()?.parse().ok()?);
            }
            change.apply(buckets)
        };
        let applied = records.and_then(|records| records.into_iter().try_for_each(&mut apply));
        applied.ok_or_else(|| bad(lines.number, "the journal of the writes cannot be understood"))?;
    }
    let size_bytes = lines.size_bytes;
    journal.cut(size_bytes)?;
    let last = known.files.keys().next_back().copied().unwrap_or(0);
    let in_use = known.files.into_iter().filter(|(_, file)| Arc::strong_count(file) > 1);
    let in_use: BTreeMap<u64, u64> = in_use.map(|(number, file)| (number, file.size_bytes())).collect();
    check(place, &in_use)?;
    place.go_on(last.max(sweep(place, &in_use)?));
    Ok((size_bytes, uploads))
}

/// The lines of a journal.
struct Lines {
    bytes: BufReader<File>,
    line: Vec<u8>,
    /// Which line was read last.
    number: u64,
    /// How many bytes the whole lines have.
    size_bytes: u64,
}

impl Lines {
    fn of(journal: &AppendFile) -> Result<Self> {
        let mut bytes = journal.bytes()?;
        bytes.rewind().map_err(failed)?;
        Ok(Self { bytes: BufReader::new(bytes), line: Vec::new(), number: 0, size_bytes: 0 })
    }

    /// The JSON of the next line; nothing at the end, or if the last line is torn. A torn line has no end: a request whose line
    /// was not written to its end was not acknowledged. One that has its end and does not fit its digest was acknowledged, perhaps,
    /// and is damage.
    fn next(&mut self) -> Result<Option<&[u8]>> {
        self.line.clear();
        self.number += 1;
        let longest_bytes = LONGEST_LINE_BYTES + SEAL_BYTES;
        let reading = (&mut self.bytes).take(longest_bytes).read_until(b'\n', &mut self.line);
        let count = reading.map_err(failed)? as u64;
        if count < longest_bytes && !self.line.ends_with(b"\n") {
            return Ok(None);
        }
        let json = unsealed(&self.line);
        let json = json.ok_or_else(|| bad(self.number, "the journal of the writes was changed"))?;
        self.size_bytes += count;
        Ok(Some(json))
    }
}

fn failed(error: io::Error) -> Error {
    disk_error("read", "the journal of the writes", error)
}

pub(super) fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::Damaged, what)
        .todo("look for the cause in the disk's health; the snapshot itself is not concerned")
}

fn bad(number: u64, what: &str) -> Error {
    damaged(what).at(At::Line, number)
}

/// Each file that is needed is there, with its size.
fn check(place: &Place, in_use: &BTreeMap<u64, u64>) -> Result<()> {
    for (number, size_bytes) in in_use {
        let name = name(*number);
        let found = place.objects().metadata(&[name.as_str()])?;
        if !found.is_some_and(|found| found.kind == Kind::File && found.size_bytes == *size_bytes) {
            let error = damaged("a file of what was written is missing, or has another size");
            return Err(error.at(At::Path, place.objects().path().join(name).display()));
        }
    }
    Ok(())
}

/// Removes what a process that was killed has left, and what was replaced since; nothing that is not ours. Gives the highest number
/// of a file.
fn sweep(place: &Place, in_use: &BTreeMap<u64, u64>) -> Result<u64> {
    let (mut left, mut last) = (Vec::new(), 0);
    place.objects().each_entry(|entry| {
        let name = entry.name.to_str().filter(|_| entry.kind == Kind::File).unwrap_or_default();
        let number = number(name);
        last = last.max(number.unwrap_or(0));
        if number.map_or(name.starts_with(PARTIAL), |number| !in_use.contains_key(&number)) {
            left.push(name.to_owned());
        }
        Ok(())
    })?;
    left.iter().try_for_each(|name| place.objects().remove_file(name))?;
    Ok(last)
}
