//! `dev-cluster keep`: one cluster in the foreground, until a signal comes.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use deis_store_tests::cluster::{Cluster, Options};
use deis_store_tests::error::{Context, Result};
use deis_store_tests::interrupt;

use super::owner;

/// Keeps a cluster, and removes its directory at the end. If the start fails, the directory stays for its logs.
pub(crate) fn keep(directory: Option<&Path>, options: &Options) -> Result<ExitCode> {
    let directory = owner::directory(directory, &options.name)?;
    interrupt::remember_signals()?;
    fs::create_dir_all(&directory).context(directory.display())?;
    owner::claim(&directory)?;
    let cluster = Cluster::start(&directory, options)?;
    while interrupt::received().is_none() {
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(cluster);
    fs::remove_dir_all(&directory).context(directory.display())?;
    Ok(ExitCode::SUCCESS)
}
