//! Writes an object list: gzipped JSON lines, sorted bytewise by key.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::list_line::{LONGEST_LINE_BYTES, ListLine};
use crate::disk::NewFile;
use crate::error::{At, Error, ErrorKind, Result};
use crate::outcome::Counts;

/// Writes an object list.
#[derive(Debug)]
pub(crate) struct ListWriter {
    gzip: GzEncoder<NewFile>,
    sealed: SealedList,
    last: Option<String>,
}

/// The name and the content of a list in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SealedList {
    /// Its name in `lists/`.
    pub(crate) name: String,
    /// The number of its keys by outcome.
    pub(crate) counts: Counts,
    /// Bytes of its objects that are on disk.
    pub(crate) bytes: u64,
}

impl ListWriter {
    pub(super) fn new(name: String, file: NewFile) -> Self {
        // Half the time of the usual level, for a tenth more bytes.
        let gzip = GzEncoder::new(file, Compression::new(2));
        Self { gzip, sealed: SealedList { name, counts: Counts::default(), bytes: 0 }, last: None }
    }

    /// Writes a line. Keys come in order, and each once; what is on disk has a digest.
    pub(crate) fn add(&mut self, line: &ListLine) -> Result<()> {
        let internal = |what| Err(Error::new(ErrorKind::Internal, what).at(At::Key, &line.key));
        if self.last.as_ref().is_some_and(|last| *last >= line.key) {
            return internal("the keys of an object list come out of order");
        }
        if line.outcome.is_on_disk() {
            if line.sha256.is_none() {
                return internal("an object on disk without a digest");
            }
            self.sealed.bytes = self.sealed.bytes.saturating_add(line.size_bytes);
        }
        let mut text = serde_json::to_vec(line)
            .map_err(|error| Error::new(ErrorKind::Internal, "a line that is no JSON").because(error))?;
        text.push(b'\n');
        if text.len() as u64 > LONGEST_LINE_BYTES {
            return internal("a line of an object list is too long");
        }
        self.gzip.write_all(&text).map_err(|error| self.gzip.get_ref().write_error(error))?;
        self.sealed.counts.add(&line.outcome);
        self.last.get_or_insert_default().clone_from(&line.key);
        Ok(())
    }

    /// Seals the list. It is synced with the snapshot's other files.
    pub(crate) fn finish(mut self) -> Result<SealedList> {
        self.gzip.try_finish().map_err(|error| self.gzip.get_ref().write_error(error))?;
        let file = self.gzip.finish().map_err(|error| {
            Error::new(ErrorKind::Internal, "an object list is not sealed").because(error)
        })?;
        file.commit(0o600, None, false)?;
        Ok(self.sealed)
    }
}
