//! The gateway's address and keys in etcd, as a store-gateway publishes its own: the address expires unless it is kept up, the keys
//! stay. At the end all of it is taken away, and keys that were there before are put back.
//!
//! The one that holds `masterLock` leads. It sets the address that the whole platform uses every ten seconds, so two that are
//! published would take turns, and each would get a part of what the platform writes. So it is never published beside another one
//! that is alive, whatever is confirmed.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::cluster::Discovery;
use crate::error::{At, Error, ErrorKind, Result, printable};
use crate::etcd::{Etcd, Node};
use crate::run::{Level, Run};
use crate::secret::Credentials;

const GATEWAY: &str = "/deis/store/gateway";
/// A store-gateway's own.
const TTL: Duration = Duration::from_secs(20);
const KEPT_UP_EVERY: Duration = Duration::from_secs(5);
/// So long what a gateway that died has left may be in the way.
const PATIENCE: Duration = Duration::from_secs(25);
/// So long the end may take, since somebody waits for it.
const LONGEST_END: Duration = Duration::from_secs(5);

/// What was published, and is kept up.
pub(super) struct Published {
    stop: CancellationToken,
    state: State,
}

enum State {
    Kept(JoinHandle<(Entry, Result<()>)>),
    /// It could not be kept up any more. What of it is still ours is taken away by the end.
    Lost(Option<Entry>),
}

/// What is published.
struct Entry {
    etcd: Etcd,
    address: SocketAddr,
    credentials: Credentials,
    /// The keys of another gateway that were there, each by itself, and are put back at the end.
    before: [Option<Zeroizing<String>>; 2],
}

impl Published {
    /// Publishes a gateway. It waits for what one that died has left, and is refused if another one is alive.
    pub(super) async fn new(
        etcd: Etcd,
        address: SocketAddr,
        credentials: Credentials,
        run: &Run,
    ) -> Result<Self> {
        let mut entry = Entry { etcd, address, credentials, before: [None, None] };
        run.stop.cancels(entry.take_lead(run)).await?;
        if let Err(error) = run.stop.cancels(entry.set()).await {
            // Some of it may be there, in place of the keys of a gateway that is stopped now.
            return Err(match entry.withdraw_in_time().await {
                Ok(()) => error,
                Err(_) => error.todo(entry.what_is_left()),
            });
        }
        let stop = CancellationToken::new();
        let keeping = tokio::spawn(keep_up(entry, stop.clone(), run.clone()));
        Ok(Self { stop, state: State::Kept(keeping) })
    }

    /// Waits until it cannot be kept up any more.
    pub(super) async fn lost(&mut self) -> Error {
        let internal =
            || Error::new(ErrorKind::Internal, "the task that keeps the gateway published has ended");
        let State::Kept(keeping) = &mut self.state else { return internal() };
        let (entry, error) = match keeping.await {
            Ok((entry, result)) => (Some(entry), result.err().unwrap_or_else(internal)),
            Err(error) => (None, internal().because(error)),
        };
        self.state = State::Lost(entry);
        error
    }

    /// Takes away what was published, as far as it is still ours.
    pub(super) async fn withdraw(mut self) -> Result<()> {
        self.stop.cancel();
        let entry = match &mut self.state {
            State::Kept(keeping) => keeping.await.ok().map(|(entry, _)| entry),
            State::Lost(entry) => entry.take(),
        };
        let Some(entry) = entry else { return Ok(()) };
        entry.withdraw_in_time().await.map_err(|error| error.todo(entry.what_is_left()))
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        if let State::Kept(keeping) = &self.state {
            keeping.abort();
        }
    }
}

async fn keep_up(mut entry: Entry, stop: CancellationToken, run: Run) -> (Entry, Result<()>) {
    let mut is_failing = false;
    loop {
        let refreshed = tokio::select! {
            () = stop.cancelled() => return (entry, Ok(())),
            refreshed = async { sleep(KEPT_UP_EVERY).await; entry.refresh().await } => refreshed,
        };
        match refreshed {
            Err(error) if error.kind() == ErrorKind::Changed => return (entry, Err(error)),
            Err(error) if !is_failing => {
                is_failing = true;
                let text = format!("warning: the gateway cannot be kept published: {}", error.what());
                run.note(Level::Warning, "publish", &text);
            }
            Ok(()) if is_failing => {
                is_failing = false;
                run.note(Level::Warning, "publish", "the gateway is kept published again");
            }
            _ => {}
        }
    }
}

