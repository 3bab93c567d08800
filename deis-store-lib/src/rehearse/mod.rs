//! The verb `rehearse`: the whole way of a backup and a restore on this machine alone, and proof that what came back is
//! what was there.
//!
//! A made cluster goes into one embedded gateway, is backed up, verified, restored into a second one and compared. The
//! verbs are the real ones, over real HTTP; only the hosts are made: they answer the commands that the verbs run.

mod compare;
mod damaged;
mod database;
mod entries;
mod fill;
mod host;
mod internal;
mod of_snapshot;
mod programs;
mod tables;
// Public for tests of other crates alone.
#[cfg_attr(not(feature = "test-util"), allow(unreachable_pub))]
mod made;
mod options;
mod report;
mod site;
mod way;

use std::time::{Duration, Instant};

use crate::error::{Result, disk_error};
use crate::report::{Findings, Verdict};
use crate::run::{Run, TaskKind, milliseconds};
use options::check;
use site::Site;
use way::go;

pub use database::DatabaseProof;
#[cfg(feature = "test-util")]
#[doc(hidden)]
pub use made::{Sample, SampleBucket, SampleObject};
pub use of_snapshot::{Proof, SnapshotRehearsal, SnapshotRehearsed, rehearse_snapshot};
pub use options::RehearseOptions;
pub use report::{RehearseReport, Step};
pub use tables::{TableDiffers, TablesCompared};

/// How often the disk is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

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
    let way = run.stop.cancels(Box::pin(go(&old, &new, options, run, &mut report)));
    // A gateway says only that it has failed, and is asked again; here it is known why.
    let (result, failure) = tokio::select! {
        result = way => (result, disk_failure(&old, &new)),
        failure = wait_for_disk_failure(&old, &new) => (Ok(()), Some(failure)),
    };
    old.gateway.stop().await;
    new.gateway.stop().await;
    if let Some(error) = failure {
        let what = "write to the disk that the rehearsal is made on";
        return Err(disk_error(what, options.scratch.display(), error));
    }
    result?;
    report.verdict = report.verdict.max(report.findings.verdict());
    report.milliseconds = milliseconds(start.elapsed());
    verb.done(report.verdict.task_result());
    Ok(report)
}

/// The failure of the disk below one of the gateways.
fn disk_failure(old: &Site, new: &Site) -> Option<std::io::Error> {
    old.store.take_disk_failure().or_else(|| new.store.take_disk_failure())
}

async fn wait_for_disk_failure(old: &Site, new: &Site) -> std::io::Error {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Some(error) = disk_failure(old, new) {
            return error;
        }
    }
}
