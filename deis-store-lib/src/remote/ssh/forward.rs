//! Forwards: a port from a host, over whichever connection to it there is.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::time::sleep;

use super::link::Link;
use crate::http::{BoxFuture, Forward};

/// How often a socket of a connection is tried that seems to be there.
const DIALS: u32 = 20;

/// A forward to a port from a host, over whichever connection to it there is.
pub(super) struct Forwarding {
    pub(super) link: Arc<Link>,
    pub(super) target: (String, u16),
}

impl Forward for Forwarding {
    fn ready(&self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async { self.link.master().await.map(drop).map_err(io::Error::other) })
    }

    fn dial(&self) -> BoxFuture<'_, io::Result<UnixStream>> {
        Box::pin(async {
            let mut attempts = 0;
            loop {
                let path = self.link.forward(&self.target).await.map_err(io::Error::other)?;
                attempts += 1;
                match UnixStream::connect(path).await {
                    // The connection has just broken, and that is not seen yet.
                    Err(_) if attempts < DIALS => sleep(Duration::from_millis(50)).await,
                    dialled => return dialled,
                }
            }
        })
    }
}

impl fmt::Debug for Forwarding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Forwarding({}:{})", self.target.0, self.target.1)
    }
}
