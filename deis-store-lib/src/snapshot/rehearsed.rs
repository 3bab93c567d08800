//! The result of the last rehearsal of a snapshot, `rehearsed.json`: outside of every digest, and replaced as a whole. It proves
//! nothing; a restore quotes it.

use std::io::Read as _;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[cfg(feature = "gateway")]
use super::json::json;
#[cfg(feature = "gateway")]
use super::manifest::PROGRAM;
use super::name::REHEARSED;
use super::reader::SnapshotReader;
use super::time::milliseconds;
#[cfg(feature = "gateway")]
use super::time::timestamp;
#[cfg(feature = "gateway")]
use crate::error::Result;
use crate::report::Verdict;
#[cfg(feature = "gateway")]
use crate::run::Run;

const LONGEST_BYTES: u64 = 64 << 10;

/// The last rehearsal of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Rehearsed {
    /// When it ended.
    #[serde(with = "milliseconds")]
    pub time: Timestamp,
    /// Name and version of the program that rehearsed.
    pub program: String,
    /// The verdict.
    pub verdict: Verdict,
    /// How long it took to restore the parts, and the databases if they were brought back.
    pub restore_milliseconds: u64,
    /// What was proved: parts, `database of …`, `tables`.
    pub proved: Vec<String>,
}

impl SnapshotReader {
    /// Its last rehearsal, if there was one and what it left can be read.
    #[must_use]
    pub fn rehearsed(&self) -> Option<Rehearsed> {
        let mut text = Vec::new();
        let file = self.root().open_file(&[REHEARSED]).ok()?;
        file.take(LONGEST_BYTES).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Keeps the result of a rehearsal.
    #[cfg(feature = "gateway")]
    pub(crate) fn keep_rehearsal(
        &self,
        (verdict, restore_milliseconds): (Verdict, u64),
        proved: Vec<String>,
        run: &Run,
    ) -> Result<()> {
        let (time, program) = (timestamp(run.clock.now())?, PROGRAM.to_owned());
        let kept = Rehearsed { time, program, verdict, restore_milliseconds, proved };
        self.root().check_name_for_file(REHEARSED, true)?;
        self.root().new_file(&[REHEARSED])?.commit_with(&json(&kept)?).map(drop)
    }
}

#[cfg(all(test, feature = "gateway"))]
mod tests {
    use super::*;
    use crate::snapshot::sample;

    #[test]
    fn the_last_rehearsal_is_kept_and_what_cannot_be_read_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let (snapshot, run) = (sample::build(directory.path()), Run::silent());
        assert_eq!(snapshot.rehearsed(), None);
        for (verdict, took) in [(Verdict::Damaged, 7), (Verdict::Good, 9)] {
            snapshot.keep_rehearsal((verdict, took), vec!["db_wal".to_owned()], &run).unwrap();
            let kept = snapshot.rehearsed().unwrap();
            assert_eq!(
                (kept.verdict, kept.restore_milliseconds, kept.proved),
                (verdict, took, vec!["db_wal".to_owned()])
            );
        }
        std::fs::write(snapshot.path().join(REHEARSED), "{").unwrap();
        assert_eq!(snapshot.rehearsed(), None);
    }
}
