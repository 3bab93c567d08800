//! `ours`: the program that represents the library in the comparison with other programs.
//!
//! It calls the library as `deis-store s3` does, with the same runtime, and does nothing else.

mod backup;
mod connect;
mod fetch;
mod list;
mod small;
mod sync;
mod upload;
mod volume;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use deis_store::Result;
use deis_store::s3::BucketName;

/// One job of the library, for a measurement from outside.
#[derive(Debug, Parser)]
#[command(name = "ours")]
struct Arguments {
    /// The gateway; its keys are in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    #[arg(long, global = true, default_value = "http://127.0.0.1:8888")]
    gateway: String,
    /// The most requests in flight [default: the library's]
    #[arg(long, global = true)]
    in_flight: Option<usize>,
    #[command(subcommand)]
    job: Job,
}

#[derive(Debug, Subcommand)]
enum Job {
    /// Upload the files of a directory into a bucket
    Upload { directory: PathBuf, bucket: String },
    /// Print the keys of a bucket, with sizes and times
    List { bucket: String },
    /// Make a directory equal to a bucket; print the numbers of copied and of unchanged objects
    Sync { bucket: String, directory: PathBuf },
    /// Back up a bucket into a repository; print the numbers of stored and of unchanged objects
    Backup { bucket: String, repository: PathBuf },
    /// Save a directory of this machine as a .tar.gz
    VolumeSave { directory: PathBuf, file: PathBuf },
    /// Load a .tar.gz into an empty directory of this machine
    VolumeLoad { file: PathBuf, directory: PathBuf },
    /// Fetch all objects of a bucket and throw them away, unchecked
    Fetch { bucket: String },
    /// Fetch objects over and over and throw them away; print the number per second
    Small {
        bucket: String,
        /// Fetch only keys with this prefix
        #[arg(long, default_value = "")]
        prefix: String,
        /// The time for which to fetch, in seconds
        #[arg(long, default_value_t = 5)]
        seconds: u64,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut builder = match &arguments.job {
        Job::Backup { .. } | Job::VolumeSave { .. } | Job::VolumeLoad { .. } => {
            tokio::runtime::Builder::new_multi_thread()
        }
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

async fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.job {
        Job::VolumeSave { directory, file } => return volume::save(directory, file).await,
        Job::VolumeLoad { file, directory } => return volume::load(file, directory).await,
        _ => {}
    }
    let client = connect::connect(&arguments.gateway, arguments.in_flight)?;
    match &arguments.job {
        Job::Upload { directory, bucket } => {
            upload::upload(&client, directory, &BucketName::new(bucket)?).await
        }
        Job::List { bucket } => list::list(&client, &BucketName::new(bucket)?).await,
        Job::Sync { bucket, directory } => sync::sync(&client, &BucketName::new(bucket)?, directory).await,
        Job::Backup { bucket, repository } => backup::backup(&client, bucket, repository).await,
        Job::VolumeSave { .. } | Job::VolumeLoad { .. } => Ok(()),
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
