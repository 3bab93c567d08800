//! `dev-cluster run`: two clusters around a command.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io::IsTerminal;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use deis_store_tests::cluster::{Cluster, Options};
use deis_store_tests::environment::{FILE, VARIABLE_A, VARIABLE_B};
use deis_store_tests::error::{Context, Error, Result};
use deis_store_tests::{interrupt, process};

use super::{ended_by, owner};

/// The time that the command has to stop after a signal.
const GRACE: Duration = Duration::from_secs(10);

/// Starts the clusters side by side, runs the command, and stops the clusters in any case.
pub(crate) fn run(only_a: bool, command: &[OsString]) -> Result<ExitCode> {
    interrupt::remember_signals()?;
    owner::sweep();
    let directory =
        tempfile::Builder::new().prefix(owner::PREFIX).tempdir().context("Temporary directory")?;
    let directory = directory.path();
    fs::set_permissions(directory, Permissions::from_mode(0o711)).context(directory.display())?;
    owner::claim(directory)?;

    let begun = Instant::now();
    let mut kinds = vec![Options { name: "a".into(), filled: true, gateways: 2 }];
    if !only_a {
        kinds.push(Options { name: "b".into(), filled: false, gateways: 1 });
    }
    let clusters = start_all(directory, &kinds)?;
    eprintln!("Ready after {:.1} s", begun.elapsed().as_secs_f64());

    let status = around(directory, only_a, command)?;
    let begun = Instant::now();
    drop(clusters);
    eprintln!("Stopped in {:.1} s", begun.elapsed().as_secs_f64());
    Ok(exit_code(status))
}

fn start_all(directory: &Path, kinds: &[Options]) -> Result<Vec<Cluster>> {
    thread::scope(|threads| {
        let starts: Vec<_> = kinds
            .iter()
            .map(|kind| {
                threads.spawn(move || {
                    let own = directory.join(&kind.name);
                    fs::create_dir(&own).context(own.display())?;
                    Cluster::start(&own, kind)
                })
            })
            .collect();
        starts.into_iter().map(|start| start.join().map_err(|_| Error::new("A start panicked"))?).collect()
    })
}

fn around(directory: &Path, only_a: bool, command: &[OsString]) -> Result<ExitStatus> {
    // Started like the clusters' children, but with our own environment.
    let mut child = Command::new("setpriv");
    child.args(["--pdeathsig", "KILL", "--"]).args(command);
    child.env(VARIABLE_A, directory.join("a").join(FILE)).env_remove(VARIABLE_B);
    if !only_a {
        child.env(VARIABLE_B, directory.join("b").join(FILE));
    }
    // A group of its own can be ended with everything that the command has started. But only our group may read from
    // the terminal.
    let grouped = !std::io::stdin().is_terminal();
    if grouped {
        child.process_group(0);
    }
    let mut child = process::spawn(child).context("Run the command")?;
    loop {
        if let Some(status) = child.try_wait().context("Wait for the command")? {
            return Ok(status);
        }
        if interrupt::received().is_some() {
            return end(&mut child, grouped);
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn end(child: &mut Child, grouped: bool) -> Result<ExitStatus> {
    let whom = if grouped { format!("-{}", child.id()) } else { child.id().to_string() };
    process::signal("TERM", &whom);
    let asked = Instant::now();
    while asked.elapsed() < GRACE {
        if let Some(status) = child.try_wait().context("Wait for the command")? {
            return Ok(status);
        }
        thread::sleep(Duration::from_millis(10));
    }
    process::signal("KILL", &whom);
    child.wait().context("Wait for the command")
}

/// The exit code of the command. If a signal ended the command or this program, the code is the one of a shell.
fn exit_code(status: ExitStatus) -> ExitCode {
    let signal = interrupt::received().or_else(|| usize::try_from(status.signal()?).ok());
    match (signal, status.code()) {
        (Some(signal), _) => ended_by(signal),
        (None, code) => ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)),
    }
}
