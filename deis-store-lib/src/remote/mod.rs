//! Runs a command on a host of the cluster, or reaches a port from that host.
//!
//! [`Local`] is this machine, [`Ssh`] another one through the system's ssh. A command is a program and its arguments,
//! never a line for a shell. No argument is ever a secret, since every user of a host sees all arguments.

mod addresses;
mod broken;
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

pub(crate) use broken::{AGAIN, connection_broke};
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

/// Asks a host something, by a short command that changes nothing, or may be run twice: if the connection breaks under it,
/// it is run again. Its output must be short: 4 MiB at most. It must end within a minute.
pub(crate) async fn ask(remote: &dyn Remote, command: &[&str]) -> Result<Output> {
    ask_within(SHORT, remote, command).await
}

/// The same for a command that goes through all files of a volume: it must end within two hours.
pub(crate) async fn ask_long(remote: &dyn Remote, command: &[&str]) -> Result<Output> {
    ask_within(LONG, remote, command).await
}

async fn ask_within(limit: Duration, remote: &dyn Remote, command: &[&str]) -> Result<Output> {
    let mut times = 1;
    loop {
        match run_within(limit, remote, command).await {
            Err(error) if times < AGAIN && connection_broke(&error) => times += 1,
            ended => return ended,
        }
    }
}

/// Runs a short command once, to its end. Its output must be short: 4 MiB at most. It must end within a minute.
#[cfg(test)]
pub(crate) async fn run(remote: &dyn Remote, command: &[&str]) -> Result<Output> {
    run_within(SHORT, remote, command).await
}

/// Runs a command once, to its end, which may go through all files of a volume: it must end within two hours. Its output must be
/// short: 4 MiB at most.
pub(crate) async fn run_long(remote: &dyn Remote, command: &[&str]) -> Result<Output> {
    run_within(LONG, remote, command).await
}

/// The same within another limit, which counts from the command's start: to make a connection anew has a limit of its own.
pub(crate) async fn run_within(limit: Duration, remote: &dyn Remote, command: &[&str]) -> Result<Output> {
    let teller = remote.login().teller();
    let text = |silent: Duration| {
        format!("`{}` on {} has not ended for {} s", child::line(command), remote.host(), silent.as_secs())
    };
    let child =
        remote.spawn(command, Input::Nothing).await.map_err(|error| error.at(At::Host, remote.host()))?;
    let ended = timeout(limit, to_end(child, command, limit));
    match child::watched(teller.as_deref(), text, ended).await {
        Ok(output) => output,
        Err(_) => Err(child::overdue(&child::line(command), limit)),
    }
    .map_err(|error| error.at(At::Host, remote.host()))
}

async fn to_end(child: Child, command: &[&str], limit: Duration) -> Result<Output> {
    let Child { stdout: reader, stdin, process } = child;
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

#[cfg(test)]
mod tests {
    use super::*;
    use double::Double;

    #[tokio::test(start_paused = true)]
    async fn a_command_that_hangs_ends_by_its_limit_and_names_itself_and_its_host() {
        for (limit, hangs) in [(SHORT, Double::new().stalls("a line\n")), (LONG, Double::new().stalls(""))] {
            let error = run_within(limit, &hangs, &["docker", "inspect", "deis-database"]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Timeout);
            let text = format!(
                "`docker inspect deis-database` has not ended within {} s (host double)",
                limit.as_secs()
            );
            assert_eq!(error.to_string(), text);
            assert!(error.advice().is_some());
        }
    }

    #[tokio::test]
    async fn what_may_be_run_twice_is_run_again_when_the_connection_breaks_and_nothing_else_is() {
        let double = Double::new().breaks().breaks().answer(0, "true\n", "");
        assert_eq!(ask(&double, &["docker", "inspect"]).await.unwrap().stdout, b"true\n");
        let double = Double::new().breaks();
        let error = run(&double, &["wal-e", "backup-push"]).await.unwrap_err();
        assert!(connection_broke(&error));
        let double = Double::new().breaks().breaks().breaks();
        let error = ask(&double, &["docker", "inspect"]).await.unwrap_err();
        assert!(error.to_string().contains("broke") && error.advice().is_some(), "{error}");
    }
}
