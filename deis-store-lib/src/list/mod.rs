//! The verb `list`: the snapshots of a repository, with what each is good for, and whether the newest good ones are new enough.
//!
//! It reads manifests and what stands beside them, never the files of a snapshot, and changes nothing.

mod age;
mod report;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::blocking::blocking;
use crate::error::{Error, ErrorKind, Result};
use crate::part::PartName;
use crate::report::Findings;
use crate::run::{Run, TaskKind};
use crate::snapshot::{Repository, timestamp};

pub use report::{ListReport, ListedPart, ListedSnapshot};

/// The demands on the snapshots of a repository.
#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    /// The newest good snapshot of each part must be no older than this.
    pub max_age: Option<Duration>,
    /// The parts of which that is asked; of all that any snapshot has if none is named.
    pub only: BTreeSet<PartName>,
}

/// Lists the snapshots of a repository, oldest first. A part whose newest good snapshot is older than was asked for is a
/// finding, and the verdict is then damaged.
pub async fn list(repository: &Repository, options: &ListOptions, run: &Run) -> Result<ListReport> {
    if options.max_age.is_none() && !options.only.is_empty() {
        let error = Error::new(ErrorKind::Usage, "parts are named, and nothing is asked of them");
        return Err(error.todo("say how old the newest good snapshot of each may be"));
    }
    let running = run.begin(None, TaskKind::Verb, "list");
    let (now, looked_at) = (timestamp(run.clock.now())?, repository.clone());
    let snapshots = blocking(move || looked_at.survey()).await?;
    let findings = match options.max_age {
        Some(max_age) => age::judge(&snapshots, max_age, &options.only, now)?,
        None => Findings::default(),
    };
    let report = ListReport::new(repository, snapshots, findings);
    running.done(report.verdict.task_result());
    Ok(report)
}
