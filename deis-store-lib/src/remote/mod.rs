//! Run a command on a host of the cluster, or reach a port as it is seen from there.
//!
//! [`Local`] is this machine, [`Ssh`] another one through the system's ssh. A command is a program and its arguments,
//! never a line for a shell, and no secret is ever among them: every user of a host sees all arguments.

mod child;
#[cfg(test)]
pub(crate) mod double;
mod local;
mod login;
#[cfg(feature = "ssh")]
mod ssh;
#[cfg(feature = "ssh")]
mod ssh_error;
mod tunnel;

use std::fmt;

use tokio::io::AsyncReadExt;

pub use child::{Child, Exit, Process, Stdin, Stdout};
pub use local::Local;
pub use login::{Login, privileged};
#[cfg(feature = "ssh")]
pub use ssh::{Ssh, SshOptions};
pub use tunnel::Tunnel;

use crate::error::{At, Error, ErrorKind, Result};
use crate::http::{BoxFuture, Dial};

/// The most output that [`run`] takes.
const MOST_OUTPUT_BYTES: u64 = 4 << 20;

/// A host on which commands can be run.
pub trait Remote: fmt::Debug + Send + Sync + 'static {
    /// The host as people know it, for messages.
    fn host(&self) -> &str;

    /// Starts a program with its arguments.
    fn spawn<'a>(&'a self, command: &'a [&'a str], input: Input) -> BoxFuture<'a, Result<Child>>;

    /// What to dial to reach a port as it is seen from the host. It is good for as long as this value lives.
    fn forward<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Dial>>;

    /// What is known of the user we are there.
    fn login(&self) -> &Login;
}

/// What a command reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Nothing: it finds the end at once.
    Nothing,
    /// What is written to [`Child::stdin`].
    Pipe,
}

/// What a command that has ended has written to its standard output, and how it ended.
#[derive(Debug)]
pub struct Output {
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// How it ended.
    pub exit: Exit,
}

/// Runs a command with a short output to its end.
pub async fn run(remote: &dyn Remote, command: &[&str]) -> Result<Output> {
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
