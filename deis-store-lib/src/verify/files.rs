//! One file against what the manifest or a list says of it. Blocking.

use std::fs::File;
use std::io::{self, Read};
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;

use super::event::{Event, ReadObject, as_finding};
use super::understood::{self, Understood};
use crate::contents::Contents;
use crate::contents::registry::LayerSum;
use crate::disk::{CHUNK_BYTES, sha256_of};
use crate::error::{Result, disk_error};
use crate::hash::Sha256;
use crate::part::Part;
use crate::report::{Finding, FindingKind};
use crate::restorable::LARGEST_REFERENCE_BYTES;
use crate::run::Stop;
use crate::snapshot::{ListLine, SnapshotReader};

/// A file to look at.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) part: Option<Part>,
    /// The key, or the path in the snapshot.
    pub(super) name: String,
    pub(super) target: Target,
    pub(super) size_bytes: u64,
    pub(super) sha256: Sha256,
    /// Whether to read its bytes.
    pub(super) read: bool,
}

#[derive(Debug)]
pub(super) enum Target {
    File,
    Object(Part, Box<ListLine>),
    /// A layer of docker-registry 0.x, with its description and its checksums.
    Layer(Part, Box<[ListLine; 3]>),
}

impl Target {
    fn object(&self) -> Option<(&Part, &ListLine)> {
        match self {
            Self::File => None,
            Self::Object(part, line) => Some((part, line)),
            Self::Layer(part, lines) => Some((part, &lines[0])),
        }
    }
}

/// Looks at files until there are no more, or nobody wants to know.
pub(super) fn work(
    snapshot: &SnapshotReader,
    stop: &Stop,
    jobs: &Mutex<Receiver<Job>>,
    events: &mpsc::Sender<Event>,
) {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        let told = match look(snapshot, stop, &job, &mut buffer, events) {
            Ok(None) => Ok(()),
            Ok(Some(finding)) => events.blocking_send(Event::Finding(finding)),
            Err(error) => events.blocking_send(Event::Failed(error)),
        };
        if told.and_then(|()| events.blocking_send(Event::Checked { read: job.read })).is_err() {
            return;
        }
    }
}

fn look(
    snapshot: &SnapshotReader,
    stop: &Stop,
    job: &Job,
    buffer: &mut [u8],
    events: &mpsc::Sender<Event>,
) -> Result<Option<Finding>> {
    stop.check()?;
    let changed =
        |what: String| Ok(Some(Finding::new(job.part.as_ref(), &job.name, FindingKind::Changed, what)));
    let opened = match job.target.object() {
        None => snapshot.open_file(&job.name),
        Some((part, line)) => snapshot.open_object(part, line),
    };
    let mut file = match opened {
        Ok(file) => file,
        Err(error) => return as_finding(job.part.as_ref(), &job.name, error).map(Some),
    };
    let size_bytes = match file.metadata() {
        Ok(metadata) => metadata.len(),
        Err(error) => {
            let error = disk_error("look at", &job.name, error);
            return as_finding(job.part.as_ref(), &job.name, error).map(Some);
        }
    };
    if size_bytes != job.size_bytes {
        return changed(format!("has {size_bytes} bytes, and had {}", job.size_bytes));
    }
    if !job.read {
        return Ok(None);
    }
    let mut watched = Watched { file: &mut file, stop, events, untold_bytes: 0, failed: None };
    let understood = read(snapshot, job, &mut watched, buffer);
    // Also if the rest could be read, and whatever was made of the error.
    let understood = watched.failed.map_or(understood, Err);
    // Whether anybody listens is seen after the file.
    let _ = events.blocking_send(Event::Bytes(watched.untold_bytes));
    stop.check()?;
    match understood {
        Err(error) => {
            let what = format!("the disk does not give its bytes: {error}");
            Ok(Some(Finding::new(job.part.as_ref(), &job.name, FindingKind::Unreadable, what)))
        }
        Ok((sha256, _)) if sha256 != job.sha256 => {
            changed(format!("has SHA-256 {sha256}, and had {}", job.sha256))
        }
        Ok((_, held)) => {
            let Some(held) = held else { return Ok(None) };
            if let Some((part, line)) = job.target.object() {
                let (part, key) = (part.clone(), line.key.clone());
                // Whether anybody listens is seen after the file.
                let _ = events.blocking_send(Event::Read(Box::new(ReadObject { part, key, held })));
                return Ok(None);
            }
            let broken = |why| Finding::new(job.part.as_ref(), &job.name, FindingKind::Broken, why);
            Ok(held.err().map(broken))
        }
    }
}

