//! The journal: a line for each request that has changed something.

use std::sync::Arc;

use super::record::Record;
use crate::disk::{AppendFile, sealed};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::store::change::Change;
use crate::gateway::store::kept_file::Place;

/// Longer lines are no lines of ours, and none is written: one that deletes a thousand keys has a few megabytes.
pub(super) const LONGEST_LINE_BYTES: u64 = 64 << 20;

/// The journal, open at its end.
#[derive(Debug)]
pub(in crate::gateway::store) struct Journal {
    file: AppendFile,
    size_bytes: u64,
    place: Arc<Place>,
    /// Whether its end may be half a line.
    torn: bool,
}

impl Journal {
    pub(super) fn new(file: AppendFile, size_bytes: u64, place: Arc<Place>) -> Self {
        Self { file, size_bytes, place, torn: false }
    }

    /// Makes changes last, all of them or none. It waits for the disk.
    pub(in crate::gateway::store) fn append(&mut self, changes: &[Change]) -> Result<()> {
        if self.torn {
            let error = Error::new(ErrorKind::Disk, "the journal of the writes cannot be written to");
            return Err(error.todo("mend the disk, then start it again"));
        }
        let internal = |what: &str| Error::new(ErrorKind::Internal, what);
        let records: Option<Vec<Record>> = changes.iter().map(Record::of).collect();
        let records = records.ok_or_else(|| internal("bytes that are kept nowhere were to be named"))?;
        let text = serde_json::to_string(&records)
            .map_err(|error| internal("a value that is no JSON").because(error))?;
        if text.len() as u64 > LONGEST_LINE_BYTES {
            return Err(internal("a request changes more than a line of the journal holds"));
        }
        let line = sealed(&text);
        self.file.append(&line).inspect_err(|_| self.mend())?;
        self.size_bytes += line.len() as u64;
        Ok(())
    }

    /// Cuts off what a failed write has left. If that fails, too, nobody knows what a later start will find: so nothing more is
    /// taken, and no file goes that a line may speak of.
    fn mend(&mut self) {
        if self.file.cut(self.size_bytes).and_then(|()| self.file.append(&[])).is_err() {
            self.torn = true;
            self.place.let_files_stay();
        }
    }
}
