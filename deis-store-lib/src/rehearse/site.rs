//! The two clusters of a rehearsal, each with an embedded gateway.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::damaged::Damaged;
use super::host::MadeHost;
use super::made::Sample;
use super::options::RehearseOptions;
use crate::blocking::blocking;
use crate::cluster::{Cluster, Discovery};
use crate::error::{Result, disk_error};
use crate::etcd::{Etcd, Memory, Node};
use crate::gateway::{Gateway, GatewayOptions, Store, new_keys};
use crate::http::{HttpSend, Timeouts, connect};
use crate::run::Run;
use crate::s3::Client;
use crate::s3::client::ClientOptions;
use crate::secret::Credentials;
use crate::snapshot::SnapshotReader;

/// Bodies from this size on are kept in a file and not in memory.
const SPOOLED_FROM_BYTES: u64 = 4 << 10;

/// How often the disk is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Requests in flight at most: the gateways are within this process, and more would only take its memory.
const IN_FLIGHT: usize = 6;

/// A made cluster: a gateway, an etcd and a host.
pub(super) struct Site {
    pub(super) gateway: Gateway,
    pub(super) store: Arc<Store>,
    pub(super) credentials: Credentials,
    /// Straight to the gateway.
    pub(super) client: Client,
    pub(super) etcd: Arc<Memory>,
    pub(super) host: Arc<MadeHost>,
    pub(super) cluster: Cluster,
}

/// The properties of a made cluster that differ from those of the other one.
struct Made<'a> {
    name: &'a str,
    tree: Node,
    host: Arc<MadeHost>,
    damage: Option<&'a str>,
}

impl Site {
    pub(super) async fn old(options: &RehearseOptions, run: &Run) -> Result<Self> {
        let sample = Sample::new(options.seed);
        let host = Arc::new(MadeHost::old(sample));
        let made =
            Made { name: "old", tree: sample.configuration(), host, damage: options.damage.as_deref() };
        let store = spooling(&options.scratch, made.name)?;
        Self::start(store, made, run).await
    }

    pub(super) async fn new(scratch: &Path, run: &Run) -> Result<Self> {
        let (tree, host) = (Node::directory("/deis"), Arc::new(MadeHost::new()));
        let made = Made { name: "new", tree, host, damage: None };
        Self::start(spooling(scratch, made.name)?, made, run).await
    }

    /// The cluster of which a snapshot was taken, as far as its buckets go.
    pub(super) async fn of_snapshot(snapshot: &SnapshotReader, run: &Run) -> Result<Self> {
        let reader = snapshot.clone();
        let store = blocking(move || Store::of_snapshot(&reader)).await?;
        let (tree, host) = (Node::directory("/deis"), Arc::new(MadeHost::new()));
        Self::start(store, Made { name: "old", tree, host, damage: None }, run).await
    }

    async fn start(store: Store, made: Made<'_>, run: &Run) -> Result<Self> {
        let Made { tree, host, damage, .. } = made;
        // Nobody else on this machine may read a snapshot through it.
        let credentials = new_keys()?;
        let store = Arc::new(store);
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let gateway = Gateway::start(
            listen,
            store.clone(),
            credentials.clone(),
            GatewayOptions::new(run.clock.clone()),
        )
        .await?;
        let transport = connect(&gateway.url(), Timeouts::default())?;
        let client = |transport: Arc<dyn HttpSend>| {
            let options = ClientOptions { in_flight: IN_FLIGHT, ..ClientOptions::default() };
            Client::new(vec![transport], credentials.clone(), options, run)
        };
        let straight = client(transport.clone())?;
        let on_the_way: Arc<dyn HttpSend> = match damage {
            Some(key) => Arc::new(Damaged::new(transport, key)),
            None => transport,
        };
        let etcd = Arc::new(Memory::of(&tree));
        let pair = (Etcd::new(etcd.clone()), Discovery::from_tree(&tree));
        let cluster = Cluster::new(client(on_the_way)?, Some(pair), host.clone())?;
        Ok(Self { gateway, store, credentials, client: straight, etcd, host, cluster })
    }
}

fn spooling(scratch: &Path, name: &str) -> Result<Store> {
    let scratch = scratch.join(name);
    let made = std::fs::DirBuilder::new().mode(0o700).create(&scratch);
    made.map_err(|error| disk_error("make the directory", scratch.display(), error))?;
    Store::spooling(&scratch, SPOOLED_FROM_BYTES)
}

/// Goes a way between two gateways. One of them says only that it has failed, and is asked again; here it is known why.
pub(super) async fn gone(
    way: impl Future<Output = Result<()>>,
    (old, new): (&Site, &Site),
    scratch: &Path,
    run: &Run,
) -> Result<()> {
    let (result, failure) = tokio::select! {
        result = run.stop.cancels(way) => (result, disk_failure(old, new)),
        failure = wait_for_disk_failure(old, new) => (Ok(()), Some(failure)),
    };
    let what = "write to the disk that the rehearsal is made on";
    failure.map_or(result, |error| Err(disk_error(what, scratch.display(), error)))
}

/// The failure of the disk below one of the gateways.
fn disk_failure(old: &Site, new: &Site) -> Option<std::io::Error> {
    old.store.take_disk_failure().or_else(|| new.store.take_disk_failure())
}

async fn wait_for_disk_failure(old: &Site, new: &Site) -> std::io::Error {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Some(error) = disk_failure(old, new) {
            return error;
        }
    }
}
