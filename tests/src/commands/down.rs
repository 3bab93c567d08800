//! `dev-cluster down`: stops a cluster that `up` started.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use deis_store_tests::error::{Context, Error, Result};
use deis_store_tests::{mount_point, process};

use super::owner;

/// The time that the keeper has to stop. It gives each of its servers some seconds.
const GRACE: Duration = Duration::from_secs(40);

/// Stops one cluster, or all running ones, and returns when nothing of them is left.
pub(crate) fn down(directory: Option<&Path>, name: &str, all: bool) -> Result<ExitCode> {
    let directories = if all { owner::all_kept() } else { vec![owner::directory(directory, name)?] };
    for directory in directories {
        stop(&directory)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn stop(directory: &Path) -> Result<()> {
    if !owner::is_claimed(directory) {
        return Err(Error::new(format!("No cluster in {}", directory.display())));
    }
    if let Some(id) = owner::alive(directory) {
        process::send_signal("TERM", id);
        let asked = Instant::now();
        while owner::alive(directory) == Some(id) {
            if asked.elapsed() > GRACE {
                // The kernel ends the keeper's servers with it.
                process::send_signal("KILL", id);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        eprintln!("Stopped the cluster in {}", directory.display());
    } else {
        eprintln!("The cluster in {} was not running", directory.display());
        mount_point::tidy_up();
    }
    // A keeper that was not killed has removed the directory already.
    if directory.exists() {
        fs::remove_dir_all(directory).context(directory.display())?;
    }
    Ok(())
}
