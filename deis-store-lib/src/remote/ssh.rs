//! A host through the system's ssh: its configuration, agent, keys and jump hosts work as they always do.
//!
//! One master connection carries all commands and forwards. Host keys are always checked. No ssh process outlives the
//! value: dropping it ends the master, and should this program be killed, the master sees that its companion (a `cat`
//! whose input we hold) is gone and ends by itself. A command that is dropped loses its streams, and ends when it
//! next uses them; ssh has no way to kill it.

use std::collections::HashMap;
use std::fmt;
use std::fs::Permissions;
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use openssh::{ControlPersist, ForwardType, KnownHosts, Session, SessionBuilder, Socket, Stdio};
use tokio::sync::Mutex;

use super::{Child, Input, Login, Process, Remote, Stdin, Tunnel, ssh_error};
use crate::error::{At, Error, ErrorKind, Result, disk_error};
use crate::http::{BoxFuture, Dial};

/// How to log in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SshOptions {
    /// A configuration to use instead of `~/.ssh/config`.
    pub config_file: Option<PathBuf>,
    /// For the connection. 10 s, as deisctl has it.
    pub connect_timeout: Duration,
    /// Where a private directory for the sockets is made. `/tmp`: a socket's path must have less than 108 bytes.
    pub directory: PathBuf,
}

impl Default for SshOptions {
    fn default() -> Self {
        Self { config_file: None, connect_timeout: Duration::from_secs(10), directory: "/tmp".into() }
    }
}

/// How long the master stays without us: time enough for its first command.
const ORPHAN_SECONDS: NonZeroUsize = NonZeroUsize::new(30).unwrap();
/// How often a silent host is asked whether it is there; after three times in vain the connection ends.
const ALIVE_INTERVAL: Duration = Duration::from_secs(15);

type Command = openssh::Child<Arc<Session>>;

/// A host behind ssh.
pub struct Ssh {
    host: String,
    login: Login,
    // Before the session, so that it is dropped first.
    companion: Command,
    session: Arc<Session>,
    forwards: Mutex<HashMap<(String, u16), PathBuf>>,
}

impl Ssh {
    /// Logs in.
    pub async fn connect(tunnel: &Tunnel, options: &SshOptions) -> Result<Self> {
        let host = tunnel.to_string();
        let mut builder = SessionBuilder::default();
        builder
            .known_hosts_check(KnownHosts::Strict)
            .control_directory(&options.directory)
            .control_persist(ControlPersist::IdleFor(ORPHAN_SECONDS))
            .connect_timeout(options.connect_timeout)
            .server_alive_interval(ALIVE_INTERVAL)
            .user(tunnel.user.clone());
        if let Some(port) = tunnel.port {
            builder.port(port);
        }
        if let Some(file) = &options.config_file {
            builder.config_file(file);
        }
        let session =
            builder.connect(&tunnel.host).await.map_err(|error| refused(&error).at(At::Host, &host))?;
        let session = Arc::new(session);
        make_private(session.control_socket())?;
        let companion = session
            .clone()
            .arc_command("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .await
            .map_err(|error| broken(&error, &host))?;
        Ok(Self { host, login: Login::default(), companion, session, forwards: Mutex::default() })
    }

    /// Logs out, without keeping a thread waiting as dropping does. Commands that still run keep the connection until
    /// they end.
    pub async fn close(self) {
        // Both fail if the connection is gone already; the second also if the master has ever complained of anything.
        let _ = self.companion.disconnect().await;
        if let Some(session) = Arc::into_inner(self.session) {
            let _ = session.close().await;
        }
    }

    async fn start(&self, command: &[&str], input: Input) -> Result<Child> {
        let (program, arguments) = command
            .split_first()
            .ok_or_else(|| Error::new(ErrorKind::Internal, "a command without a program"))?;
        let mut child = self
            .session
            .clone()
            .arc_command(*program)
            .args(arguments)
            .stdin(if input == Input::Pipe { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .await
            .map_err(|error| broken(&error, &self.host))?;
        let (Some(stdout), Some(stderr)) = (child.stdout().take(), child.stderr().take()) else {
            return Err(Error::new(ErrorKind::Internal, "a command without streams"));
        };
        let stdin = child.stdin().take().map(|stdin| Box::pin(stdin) as Stdin);
        let code = code(child, self.session.clone(), self.host.clone());
        Ok(Child { stdout: Box::pin(stdout), stdin, process: Process::new(command, stderr, Box::pin(code)) })
    }

    async fn forward_to(&self, host: &str, port: u16) -> Result<Dial> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let mut forwards = self.forwards.lock().await;
        let target = (host.to_owned(), port);
        if let Some(path) = forwards.get(&target) {
            return Ok(Dial::Unix(path.clone()));
        }
        // Beside ssh's own socket, in a private directory that goes with the session.
        let path = self.session.control_socket().with_file_name(format!("forward-{}", forwards.len()));
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        self.session
            .request_port_forward(
                ForwardType::Local,
                Socket::from(path.clone()),
                Socket::new(bracketed, port),
            )
            .await
            .map_err(|error| {
                broken(&error, &self.host).todo("check that sshd allows forwards there (AllowTcpForwarding)")
            })?;
        forwards.insert(target, path.clone());
        Ok(Dial::Unix(path))
    }
}

impl Remote for Ssh {
    fn host(&self) -> &str {
        &self.host
    }

    fn spawn<'a>(&'a self, command: &'a [&'a str], input: Input) -> BoxFuture<'a, Result<Child>> {
        Box::pin(self.start(command, input))
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

/// ssh answers 255 for itself and for a command that was ended by a signal or exits with 255.
async fn code(child: Command, session: Arc<Session>, host: String) -> Result<Option<i32>> {
    use openssh::Error as Ssh;
    match child.wait().await {
        Ok(status) => Ok(status.code()),
        Err(Ssh::Remote(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(Some(127)),
        Err(Ssh::RemoteProcessTerminated | Ssh::Disconnected) => match session.check().await {
            Ok(()) => Ok(None),
            Err(error) => Err(broken(&error, &host)),
        },
        Err(error) => Err(broken(&error, &host)),
    }
}

/// openssh makes its directory as the umask has it.
fn make_private(control_socket: &Path) -> Result<()> {
    let directory = control_socket.parent().unwrap_or(control_socket);
    std::fs::set_permissions(directory, Permissions::from_mode(0o700))
        .map_err(|error| disk_error("make a directory private", directory.display(), error))
}

/// An error of logging in.
fn refused(error: &openssh::Error) -> Error {
    use std::error::Error as _;
    let io = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    match io {
        Some(io) if io.kind() == std::io::ErrorKind::NotFound && io.raw_os_error().is_some() => {
            Error::new(ErrorKind::NotFound, "there is no program ssh here").todo("install the OpenSSH client")
        }
        Some(io) => ssh_error::error(&io.to_string()),
        None => ssh_error::error(&error.to_string()),
    }
}

/// An error of a connection that stood. What its log holds may be the complaint of long ago, so its words decide
/// nothing.
fn broken(error: &openssh::Error, host: &str) -> Error {
    use std::error::Error as _;
    let cause = error.source().unwrap_or(error).to_string();
    let words = if cause.is_empty() { String::new() } else { format!(": {}", ssh_error::one_line(&cause)) };
    Error::new(ErrorKind::Unreachable, format!("the ssh connection broke{words}"))
        .at(At::Host, host)
        .todo("check the network, then run it again")
}
