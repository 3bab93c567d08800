//! Runs a command on a host of the cluster, or reaches a port from that host.
//!
//! [`Local`] is this machine, [`Ssh`] another one through the system's ssh. A command is a program and its arguments,
//! never a line for a shell. No argument is ever a secret, since every user of a host sees all arguments.

mod child;
#[cfg(test)]
pub(crate) mod double;
mod environment;
mod host;
mod idle;
mod local;
mod login;
mod marked;
#[cfg(feature = "ssh")]
mod ssh;
mod tunnel;

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::timeout;

pub use local::Local;
#[cfg(feature = "ssh")]
pub use ssh::{Ssh, SshOptions};
pub use tunnel::Tunnel;

pub(crate) use child::{Child, Exit, Process, Stdin, Stdout};
pub(crate) use host::{Host, Input};
pub(crate) use login::{Login, privileged};

use crate::error::{At, Error, ErrorKind, Result};

/// The size of the largest output that [`run`] accepts.
const MOST_OUTPUT_BYTES: u64 = 4 << 20;

/// A host on which commands can be run: [`Local`] or [`Ssh`]. What the library does on it is its own.
pub trait Remote: Host {}

impl<T: Host> Remote for T {}

/// The result of a command that has ended.
#[derive(Debug)]
pub(crate) struct Output {
    /// The standard output.
    pub(crate) stdout: Vec<u8>,
    /// The exit.
    pub(crate) exit: Exit,
}

/// How long a short command may take.
const SHORT: Duration = Duration::from_mins(1);
/// How long a command may take that goes through all files of a volume.
const LONG: Duration = Duration::from_hours(2);

/// Runs a command to its end. Its output must be short: 4 MiB at most. It must end within a minute.
pub(crate) async fn run(remote: &dyn Remote, command: &[&str]) -> Result<Output> {
    within(SHORT, remote, command).await
}

/// The same for a command that must end within this time.
pub(crate) async fn run_for(limit: Duration, remote: &dyn Remote, command: &[&str]) -> Result<Output> {
    within(limit, remote, command).await
}

/// The same for a command that goes through all files of a volume: it must end within two hours.
pub(crate) async fn run_long(remote: &dyn Remote, command: &[&str]) -> Result<Output> {
    within(LONG, remote, command).await
}

async fn within(limit: Duration, remote: &dyn Remote, command: &[&str]) -> Result<Output> {
    let teller = remote.login().teller();
    let text = |silent: Duration| {
        format!("`{}` on {} has not ended for {} s", child::line(command), remote.host(), silent.as_secs())
    };
    let ended = timeout(limit, to_end(remote, command, limit));
    match child::watched(teller.as_deref(), text, ended).await {
        Ok(output) => output,
        Err(_) => Err(child::overdue(&child::line(command), limit)),
    }
    .map_err(|error| error.at(At::Host, remote.host()))
}

async fn to_end(remote: &dyn Remote, command: &[&str], limit: Duration) -> Result<Output> {
    let Child { stdout: reader, stdin, process } = remote.spawn(command, Input::Nothing).await?;
    drop(stdin);
    let mut reader = reader.take(MOST_OUTPUT_BYTES + 1);
    let mut stdout = Vec::new();
    let name = || *command.first().unwrap_or(&"");
    reader.read_to_end(&mut stdout).await.map_err(|error| {
        Error::new(ErrorKind::Unreachable, format!("the output of {} broke off", name())).because(error)
    })?;
    if stdout.len() as u64 > MOST_OUTPUT_BYTES {
        return Err(Error::new(ErrorKind::Protocol, format!("{} writes more than 4 MiB", name())));
    }
    Ok(Output { stdout, exit: process.finish_within(limit).await? })
}