/// Reads a file to its end.
fn read(snapshot: &SnapshotReader, job: &Job, file: &mut impl Read, buffer: &mut [u8]) -> Understood {
    match &job.target {
        Target::File
            if let Some(part) = job.part.as_ref().filter(|part| part.file_name() == Some(&*job.name)) =>
        {
            understood::read_file(part, file, job.size_bytes)
        }
        Target::Object(part, line) if part.contents() == Some(Contents::WalE) => {
            understood::read(&line.key, file)
        }
        Target::Layer(part, lines) if let Some(sum) = sum_of_layer(snapshot, part, lines) => {
            understood::read_layer(sum, file)
        }
        _ => sha256_of(file, buffer).map(|(_, sha256)| (sha256, None)),
    }
}

/// The checksum of a layer. Nothing if what is beside it is not what it was: that is said of it itself.
fn sum_of_layer(
    snapshot: &SnapshotReader,
    part: &Part,
    [_, description, checksums]: &[ListLine; 3],
) -> Option<LayerSum> {
    let bytes = |line: &ListLine| {
        let mut bytes = Vec::new();
        let file = snapshot.open_object(part, line).ok()?;
        file.take(LARGEST_REFERENCE_BYTES).read_to_end(&mut bytes).ok()?;
        (Some(Sha256::of(&bytes)) == line.sha256).then_some(bytes)
    };
    LayerSum::new(&bytes(description)?, &bytes(checksums)?)
}

/// How many bytes of a file are read before they are told of: an event for each piece would wake the verification more often than a
/// person can look.
const TOLD_BYTES: u64 = 4 << 20;

/// A file whose reading is told of, and stops with the run.
struct Watched<'a> {
    file: &'a mut File,
    stop: &'a Stop,
    events: &'a mpsc::Sender<Event>,
    untold_bytes: u64,
    /// The first error of the disk.
    failed: Option<io::Error>,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stop.check().map_err(io::Error::other)?;
        if self.events.is_closed() {
            return Err(io::Error::other("nobody waits for the verification any more"));
        }
        let count = self.file.read(buffer).inspect_err(|error| {
            if self.failed.is_none() && error.kind() != io::ErrorKind::Interrupted {
                self.failed =
                    Some(error.raw_os_error().map_or(error.kind().into(), io::Error::from_raw_os_error));
            }
        })?;
        self.untold_bytes += count as u64;
        // An archive is read within the runtime, where nobody may wait for room: then they are told of later.
        if self.untold_bytes >= TOLD_BYTES && self.events.try_send(Event::Bytes(self.untold_bytes)).is_ok() {
            self.untold_bytes = 0;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_not_read_on_when_nobody_waits_for_the_verification() {
        let mut file = tempfile::tempfile().unwrap();
        file.set_len(1 << 20).unwrap();
        let (stop, (events, arriving)) = (Stop::default(), mpsc::channel(1));
        let mut watched =
            Watched { file: &mut file, stop: &stop, events: &events, untold_bytes: 0, failed: None };
        let mut piece = [0; 16];
        assert_eq!(watched.read(&mut piece).unwrap(), 16);
        drop(arriving);
        watched.read(&mut piece).unwrap_err();
        assert!(watched.failed.is_none(), "that is no error of the disk");
    }
}