impl Entry {
    /// Becomes the one that leads.
    async fn take_lead(&mut self, run: &Run) -> Result<()> {
        let begun = Instant::now();
        let mut is_told = false;
        loop {
            let tree = self.etcd.find_tree(GATEWAY).await?;
            let Some(other) = tree.as_ref().and_then(|tree| self.other(tree)) else {
                if let Some(tree) = &tree {
                    self.remember_others_keys(tree);
                }
                match self.lead().await {
                    // Another one was quicker.
                    Err(error) if error.kind() == ErrorKind::Changed => {}
                    taken => return taken,
                }
                continue;
            };
            if begun.elapsed() >= PATIENCE {
                return Err(Error::new(ErrorKind::Guard, "another gateway is published, and kept up")
                    .at(At::Address, other)
                    .at(At::Key, GATEWAY)
                    .todo(
                        "stop it first (deisctl stop store-gateway@1, and the others): of two that are published at once, \
                         each would get a part of what the platform writes",
                    ));
            }
            if !is_told {
                is_told = true;
                let text = format!(
                    "{other} is published as a gateway; if it died, that expires within {} s",
                    TTL.as_secs()
                );
                run.note(Level::Warning, "waiting", &text);
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Another gateway that is published, or leads. One at our very address cannot live any more, since we listen there.
    fn other(&self, tree: &Node) -> Option<String> {
        let ours = self.address.to_string();
        if let Some(other) = Discovery::from_tree(tree).gateways.into_iter().find(|other| *other != ours) {
            return Some(other);
        }
        let leads = tree.text(&key("masterLock")).filter(|leads| *leads != self.host());
        leads.map(printable)
    }

    fn remember_others_keys(&mut self, tree: &Node) {
        let others = self.keys().map(|(name, own)| {
            let found = tree.text(&key(name)).filter(|found| *found != own);
            found.map(|found| Zeroizing::new(found.to_owned()))
        });
        for (before, other) in self.before.iter_mut().zip(others) {
            if other.is_some() {
                *before = other;
            }
        }
    }

    /// Takes the lead, or keeps it; a [`ErrorKind::Changed`] error if another one has it.
    async fn lead(&self) -> Result<()> {
        let (lock, host) = (key("masterLock"), self.host());
        match self.etcd.create(&lock, &host, TTL).await {
            Err(error) if error.kind() == ErrorKind::Occupied => {}
            taken => return taken,
        }
        match self.etcd.text(&lock).await? {
            Some(leads) if leads != host => {
                let error = Error::new(ErrorKind::Changed, "another gateway has taken the lead");
                Err(error.at(At::Key, &lock).at(At::Address, printable(&leads)).todo(
                    "what was written here is kept; move it to the other one, or stop that one and start this again",
                ))
            }
            _ => self.etcd.set(&lock, &host, Some(TTL)).await.map(drop),
        }
    }

    /// Keeps it up. Another gateway that is started sets its keys once, and not the address: its keys are remembered, and ours are
    /// set again.
    async fn refresh(&mut self) -> Result<()> {
        self.lead().await?;
        if let Some(tree) = self.etcd.find_tree(GATEWAY).await? {
            self.remember_others_keys(&tree);
        }
        self.set().await
    }

    async fn set(&self) -> Result<()> {
        let (host, port) = (self.host(), self.address.port().to_string());
        for (name, value) in self.keys() {
            if self.etcd.text(&key(name)).await?.as_deref() != Some(value) {
                self.etcd.set(&key(name), value, None).await?;
            }
        }
        let own = |name: &str| key(&format!("hosts/{host}/{name}"));
        // The one that all wait for comes last.
        for (key, value) in
            [(own("host"), &host), (own("port"), &port), (key("port"), &port), (key("host"), &host)]
        {
            self.etcd.set(&key, value, Some(TTL)).await?;
        }
        Ok(())
    }

    async fn withdraw_in_time(&self) -> Result<()> {
        let late = |_| {
            let error = Error::new(ErrorKind::Timeout, "etcd did not let go of what was published in time");
            Err(error.at(At::Key, GATEWAY).at(At::Endpoint, self.etcd.endpoint()))
        };
        timeout(LONGEST_END, self.withdraw()).await.unwrap_or_else(late)
    }

    /// What to do where nothing could be taken away.
    fn what_is_left(&self) -> String {
        let keys = if self.before.iter().any(Option::is_some) {
            "the keys may be ours: start a store-gateway anew, which sets its own"
        } else {
            "remove the keys if they are not to stay: etcdctl rm /deis/store/gateway/accessKey, and the same for secretKey"
        };
        format!("the address expires by itself within {} s; {keys}", TTL.as_secs())
    }

    /// Takes away what is still ours: each by itself, since it may be there in part.
    async fn withdraw(&self) -> Result<()> {
        let (host, port) = (self.host(), self.address.port().to_string());
        let Some(tree) = self.etcd.find_tree(GATEWAY).await? else { return Ok(()) };
        let is = |name: &str, value: &str| tree.text(&key(name)) == Some(value);
        if is("host", &host) && is("port", &port) {
            self.delete("host").await?;
            self.delete("port").await?;
        }
        if is(&format!("hosts/{host}/port"), &port) {
            self.etcd.delete_tree(&key(&format!("hosts/{host}"))).await?;
        }
        for ((name, value), before) in self.keys().into_iter().zip(&self.before) {
            match before {
                _ if !is(name, value) => {}
                Some(before) => {
                    self.etcd.set(&key(name), before, None).await?;
                }
                None => self.delete(name).await?,
            }
        }
        if is("masterLock", &host) { self.delete("masterLock").await } else { Ok(()) }
    }

    async fn delete(&self, name: &str) -> Result<()> {
        match self.etcd.delete(&key(name)).await {
            // It has expired meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            deleted => deleted,
        }
    }

    fn host(&self) -> String {
        self.address.ip().to_string()
    }

    fn keys(&self) -> [(&'static str, &str); 2] {
        [(ACCESS_KEY, self.credentials.access_key()), (SECRET_KEY, text(&self.credentials))]
    }
}

const ACCESS_KEY: &str = "accessKey";
const SECRET_KEY: &str = "secretKey";

fn text(credentials: &Credentials) -> &str {
    std::str::from_utf8(credentials.secret_key()).unwrap_or_default()
}

fn key(name: &str) -> String {
    format!("{GATEWAY}/{name}")
}
