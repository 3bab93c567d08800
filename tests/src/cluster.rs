//! A whole cluster: its servers started side by side, filled, kept alive, and stopped again.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread::{Scope, ScopedJoinHandle, scope};
use std::time::{Duration, Instant};

use crate::ceph::{Ceph, Keyrings, Plan};
use crate::environment::{Environment, Postgres};
use crate::error::{Context, Error, Result};
use crate::etcd::Etcd;
use crate::host::{self, Host};
use crate::keeper::Keeper;
use crate::keys::{self, Key};
use crate::planted::{Planted, store_secrets};
use crate::process::Server;
use crate::wal_e::WalE;
use crate::{buckets, database, fleet, volume};

/// The longest path of a cluster's directory. A unix socket's path has at most 107 bytes, and the longest one below the
/// directory adds about 40.
const LONGEST_DIRECTORY: usize = 64;

/// The kind of a cluster.
#[derive(Debug, Clone)]
pub struct Options {
    /// The cluster's name, for people.
    pub name: String,
    /// Whether the cluster is a platform that has been in use. Else it is a new store without buckets, for a restore.
    pub filled: bool,
    /// The number of gateways: one or two.
    pub gateways: u8,
}

/// The running cluster. Dropping it stops everything.
#[derive(Debug)]
pub struct Cluster {
    environment: Environment,
    // Dropped in this order, so that the servers that write stop before those that store.
    _keeper: Keeper,
    _host: Host,
    _database: Option<Server>,
    _ceph: Ceph,
    _etcd: Etcd,
}

impl Cluster {
    /// Starts a cluster in an existing directory, and returns when all of it can be used.
    pub fn start(directory: &Path, options: &Options) -> Result<Self> {
        check_gateways(options)?;
        check(directory)?;
        let plan = Plan::new(options.gateways)?;
        let planted = Planted::new()?;
        let database = options.filled.then(|| Postgres::prepare(&directory.join("postgres"))).transpose()?;
        let volume = directory.join("volume");
        let step = Steps { name: &options.name, started: Instant::now() };

        let etcd = step.time("etcd", || Etcd::start(directory))?;
        let (ceph, host, server) = scope(|threads| {
            let ceph = spawn(threads, || {
                let ceph = step.time("ceph", || Ceph::start(directory, &plan))?;
                if options.filled {
                    step.time("buckets", || buckets::make(&plan))?;
                }
                Ok(ceph)
            });
            let host = spawn(threads, || {
                fs::create_dir(&volume).context(volume.display())?;
                if options.filled {
                    volume::fill(&volume)?;
                }
                let containers = if options.filled { host::PLATFORM } else { host::STORE };
                step.time("host", || Host::start(directory, &volume, containers, database.as_ref()))
            });
            let filled = database.as_ref().map(|database| {
                spawn(threads, || step.time("postgres", || database::start(database, &planted, directory)))
            });
            let ceph = finish(ceph);
            // The objects and the base backups need the gateway.
            let objects = (ceph.is_ok() && options.filled)
                .then(|| spawn(threads, || step.time("objects", || buckets::fill(&plan))));
            let server = filled.map(finish).transpose();
            let ceph = ceph?;
            let server = server?;
            if let Some(database) = &database {
                let wal_e = WalE::new(
                    &directory.join("postgres"),
                    &plan.gateways[0],
                    &plan.access_key,
                    &plan.secret_key,
                )?;
                step.time("base backups", || database::push_backups(database, &wal_e, directory))?;
            }
            objects.map(finish).transpose()?;
            Ok((ceph, finish(host)?, server))
        })?;

        let keyrings = Keyrings::read(directory)?;
        set_all(&etcd, &stored_keys(options, &plan, &keyrings, &planted)?)?;
        let mut presence = keys::gateway_presence(&plan)?;
        if let Some(database) = &database {
            presence.extend(keys::platform_presence(database.port)?);
        }
        let growing = options.filled.then(|| volume.join(volume::GROWING));
        let keeper = Keeper::start(etcd.client().clone(), presence, growing)?;

        let mut secrets = store_secrets(&plan, &keyrings);
        secrets
            .extend(planted.secrets().into_iter().filter(|secret| options.filled || secret.what == PASSWORD));
        let environment = Environment {
            name: options.name.clone(),
            directory: directory.to_owned(),
            gateways: plan.gateways.iter().map(|address| format!("http://{address}")).collect(),
            access_key: plan.access_key,
            secret_key: plan.secret_key,
            etcd: etcd.client().url(),
            tunnel: host.tunnel(),
            ssh_config: host.ssh_config(),
            volume,
            postgres: database,
            secrets,
        };
        environment.save(directory)?;
        step.say("ready");
        Ok(Self { environment, _keeper: keeper, _host: host, _database: server, _ceph: ceph, _etcd: etcd })
    }

    /// The description of the cluster for a test.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }
}

/// The only planted secret that a fresh store has.
const PASSWORD: &str = "/deis/database/password";

/// Prints on standard error how far the start has come.
pub(crate) struct Steps<'a> {
    pub(crate) name: &'a str,
    pub(crate) started: Instant,
}

impl Steps<'_> {
    pub(crate) fn time<T>(&self, what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let begun = Instant::now();
        let done = work().context(format!("Cluster {}: {what}", self.name))?;
        self.say(&format!("{what} ({})", seconds(begun.elapsed())));
        Ok(done)
    }

    pub(crate) fn say(&self, what: &str) {
        eprintln!("{:>7}  cluster {}: {what}", seconds(self.started.elapsed()), self.name);
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn check_gateways(options: &Options) -> Result<()> {
    if (1..=2).contains(&options.gateways) {
        Ok(())
    } else {
        Err(Error::new("A cluster has one or two gateways"))
    }
}

/// Checks the directory of a cluster, and lets the user postgres through it.
pub(crate) fn check(directory: &Path) -> Result<()> {
    if directory.as_os_str().len() > LONGEST_DIRECTORY {
        return Err(Error::new(format!(
            "{} is too long a path for the sockets below it: at most {LONGEST_DIRECTORY} bytes",
            directory.display()
        )));
    }
    // The user postgres must be able to reach its own directory.
    fs::set_permissions(directory, Permissions::from_mode(0o711)).context(directory.display())
}

fn stored_keys(options: &Options, plan: &Plan, keyrings: &Keyrings, planted: &Planted) -> Result<Vec<Key>> {
    let mut stored = keys::store(plan, keyrings)?;
    if options.filled {
        stored.extend(keys::platform(planted));
        stored.extend(fleet::keys(host::PLATFORM));
    } else {
        // Without fleet: its store is started by nobody, and a restore brings back parts alone.
        stored.extend(keys::fresh(planted));
    }
    Ok(stored)
}

fn set_all(etcd: &Etcd, keys: &[Key]) -> Result<()> {
    for key in keys {
        match &key.value {
            Some(value) => etcd.client().set(&key.name, value)?,
            None => etcd.client().make_directory(&key.name)?,
        }
    }
    Ok(())
}

/// Starts a thread of a cluster's start.
pub(crate) fn spawn<'scope, T: Send + 'scope>(
    threads: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> Result<T> + Send + 'scope,
) -> ScopedJoinHandle<'scope, Result<T>> {
    threads.spawn(work)
}

/// Waits for a thread of a cluster's start.
pub(crate) fn finish<T>(thread: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().unwrap_or_else(|_| Err(Error::new("A starting thread panicked")))
}
