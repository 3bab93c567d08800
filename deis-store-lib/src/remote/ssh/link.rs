//! The connection to one host: made anew when it broke, by whoever needs it next, one attempt at a time.
//!
//! All who need it meanwhile wait, and all of them are told if it is not to be had again. After that an attempt is made only
//! now and then, so that what is still to be tried over it fails soon.

use std::collections::HashMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Child as Client;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep, timeout};

use super::master::Master;
use super::{SshOptions, command, error};
use crate::error::{At, Error, ErrorKind, Result, disk_error};
use crate::http::BoxFuture;
use crate::remote::broken::broken;
use crate::remote::child::watched;
use crate::remote::{Login, Tunnel};

/// After that, there is another attempt only after so long: what fails meanwhile has ended its own attempts by then.
const CALM: Duration = Duration::from_secs(30);
/// It is told of attempts that fail from then on.
const TOLD_AFTER: Duration = Duration::from_secs(5);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// How long the first command may take.
const FIRST: Duration = Duration::from_secs(30);

/// The connection to a host.
pub(super) struct Link {
    host: String,
    tunnel: Tunnel,
    options: SshOptions,
    login: Login,
    // Before what it needs to the end.
    state: Mutex<State>,
    directory: Arc<TempDir>,
    /// The connection that carries this one.
    through: Option<Arc<Link>>,
}

#[derive(Default)]
struct State {
    /// Connections so far.
    number: u32,
    connection: Option<Connection>,
    /// Since when there is none.
    broke: Option<Instant>,
    gave_up: Option<(Instant, Error)>,
    closed: bool,
}

struct Connection {
    /// A command that lasts as long as the connection. It stands before the master, so that it is dropped first.
    companion: Client,
    master: Arc<Master>,
    forwards: HashMap<(String, u16), PathBuf>,
}

impl Link {
    /// Logs in, and sees that the host runs commands for our user.
    pub(super) async fn connect(
        tunnel: &Tunnel,
        options: &SshOptions,
        through: Option<Arc<Self>>,
        login: Login,
    ) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix(".ssh-connection")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(&options.directory)
            .map_err(|error| disk_error("make a directory", options.directory.display(), error))?;
        let (tunnel, options, host) = (tunnel.clone(), options.clone(), tunnel.to_string());
        let (state, directory) = (Mutex::default(), Arc::new(directory));
        let link = Self { host, tunnel, options, login, state, directory, through };
        let text = |silent: Duration| format!("no login at {} for {} s", link.host, silent.as_secs());
        let teller = link.login.teller();
        let connecting = async {
            let through = link.master_through().await?;
            link.log_in(&mut *link.state.lock().await, through).await
        };
        watched(teller.as_deref(), text, connecting).await?;
        Ok(link)
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Whether the host was given by this name or address.
    pub(super) fn is_named(&self, host: &str) -> bool {
        self.tunnel.host.eq_ignore_ascii_case(host.trim_start_matches('[').trim_end_matches(']'))
    }

    pub(super) fn login(&self) -> &Login {
        &self.login
    }

    /// The connection's master: of one that broke, the one of the next, for which it waits.
    pub(super) async fn master(&self) -> Result<Arc<Master>> {
        let mut state = self.lock_connected().await?;
        Ok(connection(&mut state)?.master.clone())
    }

    /// The near end of a forward to a port from the host.
    pub(super) async fn forward(&self, (host, port): &(String, u16)) -> Result<PathBuf> {
        let mut state = self.lock_connected().await?;
        let connection = connection(&mut state)?;
        let target = (host.clone(), *port);
        if let Some(path) = connection.forwards.get(&target) {
            return Ok(path.clone());
        }
        let path = connection.master.forward_socket(connection.forwards.len());
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        connection.master.forward(&path, &format!("{bracketed}:{port}")).await.map_err(|words| {
            Error::new(
                ErrorKind::Unreachable,
                format!("no forward to {bracketed}:{port}: {}", error::one_line(&words)),
            )
            .at(At::Host, &self.host)
            .todo("check that sshd allows forwards there (AllowTcpForwarding)")
        })?;
        connection.forwards.insert(target, path.clone());
        Ok(path)
    }

    /// Logs out. Commands that still run keep the connection until they end.
    pub(super) async fn close(&self) {
        let mut state = self.state.lock().await;
        state.closed = true;
        if let Some(Connection { mut companion, master, .. }) = state.connection.take() {
            let _ = timeout(Duration::from_secs(5), companion.kill()).await;
            if let Some(master) = Arc::into_inner(master) {
                master.close().await;
            }
        }
    }

