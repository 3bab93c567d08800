//! A host through the system's ssh: its configuration, agent, keys and jump hosts work as usual.
//!
//! One master connection carries all commands and forwards; when it breaks, the next one who needs it makes it anew. Other
//! hosts of the cluster are logged in to over it. Host keys are always checked. No ssh process outlives the value: dropping
//! it ends the master. The master also ends if this program is killed: then its companion, a `cat` whose input this program
//! holds, ends, and the master after it. A command that is dropped loses its streams and ends when it next uses them; ssh
//! cannot kill it.

mod command;
mod error;
mod escape;
mod forward;
mod link;
mod logins;
mod master;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;

use super::addresses::Own;
use super::marked::Marked;
use super::{Child, Host, Input, Login, Process, Remote, Stdin, Tunnel};
use crate::error::Result;
use crate::http::{BoxFuture, Dial};
use crate::run::Run;
use forward::Forwarding;
use link::Link;

pub(super) use logins::Logins;

/// Options for the login.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SshOptions {
    /// A configuration to use instead of `~/.ssh/config`.
    pub config_file: Option<PathBuf>,
    /// The time limit for the connection. The default is 10 s, as in deisctl.
    pub connect_timeout: Duration,
    /// How long a connection that broke is tried to be made anew. The default is 5 minutes: a host that is booted again is
    /// there by then.
    pub reconnect_limit: Duration,
    /// The directory in which a private directory for the sockets is made. The default is `/tmp`, since a socket's path
    /// must have less than 108 bytes.
    pub directory: PathBuf,
}

impl Default for SshOptions {
    fn default() -> Self {
        Self {
            config_file: None,
            connect_timeout: Duration::from_secs(10),
            reconnect_limit: Duration::from_mins(5),
            directory: "/tmp".into(),
        }
    }
}

/// A host behind ssh.
pub struct Ssh {
    link: Arc<Link>,
    cluster: Arc<Beyond>,
}

/// What is known of the hosts beyond one.
struct Beyond {
    /// The one through which the others are reached.
    first: Option<First>,
    logins: Arc<Logins>,
}

struct First {
    link: Arc<Link>,
    own: OnceCell<Own>,
}

impl Ssh {
    /// Logs in, and sees that the host runs commands for our user. The run's monitor is told of long waits, and of a
    /// connection that broke.
    pub async fn connect(tunnel: &Tunnel, options: &SshOptions, run: &Run) -> Result<Self> {
        let login = Login::default();
        login.tells(run);
        let link = Arc::new(Link::connect(tunnel, options, None, login).await?);
        let logins = Arc::new(Logins::new(&tunnel.user, options, Some(link.clone())));
        let first = Some(First { link: link.clone(), own: OnceCell::new() });
        Ok(Self { link, cluster: Arc::new(Beyond { first, logins }) })
    }

    /// Logs in at another host than this machine.
    pub(super) async fn beyond_this_machine(logins: &Arc<Logins>, host: &str, login: &Login) -> Result<Self> {
        let link = logins.link(host, login).await?;
        Ok(Self { link, cluster: Arc::new(Beyond { first: None, logins: logins.clone() }) })
    }

    /// Logs out, also at the hosts beyond. Unlike dropping, it does not block a thread. Commands that still run keep the
    /// connection until they end.
    pub async fn close(self) {
        self.cluster.logins.close().await;
        self.link.close().await;
    }

    async fn start(&self, command: &[&str], input: Input) -> Result<Child> {
        let (master, host) = (self.link.master().await?, self.link.host());
        let mut client = command::client(&master, command, input, host)?;
        let (Some(stdout), Some(stderr)) = (client.stdout.take(), client.stderr.take()) else {
            return Err(command::without_streams());
        };
        let stdin = client.stdin.take().map(|stdin| Box::pin(stdin) as Stdin);
        let code = command::code(client, master, host.to_owned());
        let process = Process::new(command, stderr, Box::pin(code));
        Ok(Child { stdout: Box::pin(Marked::new(stdout)), stdin, process })
    }

    async fn forward_to(&self, host: &str, port: u16) -> Result<Dial> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let target = (host.to_owned(), port);
        // Asked for at once, so that a host that allows none is told now.
        self.link.forward(&target).await?;
        Ok(Dial::Forward(Arc::new(Forwarding { link: self.link.clone(), target })))
    }

    async fn other(&self, host: &str) -> Result<Arc<dyn Remote>> {
        let at = |link: &Arc<Link>| Self { link: link.clone(), cluster: self.cluster.clone() };
        if let Some(First { link, own }) = &self.cluster.first {
            let first = at(link);
            if link.is_named(host) || own.get_or_try_init(|| Own::of(&first)).await?.includes(host) {
                return Ok(Arc::new(first));
            }
        }
        let link = self.cluster.logins.link(host, self.link.login()).await?;
        Ok(Arc::new(at(&link)))
    }
}

impl Host for Ssh {
    fn host(&self) -> &str {
        self.link.host()
    }

    fn spawn<'a>(&'a self, command: &'a [&'a str], input: Input) -> BoxFuture<'a, Result<Child>> {
        Box::pin(self.start(command, input))
    }

    fn forward<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Dial>> {
        Box::pin(self.forward_to(host, port))
    }

    fn beyond<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Arc<dyn Remote>>> {
        Box::pin(self.other(host))
    }

    fn login(&self) -> &Login {
        self.link.login()
    }
}

impl fmt::Debug for Ssh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ssh").field("host", &self.link.host()).finish_non_exhaustive()
    }
}
