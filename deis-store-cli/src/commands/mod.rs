//! The commands: each builds the options of one verb, calls it, and hands its report to the output.

mod backup;
mod config;
mod rehearse;
mod restore;
pub(crate) mod s3;
mod verify;

use std::collections::BTreeSet;

use deis_store::Result;
use deis_store::part::Part;
use deis_store::run::Run;

use crate::args::{Args, Command, Parts};
use crate::exit::Exit;
use crate::output::Output;

pub(crate) async fn run(args: &Args, output: &Output, run: &Run) -> Exit {
    let result = match &args.command {
        Command::Backup { repository, parts } => {
            backup::run(&args.global, repository, parts, output, run).await
        }
        Command::Restore { snapshot, parts, dry_run, despite_damage } => {
            let how = restore::How { dry_run: *dry_run, despite_damage: *despite_damage };
            restore::run(&args.global, snapshot, parts, how, output, run).await
        }
        Command::Verify { snapshot, quick, sample } => {
            verify::run(snapshot, *quick, *sample, output, run).await
        }
        Command::Rehearse { seed, damage } => rehearse::run(*seed, damage.clone(), output, run).await,
        Command::Config { target, action } => {
            run.stop.cancels(config::run(&args.global, target, action, output)).await
        }
        Command::S3 { action } => run.stop.cancels(s3::run(&args.global, action, output, run)).await,
    };
    result.unwrap_or_else(|error| output.error(&error))
}

impl Parts {
    /// The parts that were named, if any were.
    fn named(&self) -> Option<BTreeSet<Part>> {
        (!self.only.is_empty()).then(|| self.only.iter().copied().collect())
    }

    /// The parts that were named, or all of `all` but those that were excluded.
    fn of(&self, all: impl IntoIterator<Item = Part>) -> BTreeSet<Part> {
        self.named().unwrap_or_else(|| all.into_iter().filter(|part| !self.without.contains(part)).collect())
    }
}

/// A result that is only printed.
type Done = Result<Exit>;
