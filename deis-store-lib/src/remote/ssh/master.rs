//! The one connection of ssh, over which commands and forwards go: the system's `ssh` as a master, and its clients.
//!
//! The programs are started here and not by a crate, since each must have an environment without our secrets, and a limit.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

use super::super::{Tunnel, environment};
use super::{SshOptions, error, escape};
use crate::error::{At, Error, ErrorKind, Result};

/// The time that the master stays without a command: enough for the first one to start.
const ORPHAN_SECONDS: u32 = 30;
/// The interval at which ssh asks a silent host for an answer. After three questions without one, the connection ends.
const ALIVE_SECONDS: u32 = 15;
/// How long a login may take after the connection: a person may have to touch a key.
const LOGIN: Duration = Duration::from_secs(50);
/// How long the master may take to answer.
const ANSWER: Duration = Duration::from_secs(20);

/// The options of each client. Without a configuration: it was read by the master, and could have a command of its own here.
/// And without the master there must be no other connection: its proxy is a program that fails.
const CLIENT: [&str; 6] = ["-F", "/dev/null", "-o", "BatchMode=yes", "-o", "ProxyCommand=false"];

/// A master connection. Dropping it ends the connection.
#[derive(Debug)]
pub(super) struct Master {
    /// The directory of the sockets, which is for its user alone.
    directory: Arc<TempDir>,
    tunnel: Tunnel,
    /// It tells the files of one connection from those of the ones before.
    number: u32,
    /// The connection that carries this one.
    through: Option<Arc<Master>>,
}

impl Master {
    /// Logs in, by way of another connection if there is one.
    pub(super) async fn connect(
        tunnel: &Tunnel,
        options: &SshOptions,
        through: Option<Arc<Self>>,
        (directory, number): (Arc<TempDir>, u32),
    ) -> Result<Self> {
        let master = Self { directory, tunnel: tunnel.clone(), number, through };
        let mut command = killed_on_drop(environment::program("ssh"));
        command.arg("-E").arg(master.log()).arg("-S").arg(master.socket()).args(["-M", "-f", "-N"]);
        command.args(["-o", &format!("ControlPersist={ORPHAN_SECONDS}"), "-o", "BatchMode=yes"]);
        command.args(["-o", "StrictHostKeyChecking=yes"]);
        command.args(["-o", &format!("ConnectTimeout={}", options.connect_timeout.as_secs().max(1))]);
        command.args(["-o", &format!("ServerAliveInterval={ALIVE_SECONDS}")]);
        if let Some(through) = &master.through {
            command.arg("-o").arg(format!("ProxyCommand={}", through.proxy_command(&master.log())));
        }
        if let Some(port) = tunnel.port {
            command.arg("-p").arg(port.to_string());
        }
        command.arg("-l").arg(&tunnel.user);
        if let Some(file) = &options.config_file {
            command.arg("-F").arg(file);
        }
        command.arg("--").arg(&tunnel.host);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let limit = options.connect_timeout + LOGIN;
        match timeout(limit, command.status()).await {
            Ok(Ok(status)) if status.success() => Ok(master),
            Ok(Ok(_)) => {
                Err(error::refused(&master.words_of_refusal(), &by_hand(tunnel, master.through.as_deref())))
            }
            Ok(Err(error)) => Err(cannot_start(error)),
            Err(_) => Err(Error::new(ErrorKind::Timeout, format!("no login within {} s", limit.as_secs()))
                .todo("try it with ssh -v: does it wait for a key that must be touched, or for the host?")),
        }
    }

    /// The near end of the forward of some number.
    pub(super) fn forward_socket(&self, index: usize) -> PathBuf {
        self.file(&format!("forward-{index}"))
    }

