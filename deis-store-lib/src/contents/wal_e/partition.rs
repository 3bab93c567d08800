//! A partition of a base backup: the files of its archive summed up, and the two of them that say of which database and from which
//! place of the log it is. Pure.
//!
//! The archive's own reader does the rest. Nothing is unpacked, so an entry that must not be unpacked is no fault here.

use std::io;

use super::control::{self, Control};
use super::label::BackupLabel;
use crate::archive::tar::{Entry, OnRefusal, Policy, Scan, Sink};

const LABEL: &[u8] = b"backup_label";
const CONTROL: &[u8] = b"global/pg_control";
/// A label has a few lines.
const MOST_LABEL_BYTES: usize = 64 << 10;

/// A partition that was read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartitionHeld {
    /// The number of files, directories, links and others.
    pub(crate) members: u64,
    /// The size of all files, of which WAL-E's sentinel tells the sum over all partitions.
    pub(crate) file_bytes: u64,
    pub(crate) label: Option<BackupLabel>,
    pub(crate) control: Option<Control>,
}

/// A partition that is being read. Errors are plain sentences that say what is broken.
#[derive(Debug)]
pub(super) struct Partition {
    scan: Scan,
    files: Files,
}

impl Partition {
    /// A partition of which nothing was read yet.
    pub(super) fn new() -> Self {
        let policy = Policy { on_refusal: OnRefusal::Note, ..Policy::default() };
        Self { scan: Scan::new(policy), files: Files::default() }
    }

    /// Reads the next bytes of the archive.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.scan.push(bytes, &mut self.files).map_err(|error| error.to_string())
    }

    /// What was read of an archive with these bytes and no others.
    pub(super) fn finish(self) -> Result<PartitionHeld, String> {
        let Self { scan, files } = self;
        let summary = scan.finish().map_err(|error| error.to_string())?.summary;
        let label = files.label.map(|text| label(&text)).transpose()?;
        let control =
            files.control.map(|file| Control::parse(&file).ok_or("pg_control is cut off")).transpose()?;
        Ok(PartitionHeld { members: summary.entries, file_bytes: summary.file_bytes, label, control })
    }
}

fn label(text: &[u8]) -> Result<BackupLabel, String> {
    if text.len() > MOST_LABEL_BYTES {
        return Err("backup_label is too long to be one".to_owned());
    }
    // The name of the backup may have any encoding.
    BackupLabel::parse(&String::from_utf8_lossy(text))
}

/// The beginnings of the two files. Of files with the same name the last one counts, as when they are unpacked.
#[derive(Debug, Default)]
struct Files {
    label: Option<Vec<u8>>,
    control: Option<Vec<u8>>,
    open: Open,
}

#[derive(Clone, Copy, Debug, Default)]
enum Open {
    #[default]
    Other,
    Label,
    Control,
}

impl Sink for Files {
    fn entry(&mut self, entry: &Entry, _: u64) -> io::Result<()> {
        self.open = match &entry.path[..] {
            LABEL => Open::Label,
            CONTROL => Open::Control,
            _ => Open::Other,
        };
        match self.open {
            Open::Label => self.label = Some(Vec::new()),
            Open::Control => self.control = Some(Vec::new()),
            Open::Other => {}
        }
        Ok(())
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (file, most_bytes) = match self.open {
            Open::Label => (&mut self.label, MOST_LABEL_BYTES + 1),
            Open::Control => (&mut self.control, control::READ_BYTES),
            Open::Other => return Ok(()),
        };
        if let Some(file) = file {
            let more = most_bytes.saturating_sub(file.len()).min(bytes.len());
            file.extend_from_slice(bytes.get(..more).unwrap_or_default());
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.open = Open::Other;
        Ok(())
    }
}
