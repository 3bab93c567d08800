//! The hosts that are reached beyond one: each is logged in to once.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::SshOptions;
use super::link::Link;
use crate::error::Result;
use crate::remote::{Login, Tunnel};

/// The logins at other hosts of a cluster.
pub(in crate::remote) struct Logins {
    user: String,
    options: SshOptions,
    /// The connection that carries them.
    through: Option<Arc<Link>>,
    links: Mutex<HashMap<String, Arc<Link>>>,
}

impl Logins {
    /// Those by which this machine reaches the others, itself.
    pub(in crate::remote) fn of_this_machine(options: &SshOptions) -> Self {
        Self::new("core", options, None)
    }

    pub(super) fn new(user: &str, options: &SshOptions, through: Option<Arc<Link>>) -> Self {
        Self { user: user.to_owned(), options: options.clone(), through, links: Mutex::default() }
    }

    /// The connection to a host. The first one to ask logs in.
    pub(super) async fn link(&self, host: &str, login: &Login) -> Result<Arc<Link>> {
        let tunnel = Tunnel::beyond(&self.user, host)?;
        let mut links = self.links.lock().await;
        if let Some(link) = links.get(&tunnel.host) {
            return Ok(link.clone());
        }
        let connecting = Link::connect(&tunnel, &self.options, self.through.clone(), login.beyond());
        let link = Arc::new(connecting.await?);
        links.insert(tunnel.host, link.clone());
        Ok(link)
    }

    /// Logs out everywhere.
    pub(super) async fn close(&self) {
        for link in self.links.lock().await.drain().map(|(_, link)| link) {
            link.close().await;
        }
    }
}