    /// The command that carries another connection over this one, whose words go to that one's log.
    fn proxy_command(&self, log: &Path) -> String {
        let (socket, log) = (self.socket(), log.to_owned());
        let [socket, log] = [socket, log].map(|path| path.to_string_lossy().replace('%', "%%"));
        let options = [&["ssh"], &CLIENT[..], &["-S", &socket, "-E", &log]].concat();
        escape::line(&[&options[..], &["-W", "[%h]:%p", "none"]].concat())
    }

    /// A client that runs a line of a shell on the host. It is killed when it is dropped, and the command there loses its
    /// streams.
    pub(super) fn command(&self, line: &str) -> Command {
        let mut command = self.client();
        command.args(["-T", "none", "--", line]);
        command
    }

    /// Asks for a forward of a unix socket to a port on the host's side.
    pub(super) async fn forward(&self, socket: &Path, target: &str) -> Result<(), String> {
        let mut forward = socket.as_os_str().to_owned();
        forward.push(":");
        forward.push(target);
        let mut command = self.client();
        command.args(["-O", "forward", "-L"]).arg(forward).arg("none");
        match answer(command).await {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Whether the connection is still there; else why not.
    pub(super) async fn check(&self) -> Result<(), String> {
        let mut command = self.client();
        command.args(["-O", "check", "none"]);
        match answer(command).await {
            Ok(output) if output.status.success() => Ok(()),
            Ok(_) => Err(self.words()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Ends the connection, without blocking a thread as dropping it does.
    pub(super) async fn close(self) {
        let mut command = self.client();
        command.args(["-O", "exit", "none"]);
        let _ = answer(command).await;
    }

    /// What the master has said.
    fn words(&self) -> String {
        std::fs::read(self.log())
            .map(|words| String::from_utf8_lossy(&words).into_owned())
            .unwrap_or_default()
    }

    /// What was said of a login that failed. If the way through another host was refused, that one's connection says why.
    fn words_of_refusal(&self) -> String {
        let words = self.words();
        match &self.through {
            Some(through) if words.contains(error::NO_WAY_THROUGH) => {
                let said = through.words();
                said.lines().rfind(|line| line.contains("open failed")).unwrap_or(&words).to_owned()
            }
            _ => words,
        }
    }

    fn client(&self) -> Command {
        let mut command = environment::program("ssh");
        command.args(CLIENT).arg("-S").arg(self.socket());
        command.stdin(Stdio::null());
        killed_on_drop(command)
    }

    fn socket(&self) -> PathBuf {
        self.file("master")
    }

    fn log(&self) -> PathBuf {
        self.file("log")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(format!("{name}-{}", self.number))
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        if !self.socket().exists() {
            return;
        }
        let mut command = environment::program("ssh");
        command.args(CLIENT).arg("-S").arg(self.socket()).args(["-O", "exit", "none"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(mut client) = command.spawn() else { return };
        // One that stands still keeps nobody from ending.
        for _ in 0..200 {
            if !matches!(client.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = client.kill().and_then(|()| client.wait());
    }
}

/// The command with which a person logs in.
fn by_hand(tunnel: &Tunnel, through: Option<&Master>) -> String {
    let jump = through.map_or(String::new(), |through| format!(" -J {}", through.tunnel));
    let port = tunnel.port.map_or(String::new(), |port| format!(" -p {port}"));
    format!("ssh{jump}{port} {}@{}", tunnel.user, tunnel.host)
}

fn killed_on_drop(command: std::process::Command) -> Command {
    let mut command = Command::from(command);
    command.kill_on_drop(true);
    command
}

async fn answer(mut command: Command) -> io::Result<std::process::Output> {
    timeout(ANSWER, command.output()).await.unwrap_or_else(|_| {
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("ssh has not answered within {} s", ANSWER.as_secs()),
        ))
    })
}

fn cannot_start(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        return Error::new(ErrorKind::NotFound, "the program ssh is not installed here")
            .todo("install the OpenSSH client");
    }
    Error::new(ErrorKind::Denied, "cannot start ssh").at(At::Name, "ssh").because(error)
}
