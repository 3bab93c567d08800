//! A cluster, connected: its gateways, its etcd and the host on which commands run.
//!
//! This alone of the cluster's files knows S3's client.

use std::fmt;
use std::sync::Arc;

use super::discovery::Discovery;
use crate::contents::Contents;
use crate::error::{At, Error, ErrorKind, Result};
use crate::etcd::{Etcd, Node};
use crate::fleet::Fleet;
use crate::http::{ConnectOptions, Endpoint, HttpSend, HyperTransport, connect};
use crate::outcome::PartOutcome;
use crate::part::Part;
use crate::remote::Remote;
use crate::run::Run;
use crate::s3::client::ClientOptions;
use crate::s3::{BucketName, Client};
use crate::secret::Credentials;
use crate::volume::{self, STORE};

/// The facts that are known of a cluster before it is asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClusterOptions {
    /// The host on which commands run, and through which everything is reached if it is another one.
    pub host: Arc<dyn Remote>,
    /// Whether that host is another one.
    pub tunnelled: bool,
    /// etcd's URL, as seen from the host.
    pub etcd: String,
    /// The gateways' URLs, as seen from the host; without one, etcd is asked for all.
    pub gateways: Vec<String>,
    /// The gateways' keys; without them, etcd is asked.
    pub credentials: Option<Credentials>,
    /// The keys to use if etcd holds none.
    pub fallback: Option<Credentials>,
    /// Whether etcd must answer: the volume and the dump can be had without it.
    pub requires_etcd: bool,
    /// Where the store volume is on the host.
    pub volume: String,
    /// How the gateways are connected to: certificates and a proxy are for them, never for etcd.
    pub connect: ConnectOptions,
    /// How the S3 client behaves.
    pub client: ClientOptions,
}

impl ClusterOptions {
    /// A cluster whose etcd is asked for everything.
    #[must_use]
    pub fn new(host: Arc<dyn Remote>, tunnelled: bool) -> Self {
        Self {
            host,
            tunnelled,
            etcd: "http://127.0.0.1:4001".to_owned(),
            gateways: Vec::new(),
            credentials: None,
            fallback: None,
            requires_etcd: true,
            volume: STORE.to_owned(),
            connect: ConnectOptions::default(),
            client: ClientOptions::default(),
        }
    }

    /// The cluster's etcd. Nothing is asked yet; the run's monitor is told of long waits.
    pub async fn etcd(&self, run: &Run) -> Result<Etcd> {
        Ok(Etcd::new(self.transport(&self.etcd, &ConnectOptions::default()).await?).telling(run))
    }

    /// Whether etcd is asked: not if gateways and keys are given.
    pub(crate) fn asks_etcd(&self) -> bool {
        self.gateways.is_empty() || self.credentials.is_none()
    }

    /// The way to an endpoint: direct, or through a forward on the host.
    pub(crate) async fn transport(&self, url: &str, options: &ConnectOptions) -> Result<Arc<dyn HttpSend>> {
        if !self.tunnelled {
            return connect(url, options.clone());
        }
        if let Some(proxy) = &options.proxy {
            let error = Error::new(ErrorKind::Unsupported, "a proxy cannot be used through a tunnel");
            return Err(error.at(At::Proxy, proxy).todo("leave out the tunnel or the proxy"));
        }
        let endpoint = Endpoint::new(url)?;
        if endpoint.is_https() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "only http:// endpoints can be reached through a tunnel",
            )
            .at(At::Endpoint, url)
            .todo("leave out the tunnel for https"));
        }
        let dial = self.host.forward(endpoint.host(), endpoint.port()).await?;
        Ok(Arc::new(HyperTransport::new(dial, endpoint.through(self.host.host()), options.timeouts)))
    }
}

/// The error of a cluster of which nothing is known, since its etcd does not say it.
fn unasked(error: Error, endpoint: &Endpoint) -> Error {
    const TODO: &str = "check etcd's address and the host, or give a gateway and keys";
    match error.kind() {
        ErrorKind::Unreachable | ErrorKind::Timeout => {
            let what = "etcd, which says where the gateways are and has their keys, cannot be asked";
            Error::new(error.kind(), what).at(At::Endpoint, endpoint).because(error).todo(TODO)
        }
        _ => error.todo(TODO),
    }
}

