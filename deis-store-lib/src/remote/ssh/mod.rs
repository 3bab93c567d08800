//! A host through the system's ssh: its configuration, agent, keys and jump hosts work as usual.
//!
//! One master connection carries all commands and forwards. Host keys are always checked. No ssh process outlives the
//! value: dropping it ends the master. The master also ends if this program is killed: then its companion, a `cat`
//! whose input this program holds, ends, and the master after it. A command that is dropped loses its streams and ends
//! when it next uses them; ssh cannot kill it.

mod error;
mod escape;
mod master;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::Child as Client;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::marked::{MARKING, Marked, after_mark, has_mark};
use super::{Child, Host, Input, Login, Process, Stdin, Tunnel};
use crate::error::{At, Error, ErrorKind, Result};
use crate::http::{BoxFuture, Dial};
use crate::run::Run;
use master::Master;

/// Options for the login.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SshOptions {
    /// A configuration to use instead of `~/.ssh/config`.
    pub config_file: Option<PathBuf>,
    /// The time limit for the connection. The default is 10 s, as in deisctl.
    pub connect_timeout: Duration,
    /// The directory in which a private directory for the sockets is made. The default is `/tmp`, since a socket's path
    /// must have less than 108 bytes.
    pub directory: PathBuf,
}

impl Default for SshOptions {
    fn default() -> Self {
        Self { config_file: None, connect_timeout: Duration::from_secs(10), directory: "/tmp".into() }
    }
}

/// How long the first command may take.
const FIRST: Duration = Duration::from_secs(30);
/// The most that is read of what the first command prints.
const MOST_FIRST_BYTES: u64 = 1 << 20;

/// A host behind ssh.
pub struct Ssh {
    host: String,
    login: Login,
    // Stands before the master, so that it is dropped first.
    companion: Client,
    master: Arc<Master>,
    forwards: Mutex<HashMap<(String, u16), PathBuf>>,
}

impl Ssh {
    /// Logs in, and sees that the host runs commands for our user. The run's monitor is told of long waits.
    pub async fn connect(tunnel: &Tunnel, options: &SshOptions, run: &Run) -> Result<Self> {
        let text = |silent: Duration| format!("no login at {tunnel} for {} s", silent.as_secs());
        let login = Login::default();
        login.tells(run);
        let teller = login.teller();
        super::child::watched(teller.as_deref(), text, Self::log_in(tunnel, options, login)).await
    }

