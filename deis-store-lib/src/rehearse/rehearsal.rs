//! The rehearsal of a snapshot on its way: what it is of, and what was found so far.

use std::time::Instant;

use super::options::SnapshotRehearsal;
use super::report::{SnapshotRehearsed, Step};
use crate::run::{Run, milliseconds};
use crate::snapshot::SnapshotReader;

/// A rehearsal on its way.
pub(super) struct Rehearsal<'a> {
    pub(super) snapshot: &'a SnapshotReader,
    pub(super) options: &'a SnapshotRehearsal,
    pub(super) run: &'a Run,
    pub(super) report: SnapshotRehearsed,
    clock: Instant,
}

impl<'a> Rehearsal<'a> {
    pub(super) fn new(snapshot: &'a SnapshotReader, options: &'a SnapshotRehearsal, run: &'a Run) -> Self {
        let report = SnapshotRehearsed::of(snapshot);
        Self { snapshot, options, run, report, clock: Instant::now() }
    }

    /// Ends a step, and says how long it took.
    pub(super) fn step(&mut self, name: &'static str, objects: u64, bytes: u64) -> u64 {
        let milliseconds = milliseconds(self.clock.elapsed());
        self.report.steps.push(Step { name, objects, bytes, milliseconds });
        self.clock = Instant::now();
        milliseconds
    }
}
