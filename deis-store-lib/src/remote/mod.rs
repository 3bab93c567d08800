//! Runs a command on a host of the cluster, or reaches a port from that host.
//!
//! [`Local`] is this machine, [`Ssh`] another one through the system's ssh. A command is a program and its arguments,
//! never a line for a shell. No argument is ever a secret, since every user of a host sees all arguments.

mod child;
#[cfg(test)]
pub(crate) mod double;
mod host;
mod local;
mod login;
#[cfg(feature = "ssh")]
mod ssh;
#[cfg(feature = "ssh")]
mod ssh_error;
mod tunnel;

use tokio::io::AsyncReadExt;

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

/// Runs a command to its end. Its output must be short: 4 MiB at most.
pub(crate) async fn run(remote: &dyn Remote, command: &[&str]) -> Result<Output> {
    let Child { stdout: reader, stdin, process } = remote.spawn(command, Input::Nothing).await?;
    drop(stdin);
    let mut reader = reader.take(MOST_OUTPUT_BYTES + 1);
    let mut stdout = Vec::new();
    let broken = |error| {
        let what = format!("the output of {} broke off", command.first().unwrap_or(&""));
        Error::new(ErrorKind::Unreachable, what).at(At::Host, remote.host()).because(error)
    };
    reader.read_to_end(&mut stdout).await.map_err(broken)?;
    if stdout.len() as u64 > MOST_OUTPUT_BYTES {
        let what = format!("{} writes more than 4 MiB", command.first().unwrap_or(&""));
        return Err(Error::new(ErrorKind::Protocol, what).at(At::Host, remote.host()));
    }
    Ok(Output { stdout, exit: process.finish().await? })
}
