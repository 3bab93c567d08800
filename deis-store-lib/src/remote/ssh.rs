//! A host through the system's ssh: its configuration, agent, keys and jump hosts work as usual.
//!
//! One master connection carries all commands and forwards. Host keys are always checked. No ssh process outlives the
//! value: dropping it ends the master. The master also ends if this program is killed: then its companion, a `cat`
//! whose input this program holds, ends, and the master after it. A command that is dropped loses its streams and ends
//! when it next uses them; ssh cannot kill it.

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

use super::{Child, Host, Input, Login, Process, Stdin, Tunnel, ssh_error};
use crate::error::{At, Error, ErrorKind, Result, disk_error};
use crate::http::{BoxFuture, Dial};

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

/// The time that the master stays without a command: enough for the first one to start.
const ORPHAN_SECONDS: NonZeroUsize = NonZeroUsize::new(30).unwrap();
/// The interval at which ssh asks a silent host for an answer. After three questions without one, the connection ends.
const ALIVE_INTERVAL: Duration = Duration::from_secs(15);

type Command = openssh::Child<Arc<Session>>;

/// A host behind ssh.
pub struct Ssh {
    host: String,
    login: Login,
    // Stands before the session, so that it is dropped first.
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

    /// Logs out. Unlike dropping, it does not block a thread. Commands that still run keep the connection until they
    /// end.
    pub async fn close(self) {
        // Both fail if the connection is gone already. The second one also fails if the master has ever logged an
        // error.
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
        // Beside ssh's own socket, in a private directory that is removed with the session.
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

impl Host for Ssh {
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

/// The exit status of a command. ssh exits with 255 if it fails itself, and also if the command was ended by a signal
/// or exits with 255.
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

/// Makes the directory of ssh's sockets private. The crate openssh leaves its mode to the umask.
fn make_private(control_socket: &Path) -> Result<()> {
    let directory = control_socket.parent().unwrap_or(control_socket);
    std::fs::set_permissions(directory, Permissions::from_mode(0o700))
        .map_err(|error| disk_error("make a directory private", directory.display(), error))
}

/// The error of a failed login.
fn refused(error: &openssh::Error) -> Error {
    use std::error::Error as _;
    let io = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    match io {
        Some(io) if io.kind() == std::io::ErrorKind::NotFound && io.raw_os_error().is_some() => {
            Error::new(ErrorKind::NotFound, "the program ssh is not installed here")
                .todo("install the OpenSSH client")
        }
        Some(io) => ssh_error::error(&io.to_string()),
        None => ssh_error::error(&error.to_string()),
    }
}

/// The error of a connection that worked before. Its log may hold an old complaint, so the log's words do not decide
/// the error's kind.
fn broken(error: &openssh::Error, host: &str) -> Error {
    use std::error::Error as _;
    let cause = error.source().unwrap_or(error).to_string();
    let words = if cause.is_empty() { String::new() } else { format!(": {}", ssh_error::one_line(&cause)) };
    Error::new(ErrorKind::Unreachable, format!("the ssh connection broke{words}"))
        .at(At::Host, host)
        .todo("check the network, then run it again")
}