    /// The state, when there is a connection.
    async fn lock_connected(&self) -> Result<MutexGuard<'_, State>> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        if state.closed {
            return Err(Error::new(ErrorKind::Internal, "the connection was closed").at(At::Host, &self.host));
        }
        if state.connection.as_mut().is_some_and(Connection::lives) {
            return Ok(state);
        }
        if let Some((when, error)) = &state.gave_up
            && (*when > asked || when.elapsed() < CALM)
        {
            return Err(error.again());
        }
        self.make_anew(&mut state).await?;
        Ok(state)
    }

    /// Tries to log in until it works, or is of no use.
    async fn make_anew(&self, state: &mut State) -> Result<()> {
        state.connection = None;
        let patience = if state.gave_up.is_some() { Duration::ZERO } else { self.options.reconnect_limit };
        // Somebody may have begun with it, and not waited to the end.
        let is_known = state.broke.is_some();
        let since = *state.broke.get_or_insert_with(Instant::now);
        let teller = self.login.teller();
        let tell = |text: &str| {
            if let Some(teller) = &teller {
                teller.warn("connection", text);
            }
        };
        if !is_known {
            tell(&format!("the ssh connection to {} broke: it is made anew", self.host));
        }
        let mut wait = Duration::from_millis(250);
        loop {
            let text = |_: Duration| {
                format!("no ssh connection to {} for {} s", self.host, since.elapsed().as_secs())
            };
            // What carries this one has a patience of its own.
            let attempt = match watched(teller.as_deref(), text, self.master_through()).await {
                Ok(through) => watched(teller.as_deref(), text, self.log_in(state, through)).await,
                Err(error) => return Err(self.give_up(state, since, &error)),
            };
            match attempt {
                Ok(()) => {
                    let text = format!(
                        "the ssh connection to {} is there again after {} s",
                        self.host,
                        since.elapsed().as_secs()
                    );
                    tell(&text);
                    return Ok(());
                }
                Err(error) if !may_pass(&error) || since.elapsed() + wait > patience => {
                    return Err(self.give_up(state, since, &error));
                }
                Err(error) => {
                    if let Some(teller) = teller.as_ref().filter(|_| since.elapsed() >= TOLD_AFTER) {
                        teller.say("waiting", || format!("{}: {}", text(wait), error.what()));
                    }
                }
            }
            sleep(wait).await;
            wait = (2 * wait).min(LONGEST_WAIT);
        }
    }

    fn give_up(&self, state: &mut State, since: Instant, error: &Error) -> Error {
        let seconds = since.elapsed().as_secs();
        let what =
            format!("the ssh connection broke, and there was no other within {seconds} s: {}", error.what());
        let todo = error.advice().unwrap_or("check the network, then run it again");
        let error = Error::new(error.kind(), what).at(At::Host, &self.host).todo(todo);
        state.gave_up = Some((Instant::now(), error.again()));
        error
    }

    /// Logs in once.
    async fn log_in(&self, state: &mut State, through: Option<Arc<Master>>) -> Result<()> {
        let at = |error: Error| {
            let error = error.at(At::Host, &self.host);
            match &self.through {
                Some(through) => error.at(At::Tunnel, through.host()),
                None => error,
            }
        };
        state.number += 1;
        let place = (self.directory.clone(), state.number);
        let connecting = Master::connect(&self.tunnel, &self.options, through, place);
        let master = Arc::new(connecting.await.map_err(at)?);
        let mut companion = master.command("cat");
        companion.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let companion = companion.spawn().map_err(|error| broken(&error.to_string(), &self.host))?;
        let connection = Connection { companion, master, forwards: HashMap::new() };
        match timeout(FIRST, command::probe(&connection.master, &self.host)).await {
            Ok(probed) => probed.map_err(at)?,
            Err(_) => return Err(command::runs_nothing("no command has ended within 30 s", &self.host)),
        }
        *state = State { number: state.number, connection: Some(connection), ..State::default() };
        Ok(())
    }

    /// The master of what carries this one. In a box, since that may be made anew as well.
    fn master_through(&self) -> BoxFuture<'_, Result<Option<Arc<Master>>>> {
        Box::pin(async {
            match &self.through {
                Some(through) => through.master().await.map(Some),
                None => Ok(None),
            }
        })
    }
}

impl Connection {
    /// Whether the command that lasts as long as the connection still runs.
    fn lives(&mut self) -> bool {
        matches!(self.companion.try_wait(), Ok(None))
    }
}

fn connection(state: &mut State) -> Result<&mut Connection> {
    state.connection.as_mut().ok_or_else(|| Error::new(ErrorKind::Internal, "no connection"))
}

/// Whether another login may work where this one did not.
fn may_pass(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Timeout)
}