/// One Deis cluster.
pub struct Cluster {
    /// Its gateways; or why they are not known, which is no matter where no bucket is.
    s3: Result<Client>,
    /// The host on which commands run.
    pub host: Arc<dyn Remote>,
    /// Where the store volume is on that host.
    pub volume: String,
    /// The answer of its etcd, if that was asked.
    pub discovery: Option<Discovery>,
    etcd: Option<Etcd>,
    /// How it was connected to.
    options: Option<ClusterOptions>,
    has_host: bool,
    db_wal: BucketName,
    registry: BucketName,
}

impl Cluster {
    /// Finds a cluster's gateways and keys. With gateways and keys given, etcd is not asked.
    pub async fn connect(options: ClusterOptions, run: &Run) -> Result<Self> {
        // A wrong address is named before anybody is asked.
        for url in &options.gateways {
            Endpoint::new(url)?;
        }
        options.host.login().tells(run);
        let given = !options.asks_etcd();
        let etcd = if given { None } else { Some(options.etcd(run).await?) };
        let mut tree = None;
        let mut without_tree = None;
        if let Some(etcd) = &etcd {
            match etcd.tree("/deis").await.map_err(|error| unasked(error, etcd.endpoint())) {
                Ok(found) => tree = Some(found),
                // A new cluster of which nothing was started: its configuration can be set.
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    (tree, without_tree) = (Some(Node::directory("/deis")), Some(error));
                }
                Err(_) if !options.requires_etcd => {}
                Err(error) => return Err(error),
            }
        }
        let discovery = tree.as_ref().map(Discovery::from_tree);
        let s3 = match without_tree {
            Some(error) if options.gateways.is_empty() || options.credentials.is_none() => Err(error),
            _ => match Self::gateways(&options, discovery.as_ref(), run).await {
                // Which of the parts need them is not known yet.
                Err(error) if error.kind() == ErrorKind::NotReady => Err(error),
                known => Ok(known?),
            },
        };
        let etcd = etcd.zip(discovery);
        let has_host = options.tunnelled || !given;
        let (volume, host) = (options.volume.clone(), options.host.clone());
        Ok(Self { volume, has_host, options: Some(options), ..Self::of(s3, etcd, host)? })
    }

    /// The same cluster, asked anew: its gateways and keys may be others by now.
    pub(crate) async fn again(&self, run: &Run) -> Result<Self> {
        Self::connect(self.options()?.clone(), run).await
    }

    /// The gateway that the platform's own components use: the one that led when it was asked, or those that were given.
    pub(crate) async fn leader(&self, run: &Run) -> Result<Client> {
        let mut options = self.options()?.clone();
        if options.gateways.is_empty() {
            let gateways = self.discovery.as_ref().map(Discovery::require_gateways).transpose()?;
            options.gateways =
                gateways.into_iter().flatten().take(1).map(|gateway| format!("http://{gateway}")).collect();
        }
        Self::gateways(&options, self.discovery.as_ref(), run).await
    }

    /// Another host of the cluster, reached through this one.
    pub(crate) async fn beyond(&self, address: &str) -> Result<Arc<dyn Remote>> {
        self.host.beyond(address).await
    }

    /// The host on which the store volume is read and written: this one, or one beyond it on which the volume is mounted.
    pub(crate) async fn volume_host(&self) -> Result<Arc<dyn Remote>> {
        let own = self.host.clone();
        let Some(etcd) = self.etcd.as_ref().filter(|_| self.volume == STORE) else { return Ok(own) };
        if !matches!(volume::not_ceph(&*own).await, Ok(Some(_))) {
            return Ok(own);
        }
        Ok(mounting_beyond(&*own, etcd).await?.unwrap_or(own))
    }

    /// Whether its host is another machine than this one.
    pub(crate) fn is_tunnelled(&self) -> bool {
        self.options.as_ref().is_some_and(|options| options.tunnelled)
    }

    /// Whether its gateways are reached through its router, which knows the store by its name.
    pub(crate) fn is_behind_router(&self) -> bool {
        let urls = self.options.iter().flat_map(|options| &options.gateways);
        urls.filter_map(|url| Endpoint::new(url).ok())
            .any(|endpoint| endpoint.host().starts_with("deis-store."))
    }

    fn options(&self) -> Result<&ClusterOptions> {
        self.options.as_ref().ok_or_else(|| {
            let what = "a cluster that was made of its parts cannot be asked anew";
            Error::new(ErrorKind::Unsupported, what).todo("connect to it with `Cluster::connect`")
        })
    }

    /// The gateways of a cluster, or that they are not ready.
    async fn gateways(options: &ClusterOptions, discovery: Option<&Discovery>, run: &Run) -> Result<Client> {
        let urls = match (discovery, options.gateways.is_empty()) {
            (Some(found), true) => {
                found.require_gateways()?.iter().map(|gateway| format!("http://{gateway}")).collect()
            }
            (None, true) => {
                return Err(Error::new(ErrorKind::NotReady, "no gateway is known, and etcd does not answer")
                    .todo("check etcd's address and the host, or give a gateway and keys"));
            }
            _ => options.gateways.clone(),
        };
        let found = discovery.and_then(|found| found.credentials.clone());
        let credentials =
            options.credentials.clone().or(found).or(options.fallback.clone()).ok_or_else(|| {
                Error::new(ErrorKind::NotReady, "the gateways' keys are not in etcd")
                    .todo("wait until store-gateway has started, or give the gateways' keys")
            })?;
        let mut gateways = Vec::with_capacity(urls.len());
        for url in &urls {
            gateways.push(options.transport(url, &options.connect).await?);
        }
        Client::new(gateways, credentials, options.client.clone(), run)
    }

    /// A cluster of these, with the store volume where Deis mounts it. Without etcd its buckets have Deis' names.
    pub fn new(s3: Client, etcd: Option<(Etcd, Discovery)>, host: Arc<dyn Remote>) -> Result<Self> {
        Self::of(Ok(s3), etcd, host)
    }

    fn of(s3: Result<Client>, etcd: Option<(Etcd, Discovery)>, host: Arc<dyn Remote>) -> Result<Self> {
        let (etcd, discovery) = etcd.unzip();
        let bucket = |own: fn(&Discovery) -> &String, usual: &str| {
            BucketName::new(discovery.as_ref().map_or(usual, |found| own(found)))
        };
        let db_wal = bucket(|found| &found.db_wal_bucket, "db_wal")?;
        let registry = bucket(|found| &found.registry_bucket, "registry")?;
        let options = None;
        Ok(Self {
            s3,
            host,
            volume: STORE.to_owned(),
            discovery,
            etcd,
            options,
            has_host: true,
            db_wal,
            registry,
        })
    }

    /// Its gateways; or an error that says why they are not known.
    pub fn s3(&self) -> Result<&Client> {
        self.s3.as_ref().map_err(Error::again)
    }

    /// The bucket of a part, if it is one.
    #[must_use]
    pub(crate) fn bucket<'a>(&'a self, part: &'a Part) -> Option<&'a BucketName> {
        let bucket = part.as_bucket()?;
        Some(bucket.added().unwrap_or(match bucket.contents() {
            Contents::WalE => &self.db_wal,
            Contents::Plain | Contents::Registry => &self.registry,
        }))
    }

    /// Its etcd.
    pub fn etcd(&self) -> Result<&Etcd> {
        self.etcd.as_ref().ok_or_else(|| Error::new(ErrorKind::Usage, NO_ETCD))
    }

    /// Why a part is not to be had from this cluster, as far as is known without looking for it.
    #[must_use]
    pub(crate) fn absent(&self, part: &Part) -> Option<(PartOutcome, String)> {
        match part {
            Part::Config if self.etcd.is_none() => Some((PartOutcome::Skipped, NO_ETCD.to_owned())),
            Part::Sql | Part::Volume if !self.has_host => {
                Some((PartOutcome::Skipped, "no host of the cluster is known".to_owned()))
            }
            Part::Bucket(bucket) if bucket.added().is_none() && bucket.contents() == Contents::Registry => {
                let elsewhere = self.discovery.as_ref()?.registry_elsewhere.as_ref()?;
                Some((
                    PartOutcome::Absent,
                    format!("the registry keeps its images in {elsewhere}: back that up there"),
                ))
            }
            _ => None,
        }
    }
}

/// A host beyond this one on which the store volume is mounted.
pub(crate) async fn mounting_beyond(own: &dyn Remote, etcd: &Etcd) -> Result<Option<Arc<dyn Remote>>> {
    let units = Fleet::new(etcd).read().await?;
    for machine in units.machines_of("deis-store-volume.service") {
        let Ok(host) = own.beyond(&machine.address).await else { continue };
        if matches!(volume::not_ceph(&*host).await, Ok(None)) {
            return Ok(Some(host));
        }
    }
    Ok(None)
}

const NO_ETCD: &str = "with a gateway and keys given, etcd is not asked";

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("s3", &self.s3.as_ref().ok())
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}
