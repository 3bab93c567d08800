//! How a snapshot is served.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::error::{At, Error, ErrorKind, Result};
use crate::etcd::Etcd;
use crate::secret::Credentials;

/// The port of every Deis gateway.
const PORT: u16 = 8888;

const LISTEN_ELSEWHERE: &str =
    "listen on the address at which the platform reaches it, or confirm that it is all on this machine";

/// How a snapshot is served.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServeOptions {
    /// Where it listens; by default on loopback, at the port of Deis' gateways. Port 0 takes a free port.
    pub listen: SocketAddr,
    /// The directory in which writes are kept above the snapshot; it is made if it is not there. Without one, nothing can be
    /// written.
    pub writes: Option<PathBuf>,
    /// The cluster whose gateway it is to be.
    pub publish: Option<Publish>,
    /// The keys of its one user. By default new ones, which are kept with the writes for the next start.
    pub credentials: Option<Credentials>,
    /// Where a configuration for s3cmd is left, for its owner alone. It must not be there, unless it is the same.
    pub s3cfg: Option<PathBuf>,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, PORT).into(),
            writes: None,
            publish: None,
            credentials: None,
            s3cfg: None,
        }
    }
}

/// The cluster whose gateway it is to be.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Publish {
    /// The cluster's etcd.
    pub etcd: Etcd,
    /// Whether an address may be published that only this machine can reach, or a snapshot without the platform's buckets.
    pub confirmed: bool,
}

impl Publish {
    /// To a cluster by its etcd.
    #[must_use]
    pub fn new(etcd: Etcd) -> Self {
        Self { etcd, confirmed: false }
    }
}

impl ServeOptions {
    /// Refuses what could not work.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(credentials) = &self.credentials {
            credentials.check()?;
        }
        let Some(publish) = &self.publish else { return Ok(()) };
        let refused = |kind, what: &str, todo: &str| {
            Err(Error::new(kind, what).at(At::Address, self.listen).todo(todo))
        };
        if self.writes.is_none() {
            let what = "a platform writes to its gateway, and this one would take no writes";
            return refused(ErrorKind::Usage, what, "give a directory for the writes");
        }
        if self.listen.ip().is_unspecified() {
            let what = "an address that stands for all of a machine's own cannot be published";
            return refused(ErrorKind::Usage, what, "listen on the address at which the platform reaches it");
        }
        if self.listen.ip().is_loopback() && !publish.confirmed {
            let what =
                "only this machine can reach a loopback address, and the platform would be told to use it";
            return refused(ErrorKind::Guard, what, LISTEN_ELSEWHERE);
        }
        Ok(())
    }
}
