//! `ours`: what is measured of the library against other people's programs, as a process of its own.
//!
//! It calls the library as `deis-store s3` does, with the same runtime, and does nothing else.

mod connect;
mod fetch;
mod list;
mod small;
mod sync;
mod upload;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use deis_store::Result;
use deis_store::s3::BucketName;

/// One job of the library, to be measured from outside.
#[derive(Debug, Parser)]
#[command(name = "ours")]
struct Arguments {
    /// The gateway; its keys are in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    #[arg(long, global = true, default_value = "http://127.0.0.1:8888")]
    gateway: String,
    /// Requests in flight at most [default: the library's]
    #[arg(long, global = true)]
    in_flight: Option<usize>,
    #[command(subcommand)]
    job: Job,
}

#[derive(Debug, Subcommand)]
enum Job {
    /// Files into a bucket
    Upload { directory: PathBuf, bucket: String },
    /// The keys of a bucket, with sizes and times, on standard output
    List { bucket: String },
    /// A directory made as a bucket is; prints how many objects were copied and how many were there
    Sync { bucket: String, directory: PathBuf },
    /// All objects of a bucket fetched and thrown away, unchecked
    Fetch { bucket: String },
    /// Objects fetched over and over, and thrown away; prints how many a second
    Small {
        bucket: String,
        /// Only keys that begin so
        #[arg(long, default_value = "")]
        prefix: String,
        /// For how long
        #[arg(long, default_value_t = 5)]
        seconds: u64,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

async fn run(arguments: &Arguments) -> Result<()> {
    let client = connect::connect(&arguments.gateway, arguments.in_flight)?;
    match &arguments.job {
        Job::Upload { directory, bucket } => {
            upload::upload(&client, directory, &BucketName::new(bucket)?).await
        }
        Job::List { bucket } => list::list(&client, &BucketName::new(bucket)?).await,
        Job::Sync { bucket, directory } => sync::sync(&client, &BucketName::new(bucket)?, directory).await,
        Job::Fetch { bucket } => fetch::fetch(&client, &BucketName::new(bucket)?).await,
        Job::Small { bucket, prefix, seconds } => {
            small::small(&client, &BucketName::new(bucket)?, prefix, *seconds).await
        }
    }
}

fn failed(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("ours: {error}");
    ExitCode::FAILURE
}
