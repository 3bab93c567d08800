//! A bare cluster of three machines, the target of the restore of a whole platform: an etcd with fleet's machines and
//! the operator's domain, and an agent that plays the machines. No unit runs; Ceph does, but nothing of it is published.

use std::path::Path;
use std::time::Instant;

use crate::agent::{Agent, Machine, Options, Site};
use crate::ceph::{Ceph, Keyrings, Plan};
use crate::cluster::{Steps, check, finish, spawn};
use crate::environment::{Environment, Postgres};
use crate::error::{Context, Result};
use crate::etcd::{Client, Etcd};
use crate::host::Setup;
use crate::planted::store_secrets;

/// The number of machines: 127.0.0.1, which is the tunnel's, 127.0.0.2 and 127.0.0.3.
const MACHINES: usize = 3;
/// Keys of other programs than Deis.
const NOISE: [(&str, &str); 4] = [
    ("/coreos.com/network/config", "{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}}"),
    ("/coreos.com/network/subnets/10.244.7.0-24", "{\"PublicIP\":\"127.0.0.1\",\"BackendType\":\"vxlan\"}"),
    ("/_coreos.com/fleet/engine/version", "1"),
    (
        "/_coreos.com/fleet/lease/engine-leader",
        "{\"MachineID\":\"5277b5e9c0f94b5d8a3e1d2c3b4a5961\",\"Version\":1}",
    ),
];

/// The running cluster. Dropping it stops everything.
#[derive(Debug)]
pub struct Bare {
    environment: Environment,
    // Dropped in this order, so that what writes stops before what stores.
    agent: Agent,
    _ceph: Ceph,
    etcd: Etcd,
}

impl Bare {
    /// Starts a cluster in an existing directory, and returns when a restore can begin.
    pub fn start(directory: &Path, options: Options) -> Result<Self> {
        check(directory)?;
        let plan = Plan::new(1)?;
        let postgres = Postgres::prepare(&directory.join("postgres"))?;
        let volume = directory.join("volume");
        std::fs::create_dir(&volume).context(volume.display())?;
        let name = options.name.clone();
        let step = Steps { name: &name, started: Instant::now() };
        let (ceph, machines, etcd) = std::thread::scope(|threads| {
            let ceph = spawn(threads, || step.time("ceph", || Ceph::start(directory, &plan)));
            let machines = spawn(threads, || step.time("machines", || start(directory, &postgres, &options)));
            let addresses: Vec<String> = (1..=MACHINES).map(|number| format!("127.0.0.{number}")).collect();
            let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
            let etcd = step.time("etcd", || Etcd::start_on(directory, &addresses));
            Ok((finish(ceph)?, finish(machines)?, etcd?))
        })?;
        let first = machines[0].host();
        let (tunnel, ssh_config) = (first.tunnel(), first.ssh_config());
        drop(first);
        let keyrings = Keyrings::read(directory)?;
        for (key, value) in NOISE {
            etcd.client().set(key, value)?;
        }
        etcd.client().set("/deis/platform/domain", "new.example.net")?;
        if options.version_key {
            etcd.client().set("/deis/platform/version", &options.release.to_string())?;
        }
        let environment = Environment {
            name: name.clone(),
            directory: directory.to_owned(),
            gateways: plan.gateways.iter().map(|address| format!("http://{address}")).collect(),
            access_key: plan.access_key.clone(),
            secret_key: plan.secret_key.clone(),
            etcd: etcd.client().url(),
            tunnel,
            ssh_config,
            volume: volume.clone(),
            postgres: Some(postgres.clone()),
            secrets: store_secrets(&plan, &keyrings),
        };
        let installed = options.installed;
        let agent = Agent::start(Site {
            options,
            directory: directory.to_owned(),
            etcd: etcd.client().clone(),
            machines,
            plan,
            keyrings,
            volume,
            postgres,
        });
        if installed {
            agent.install()?;
        }
        step.say("ready");
        Ok(Self { environment, agent, _ceph: ceph, etcd })
    }

    /// The description of the cluster for a test. Its database is there once the agent has started it.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The agent that plays the machines.
    #[must_use]
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// A client of its etcd.
    #[must_use]
    pub fn etcd(&self) -> &Client {
        self.etcd.client()
    }
}

/// Starts all machines, and writes the configuration with which ssh knows them.
fn start(directory: &Path, postgres: &Postgres, options: &Options) -> Result<Vec<Machine>> {
    let machines = (1..=MACHINES)
        .map(|number| Machine::start(number, directory, postgres, options))
        .collect::<Result<Vec<_>>>()?;
    {
        let hosts: Vec<_> = machines.iter().map(Machine::host).collect();
        let hosts: Vec<_> = hosts.iter().map(|host| &**host).collect();
        Setup::write_client_configuration(&directory.join("login_key"), &hosts)?;
    }
    Ok(machines)
}
