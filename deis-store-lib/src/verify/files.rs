//! One file against what the manifest or a list says of it. Blocking.

use std::fs::File;
use std::io::{self, Read};
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;

use super::event::{Event, ReadObject, as_finding};
use super::understood;
use crate::contents::Contents;
use crate::disk::{CHUNK_BYTES, sha256_of};
use crate::error::{Result, disk_error};
use crate::hash::Sha256;
use crate::part::Part;
use crate::report::{Finding, FindingKind};
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
    let opened = match &job.target {
        Target::File => snapshot.open_file(&job.name),
        Target::Object(part, line) => snapshot.open_object(part, line),
    };
    let mut file = match opened {
        Ok(file) => file,
        Err(error) => return as_finding(job.part.as_ref(), &job.name, error).map(Some),
    };
    let size_bytes = file.metadata().map_err(|error| disk_error("look at", &job.name, error))?.len();
    if size_bytes != job.size_bytes {
        return changed(format!("has {size_bytes} bytes, and had {}", job.size_bytes));
    }
    if !job.read {
        return Ok(None);
    }
    let mut watched = Watched { file: &mut file, stop, events };
    let (digest, held) = match &job.target {
        Target::Object(part, line) if part.contents() == Some(Contents::WalE) => {
            understood::read(&line.key, &mut watched)
        }
        _ => (sha256_of(&mut watched, buffer), None),
    };
    stop.check()?;
    match digest {
        Err(error) => {
            let what = format!("the disk does not give its bytes: {error}");
            Ok(Some(Finding::new(job.part.as_ref(), &job.name, FindingKind::Unreadable, what)))
        }
        Ok((_, sha256)) if sha256 != job.sha256 => {
            changed(format!("has SHA-256 {sha256}, and had {}", job.sha256))
        }
        Ok(_) => {
            if let (Target::Object(part, line), Some(held)) = (&job.target, held) {
                // Whether anybody listens is seen after the file.
                let _ = events.blocking_send(Event::Read(Box::new(ReadObject {
                    part: part.clone(),
                    key: line.key.clone(),
                    held,
                })));
            }
            Ok(None)
        }
    }
}

/// A file whose reading is told of, and stops with the run.
struct Watched<'a> {
    file: &'a mut File,
    stop: &'a Stop,
    events: &'a mpsc::Sender<Event>,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stop.check().map_err(io::Error::other)?;
        let count = self.file.read(buffer)?;
        // Whether anybody listens is seen after the file.
        let _ = self.events.blocking_send(Event::Bytes(count as u64));
        Ok(count)
    }
}