    async fn log_in(tunnel: &Tunnel, options: &SshOptions, login: Login) -> Result<Self> {
        let host = tunnel.to_string();
        let at = |error: Error| error.at(At::Host, &host);
        let master = Arc::new(Master::connect(tunnel, options).await.map_err(at)?);
        let companion = master
            .command("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| broken(&error.to_string(), &host))?;
        let ssh = Self { host, login, companion, master, forwards: Mutex::default() };
        match timeout(FIRST, ssh.probe()).await {
            Ok(probed) => probed?,
            Err(_) => return Err(runs_nothing("no command has ended within 30 s", &ssh.host)),
        }
        Ok(ssh)
    }

    /// Logs out. Unlike dropping, it does not block a thread. Commands that still run keep the connection until they
    /// end.
    pub async fn close(mut self) {
        let _ = timeout(Duration::from_secs(5), self.companion.kill()).await;
        if let Some(master) = Arc::into_inner(self.master) {
            master.close().await;
        }
    }

    /// Runs a command that prints a mark and nothing else. What a login shell prints beside it is no harm; one that runs no
    /// commands is named with what it says.
    async fn probe(&self) -> Result<()> {
        let mut client = self.client(&["true"], Input::Nothing)?;
        let (Some(stdout), Some(stderr)) = (client.stdout.take(), client.stderr.take()) else {
            return Err(without_streams());
        };
        let (mut printed, mut said) = (Vec::new(), Vec::new());
        let (mut stdout, mut stderr) = (stdout.take(MOST_FIRST_BYTES), stderr.take(MOST_FIRST_BYTES));
        let read = tokio::try_join!(stdout.read_to_end(&mut printed), stderr.read_to_end(&mut said));
        read.map_err(|error| broken(&error.to_string(), &self.host))?;
        let code = code(client, self.master.clone(), self.host.clone()).await?;
        if code == Some(0) && has_mark(&printed) {
            return Ok(());
        }
        let words = [&printed[..], b"\n", after_mark(&said)].concat();
        Err(runs_nothing(&error::one_line(&String::from_utf8_lossy(&words)), &self.host))
    }

    fn client(&self, command: &[&str], input: Input) -> Result<Client> {
        let line = escape::line(&[&MARKING, command].concat());
        self.master
            .command(&line)
            .stdin(if input == Input::Pipe { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| broken(&error.to_string(), &self.host))
    }

    fn start(&self, command: &[&str], input: Input) -> Result<Child> {
        let mut client = self.client(command, input)?;
        let (Some(stdout), Some(stderr)) = (client.stdout.take(), client.stderr.take()) else {
            return Err(without_streams());
        };
        let stdin = client.stdin.take().map(|stdin| Box::pin(stdin) as Stdin);
        let code = code(client, self.master.clone(), self.host.clone());
        let process = Process::new(command, stderr, Box::pin(code));
        Ok(Child { stdout: Box::pin(Marked::new(stdout)), stdin, process })
    }

    async fn forward_to(&self, host: &str, port: u16) -> Result<Dial> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let mut forwards = self.forwards.lock().await;
        let target = (host.to_owned(), port);
        if let Some(path) = forwards.get(&target) {
            return Ok(Dial::Unix(path.clone()));
        }
        // Beside ssh's own socket, in a private directory that is removed with the connection.
        let path = self.master.directory().join(format!("forward-{}", forwards.len()));
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        self.master.forward(&path, &format!("{bracketed}:{port}")).await.map_err(|words| {
            broken(&words, &self.host).todo("check that sshd allows forwards there (AllowTcpForwarding)")
        })?;
        forwards.insert(target, path.clone());
        Ok(Dial::Unix(path))
    }
}

impl Host for Ssh {
    fn host(&self) -> &str {
        &self.host
    }

    fn spawn<'a>(&'a self, command: &'a [&'a str], input: Input) -> BoxFuture<'a, Result<Child>> {
        Box::pin(async move { self.start(command, input) })
    }

    fn forward<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Dial>> {
        Box::pin(self.forward_to(host, port))
    }

    fn login(&self) -> &Login {
        &self.login
    }
}

impl fmt::Debug for Ssh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ssh").field("host", &self.host).finish_non_exhaustive()
    }
}

/// The exit status of a command. ssh exits with 255 if it fails itself, and also if the command was ended by a signal
/// or exits with 255.
async fn code(mut client: Client, master: Arc<Master>, host: String) -> Result<Option<i32>> {
    match client.wait().await {
        Ok(status) if status.code() == Some(255) => match master.check().await {
            Ok(()) => Ok(None),
            Err(words) => Err(broken(&words, &host)),
        },
        Ok(status) => Ok(status.code()),
        Err(error) => Err(broken(&error.to_string(), &host)),
    }
}

/// The error of a connection that worked before. Its log may hold an old complaint, so the log's words do not decide
/// the error's kind.
fn broken(words: &str, host: &str) -> Error {
    let words = error::one_line(words);
    let words = if words.is_empty() { String::new() } else { format!(": {words}") };
    Error::new(ErrorKind::Unreachable, format!("the ssh connection broke{words}"))
        .at(At::Host, host)
        .todo("check the network, then run it again")
}

fn runs_nothing(words: &str, host: &str) -> Error {
    let words = if words.is_empty() { String::new() } else { format!(": {words}") };
    Error::new(ErrorKind::Denied, format!("the host runs no commands for this user{words}"))
        .at(At::Host, host)
        .todo("log in as a user with a shell (core, root), for whom sshd forces no command")
}

fn without_streams() -> Error {
    Error::new(ErrorKind::Internal, "a command without streams")
}
