//! The commands: each builds the options of one verb, calls it, and hands its report to the output.

mod adopt;
mod backup;
mod config;
mod diff;
mod doctor;
mod gateways;
mod local;
mod rehearse;
mod restore;
pub(crate) mod s3;
mod serve;
mod snapshots;
mod verify;
mod volume;

use deis_store::Result;
use deis_store::run::Run;

use crate::args::{Args, Command};
use crate::exit::Exit;
use crate::output::Output;

pub(crate) async fn run(args: &Args, output: &Output, run: &Run) -> Exit {
    let result = match &args.command {
        Command::Backup { repository, more, buckets, parts, scale_gateways, guards } => {
            match backup::options(buckets, parts, guards) {
                Ok(options) => {
                    let what = backup::What { options: &options, parts, gateways: *scale_gateways };
                    backup::run(&args.global, (repository.as_path(), more.as_slice()), what, output, run)
                        .await
                }
                Err(error) => Err(error),
            }
        }
        Command::Adopt { what } => adopt::run(&args.global, what, output, run).await,
        Command::Restore { snapshot, more, what } => {
            restore::run(&args.global, (snapshot.as_path(), more.as_slice()), what, output, run).await
        }
        Command::Verify { snapshot, more, contents, read } => {
            let what = verify::What { place: snapshot, more, contents: *contents, read };
            verify::run(&args.global, what, output, run).await
        }
        Command::List { repository, more, what } => {
            let listing = snapshots::list_all((repository.as_path(), more.as_slice()), what, output, run);
            run.stop.cancels(listing).await
        }
        Command::Hold { snapshot, more, why } => {
            snapshots::hold((snapshot.as_path(), more.as_slice()), why.as_deref(), output, run)
        }
        Command::Release { snapshot, more } => {
            snapshots::release((snapshot.as_path(), more.as_slice()), output)
        }
        Command::Prune { repository, more, what } => {
            snapshots::prune_all((repository.as_path(), more.as_slice()), what, output, run).await
        }
        Command::Diff { before, after, more } => diff::run((before, after), more, output, run).await,
        Command::Rehearse { what } => rehearse::run(what, output, run).await,
        // It ends by itself when it is stopped.
        Command::Serve { what } => serve::run(&args.global, what, output, run).await,
        Command::Doctor { repository, more, write_s3cfg } => {
            let repository = repository.as_deref().map(|repository| (repository, more.as_slice()));
            doctor::run(&args.global, repository, write_s3cfg.as_deref(), output, run).await
        }
        Command::Config { target, action } => {
            run.stop.cancels(config::run(&args.global, target, action, output, run)).await
        }
        Command::Volume { action } => {
            run.stop.cancels(Box::pin(volume::run(&args.global, action, output, run))).await
        }
        // Such an upload ends itself, so that it leaves nothing.
        Command::S3 { action } if s3::reads_stdin(action) => {
            Box::pin(s3::run(&args.global, action, output, run)).await
        }
        Command::S3 { action } => {
            run.stop.cancels(Box::pin(s3::run(&args.global, action, output, run))).await
        }
    };
    result.unwrap_or_else(|error| output.error(&error))
}

/// A result that is only printed.
type Done = Result<Exit>;
