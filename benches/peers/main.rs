//! `peers`: the library side by side with s3cmd, rclone, s5cmd and wrk, in one run against one radosgw of its own.
//!
//! It starts the gateway, plants the data, and has each program do the same job in turn. It checks the results, and
//! writes a table for people and a file for machines.

mod backups;
mod bucket;
mod files;
mod gateway;
mod goals;
mod machine;
mod measure;
mod report;
mod rounds;
mod tool;
mod volumes;
mod workload;
mod wrk;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use deis_store_tests::error::{Context as _, Result};
use deis_store_tests::interrupt;

use crate::gateway::Gateway;
use crate::report::Report;
use crate::rounds::{Part, Rounds, measure};
use crate::tool::Place;
use crate::workload::Workload;

/// Download, upload, small GETs and listing: ours, s3cmd, rclone, s5cmd and wrk on one real radosgw.
#[derive(Debug, Parser)]
#[command(name = "peers")]
struct Arguments {
    /// Run each program once, with little data, to see that it works; the figures mean nothing
    #[arg(long)]
    quick: bool,
    /// The number of runs of each program; the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=50))]
    runs: u8,
    /// Measure only this job, and write no file
    #[arg(long)]
    only: Option<Part>,
    /// The directory of the files that are sent and received; all programs use the same
    #[arg(long, default_value = "/dev/shm")]
    work: PathBuf,
    /// The date in the results [default: today, in UTC]
    #[arg(long)]
    date: Option<jiff::civil::Date>,
    /// Write the results to this file, as JSON [default: none with --quick or --only, else benches/results/peers.json]
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    // After a signal, servers and files are removed too, once the measured program has ended.
    interrupt::remember_signals()?;
    let workload = if arguments.quick { Workload::quick() } else { Workload::full() };
    let date = arguments
        .date
        .unwrap_or_else(|| jiff::Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::UTC).date());
    let rounds =
        Rounds { runs: if arguments.quick { 1 } else { arguments.runs }, workload, only: arguments.only };
    let work = tempfile::Builder::new()
        .prefix("deis-store-peers-")
        .tempdir_in(&arguments.work)
        .context(arguments.work.display())?;
    let place = Place::find(work.path())?;
    let machine = machine::machine(&place)?;
    let gateway = Gateway::start()?;
    let results = measure(&rounds, &place, &gateway)?;
    let report = Report::new(date.to_string(), machine, &rounds, arguments.quick, results);
    print!("{}", report.markdown());
    let all = !arguments.quick && arguments.only.is_none();
    let usual = || all.then(|| PathBuf::from("benches/results/peers.json"));
    if let Some(file) = arguments.json.clone().or_else(usual) {
        std::fs::write(&file, report.json()).context(file.display())?;
        eprintln!("Written to {}", file.display());
    }
    Ok(())
}
