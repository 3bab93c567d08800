//! What interrupted runs have left in a repository: with which of it a run goes on, and which only lacks its name.

use std::io::Read as _;

use serde_json::Value;

use super::name::{RUN, SnapshotName, UNFINISHED};
use super::reader::SnapshotReader;
use super::repository::Repository;
use super::writer::finish;
use crate::disk::Root;
use crate::error::Result;
use crate::run::{Level, Running};

/// It names a handful of parts and buckets.
const LARGEST_RUN_BYTES: u64 = 1 << 20;

impl Repository {
    /// Gives those their names that were sealed when their run ended, and tells of it: all in them was safe by then. Hold the
    /// lock.
    pub(crate) fn finish_sealed(&self, verb: &Running<'_>) -> Result<()> {
        for name in self.left()? {
            let root = self.root().subdirectory(&format!("{name}{UNFINISHED}"), false)?;
            let sealed = SnapshotReader::of(root.clone());
            let is_whole = sealed.is_ok_and(|sealed| sealed.manifest().snapshot == name.as_str());
            if is_whole && self.root().kind(&[name.as_str()])?.is_none() {
                finish(self.root(), &root, &name)?;
                let text =
                    format!("{name} is whole, and its run had ended before it got its name: it has it now");
                verb.note(Level::Warning, "finished", &text);
            }
        }
        Ok(())
    }

    /// The newest one whose run was asked for the same. Which snapshot it shares objects with is no matter: each object is
    /// looked at anew.
    pub(crate) fn left_by_such(&self, run_file: &Value) -> Result<Option<SnapshotName>> {
        let mut left = self.left()?;
        left.reverse();
        for name in left {
            let left = self.root().subdirectory(&format!("{name}{UNFINISHED}"), false).ok();
            let run_of = left.and_then(|left| run_file_of(&left));
            if run_of.is_some_and(|of| asked(&of) == asked(run_file)) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// What interrupted runs have left, oldest first.
    pub(crate) fn left(&self) -> Result<Vec<SnapshotName>> {
        let left = self.names()?.into_iter().filter(|(_, is_unfinished)| *is_unfinished);
        Ok(left.map(|(name, _)| name).collect())
    }
}

/// What the run of an unfinished snapshot was asked for; nothing if that cannot be read.
pub(super) fn run_file_of(unfinished: &Root) -> Option<Value> {
    let mut text = Vec::new();
    unfinished.open_file(&[RUN]).ok()?.take(LARGEST_RUN_BYTES).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

/// All that a run was asked for, without what it has found.
fn asked(run_file: &Value) -> Option<serde_json::Map<String, Value>> {
    let mut asked = run_file.as_object()?.clone();
    asked.remove("previous");
    Some(asked)
}
