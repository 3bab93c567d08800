//! One file against what the manifest or a list says of it. Blocking.

use std::fs::File;
use std::io::Read;
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, PoisonError};

use sha2::Digest;
use tokio::sync::mpsc;

use super::event::{Event, as_finding};
use crate::error::{Result, disk_error};
use crate::hash::Sha256;
use crate::part::Part;
use crate::report::{Finding, FindingKind};
use crate::run::Stop;
use crate::snapshot::{ListLine, SnapshotReader};

const BUFFER_BYTES: usize = 256 << 10;

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
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        let told = match look(snapshot, stop, &job, &mut buffer, events) {
            Ok(None) => Ok(()),
            Ok(Some(finding)) => events.blocking_send(Event::Finding(finding)),
            Err(error) => events.blocking_send(Event::Failed(error)),
        };
        if told.and_then(|()| events.blocking_send(Event::Checked)).is_err() {
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
    match digest(&mut file, stop, buffer, events)? {
        Err(error) => {
            let what = format!("the disk does not give its bytes: {error}");
            Ok(Some(Finding::new(job.part.as_ref(), &job.name, FindingKind::Unreadable, what)))
        }
        Ok(sha256) if sha256 != job.sha256 => {
            changed(format!("has SHA-256 {sha256}, and had {}", job.sha256))
        }
        Ok(_) => Ok(None),
    }
}

fn digest(
    file: &mut File,
    stop: &Stop,
    buffer: &mut [u8],
    events: &mpsc::Sender<Event>,
) -> Result<std::io::Result<Sha256>> {
    let mut sha256 = sha2::Sha256::new();
    loop {
        stop.check()?;
        let count = match file.read(buffer) {
            Ok(0) => return Ok(Ok(Sha256(sha256.finalize().into()))),
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Ok(Err(error)),
        };
        sha256.update(&buffer[..count]);
        // Whether anybody listens is seen after the file.
        let _ = events.blocking_send(Event::Read(count as u64));
    }
}
