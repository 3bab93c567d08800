//! A command on a host: the client that carries it, and how it ended.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::Child as Client;
use tokio::time::sleep;

use super::master::Master;
use super::{error, escape};
use crate::error::{At, Error, ErrorKind, Result};
use crate::remote::Input;
use crate::remote::broken::broken;
use crate::remote::marked::{MARKING, after_mark, has_mark};

/// The most that is read of what the first command prints.
const MOST_FIRST_BYTES: u64 = 1 << 20;

/// A client that runs a command on the host.
pub(super) fn client(master: &Master, command: &[&str], input: Input, host: &str) -> Result<Client> {
    let line = escape::line(&[&MARKING, command].concat());
    master
        .command(&line)
        .stdin(if input == Input::Pipe { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| broken(&error.to_string(), host))
}

/// The exit status of a command. ssh exits with 255 if it fails itself, and also if the command was ended by a signal
/// or exits with 255.
pub(super) async fn code(mut client: Client, master: Arc<Master>, host: String) -> Result<Option<i32>> {
    match client.wait().await {
        Ok(status) if status.code() == Some(255) => match master.check().await {
            Ok(()) => Ok(None),
            // Its log may hold an old complaint, so that its words do not decide the error's kind.
            Err(words) => {
                // All that went over it ends now: who tries again shall see that.
                sleep(Duration::from_millis(100)).await;
                Err(broken(&error::one_line(&words), &host))
            }
        },
        Ok(status) => Ok(status.code()),
        Err(error) => Err(broken(&error.to_string(), &host)),
    }
}

/// Runs a command that prints a mark and nothing else. What a login shell prints beside it is no harm; one that runs no
/// commands is named with what it says.
pub(super) async fn probe(master: &Arc<Master>, host: &str) -> Result<()> {
    let mut client = client(master, &["true"], Input::Nothing, host)?;
    let (Some(stdout), Some(stderr)) = (client.stdout.take(), client.stderr.take()) else {
        return Err(without_streams());
    };
    let (mut printed, mut said) = (Vec::new(), Vec::new());
    let (mut stdout, mut stderr) = (stdout.take(MOST_FIRST_BYTES), stderr.take(MOST_FIRST_BYTES));
    let read = tokio::try_join!(stdout.read_to_end(&mut printed), stderr.read_to_end(&mut said));
    read.map_err(|error| broken(&error.to_string(), host))?;
    let code = code(client, master.clone(), host.to_owned()).await?;
    if code == Some(0) && has_mark(&printed) {
        return Ok(());
    }
    let words = [&printed[..], b"\n", after_mark(&said)].concat();
    Err(runs_nothing(&error::one_line(&String::from_utf8_lossy(&words)), host))
}

pub(super) fn runs_nothing(words: &str, host: &str) -> Error {
    let words = if words.is_empty() { String::new() } else { format!(": {words}") };
    Error::new(ErrorKind::Denied, format!("the host runs no commands for this user{words}"))
        .at(At::Host, host)
        .todo("log in as a user with a shell (core, root), for whom sshd forces no command")
}

pub(super) fn without_streams() -> Error {
    Error::new(ErrorKind::Internal, "a command without streams")
}
