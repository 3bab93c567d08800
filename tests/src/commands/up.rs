//! `dev-cluster up`: a cluster in the background.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use deis_store_tests::cluster::Options;
use deis_store_tests::environment::{self, Environment};
use deis_store_tests::error::{Context, Error, Result};
use deis_store_tests::{interrupt, process};

use super::owner;

/// Starts a cluster, waits until it is ready, and prints its environment as lines for a shell.
pub(crate) fn up(directory: Option<&Path>, options: &Options) -> Result<ExitCode> {
    let directory = owner::directory(directory, &options.name)?;
    interrupt::remember_signals()?;
    owner::sweep();
    make_empty(&directory)?;
    let begun = Instant::now();
    let mut keeper = start_keeper(&directory, options)?;
    let ready = directory.join(environment::FILE);
    while !ready.exists() {
        if let Some(status) = keeper.try_wait().context("Keeper")? {
            return Err(given_up(&directory, &format!("The cluster did not start ({status})")));
        }
        if interrupt::received().is_some() {
            process::send_signal("TERM", keeper.id());
            keeper.wait().context("Keeper")?;
            return Err(given_up(&directory, "Interrupted"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    eprintln!("Cluster {} is ready after {:.1} s", options.name, begun.elapsed().as_secs_f64());
    print_usage(&Environment::load(&ready)?, &directory);
    Ok(ExitCode::SUCCESS)
}

fn make_empty(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).context(directory.display())?;
    let empty = fs::read_dir(directory).context(directory.display())?.next().is_none();
    match owner::alive(directory) {
        Some(id) => Err(Error::new(format!("{} is in use by process {id}", directory.display()))),
        None if !empty => Err(Error::new(format!("{} is not empty", directory.display()))),
        None => Ok(()),
    }
}

/// Starts the keeper in a session of its own, so that the end of this session, or of the terminal, does not end it.
fn start_keeper(directory: &Path, options: &Options) -> Result<Child> {
    let log = File::create(directory.join("keeper.log")).context("keeper.log")?;
    let program = std::env::current_exe().context("Find dev-cluster")?;
    let mut command = Command::new("setsid");
    command.arg(program).arg("keep").arg("--dir").arg(directory).args(["--name", &options.name]);
    command.args(["--gateways", &options.gateways.to_string()]).args((!options.filled).then_some("--empty"));
    command.stdin(Stdio::null()).stdout(log.try_clone().context("keeper.log")?).stderr(log);
    command.current_dir("/").spawn().context("Start the keeper")
}

fn given_up(directory: &Path, why: &str) -> Error {
    let log = fs::read_to_string(directory.join("keeper.log")).unwrap_or_default();
    let _ = fs::remove_dir_all(directory);
    Error::new(format!("{why}\n{}", log.trim_end()))
}

fn print_usage(environment: &Environment, directory: &Path) {
    let lines = [
        ("DEIS_STORE_ETCD", environment.etcd.clone()),
        ("DEIS_STORE_SSH_CONFIG", environment.ssh_config.display().to_string()),
        ("DEISCTL_TUNNEL", environment.tunnel.clone()),
        ("AWS_ACCESS_KEY_ID", environment.access_key.clone()),
        ("AWS_SECRET_ACCESS_KEY", environment.secret_key.clone()),
    ];
    for (variable, value) in lines {
        println!("export {variable}='{value}'");
    }
    println!("# Its gateways: {}", environment.gateways.join(" "));
    println!("# Everything else: {}", directory.join(environment::FILE).display());
    println!("# Stop it: dev-cluster down --dir '{}'", directory.display());
}
