//! The files of bodies: written under a temporary name, synced, named by a number, removed when nothing speaks of them.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::failures::Failures;
use crate::disk::{NewFile, Root};
use crate::error::Result;

/// The directory of the files.
#[derive(Debug)]
pub(super) struct Place {
    objects: Root,
    next: AtomicU64,
    /// Whether a file goes when nothing needs it.
    removes: AtomicBool,
    failures: Arc<Failures>,
}

/// A file of a body. Its last owner removes it.
#[derive(Debug)]
pub(in crate::gateway) struct KeptFile {
    place: Arc<Place>,
    number: u64,
    size_bytes: u64,
}

/// A file that is being written. Dropped, it is removed.
#[derive(Debug)]
pub(super) struct BodyFile {
    file: NewFile,
    number: u64,
}

impl Place {
    /// A place of which no file is removed yet.
    pub(super) fn new(objects: Root, failures: Arc<Failures>) -> Self {
        Self { objects, next: AtomicU64::new(0), removes: AtomicBool::new(false), failures }
    }

    /// Goes on behind this number, and removes from now on what nothing needs.
    pub(super) fn go_on(&self, behind: u64) {
        self.next.store(behind + 1, Ordering::Relaxed);
        self.removes.store(true, Ordering::Release);
    }

    /// Removes nothing from now on.
    pub(super) fn let_files_stay(&self) {
        self.removes.store(false, Ordering::Release);
    }

    pub(super) fn begin(&self) -> Result<BodyFile> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Ok(BodyFile { file: self.objects.new_file(&[name(number)])?.without_digest(), number })
    }

    pub(super) fn objects(&self) -> &Root {
        &self.objects
    }
}

impl BodyFile {
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written: io::Result<()> = self.file.write_all(bytes);
        written.map_err(|error| self.file.write_error(error))
    }

    /// Makes it last.
    pub(super) fn keep(self, place: &Arc<Place>) -> Result<KeptFile> {
        let committed = self.file.commit(0o600, None, true)?;
        Ok(KeptFile { place: place.clone(), number: self.number, size_bytes: committed.size_bytes })
    }
}

impl KeptFile {
    /// One that is there.
    pub(super) fn known(place: &Arc<Place>, number: u64, size_bytes: u64) -> Self {
        Self { place: place.clone(), number, size_bytes }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The file, and its path for messages.
    pub(super) fn open(&self) -> Result<(File, String)> {
        let name = name(self.number);
        let path = self.place.objects.path().join(&name).display().to_string();
        Ok((self.place.objects.open_file(&[name])?, path))
    }

    pub(super) fn failures(&self) -> Arc<Failures> {
        self.place.failures.clone()
    }
}

impl Drop for KeptFile {
    fn drop(&mut self) {
        if self.place.removes.load(Ordering::Acquire) {
            // What stays because of an error is removed by the next start.
            let _ = self.place.objects.remove_file(&name(self.number));
        }
    }
}

pub(super) fn name(number: u64) -> String {
    format!("{number:016x}")
}

/// The number of a file of this name; nothing if the name is not one of ours, or no number could follow.
pub(super) fn number(of: &str) -> Option<u64> {
    u64::from_str_radix(of, 16).ok().filter(|number| *number < u64::MAX && name(*number) == of)
}
