//! The verb `rehearse`: the whole way of a backup and a restore on this machine alone, and proof that what came back is
//! what was there.
//!
//! A made cluster goes into one embedded gateway, is backed up, verified, restored into a second one and compared. The
//! verbs are the real ones, over real HTTP; only the hosts are made: they answer the commands that the verbs run.

mod compare;
mod damaged;
mod database;
mod databases;
mod entries;
mod fill;
mod host;
mod internal;
mod of_snapshot;
mod pieces;
mod place;
mod programs;
mod rehearsal;
mod tables;
// Public for tests of other crates alone.
#[cfg_attr(not(feature = "test-util"), allow(unreachable_pub))]
mod made;
mod options;
mod report;
mod site;
mod way;

use std::time::Instant;

use crate::error::Result;
use crate::report::{Findings, Verdict};
use crate::run::{Run, TaskKind, milliseconds};
use options::check;
use site::{Site, gone};
use way::go;

pub use database::DatabaseProof;
#[cfg(feature = "test-util")]
#[doc(hidden)]
pub use made::{Sample, SampleBucket, SampleObject};
pub use of_snapshot::rehearse_snapshot;
pub use options::{RehearseOptions, SnapshotRehearsal};
pub use report::{Proof, RehearseReport, SnapshotRehearsed, Step};
pub use tables::{TableDiffers, TablesCompared};

/// Rehearses. It ends at the first step that is not good, and the report says why.
pub async fn rehearse(options: &RehearseOptions, run: &Run) -> Result<RehearseReport> {
    let verb = run.begin(None, TaskKind::Verb, "rehearse");
    let start = Instant::now();
    let mut report = RehearseReport {
        verdict: Verdict::Good,
        steps: Vec::new(),
        findings: Findings::default(),
        milliseconds: 0,
    };
    check(options)?;
    let old = Site::old(options, run).await?;
    let new = Site::new(&options.scratch, run).await?;
    let way = Box::pin(go(&old, &new, options, run, &mut report));
    let gone = gone(way, (&old, &new), &options.scratch, run).await;
    old.gateway.stop().await;
    new.gateway.stop().await;
    gone?;
    report.verdict = report.verdict.max(report.findings.verdict());
    report.milliseconds = milliseconds(start.elapsed());
    verb.done(report.verdict.task_result());
    Ok(report)
}
