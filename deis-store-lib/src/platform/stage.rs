//! The context of the steps: the cluster, its fleet and hosts, the snapshot, and the record of what was done.

use std::sync::Arc;
use std::time::Duration;

use super::record::Record;
use super::version::Version;
use crate::cluster::{Cluster, Configuration};
use crate::error::{At, Error, ErrorKind, Result, printable, words_without_secrets};
use crate::etcd::{Etcd, Node};
use crate::fleet::{Fleet, Machine};
use crate::remote::{Remote, ask, privileged};
use crate::run::Run;
use crate::snapshot::SnapshotReader;

/// The lines of a journal that a diagnosis has.
const JOURNAL_LINES: &str = "8";
/// The machines whose journals a diagnosis has.
const MOST_JOURNALS: usize = 3;

/// The context of the steps.
pub(crate) struct Stage<'a> {
    pub(super) cluster: Cluster,
    pub(super) etcd: Etcd,
    pub(super) fleet: Fleet,
    pub(crate) snapshot: &'a SnapshotReader,
    /// The snapshot's configuration, if it is restored.
    pub(super) configuration: Option<&'a Configuration>,
    pub(crate) record: Record,
    /// How long something may take to be ready.
    pub(super) wait: Duration,
    pub(super) run: &'a Run,
}

impl<'a> Stage<'a> {
    pub(crate) async fn new(
        cluster: &Cluster,
        (snapshot, configuration): (&'a SnapshotReader, Option<&'a Configuration>),
        wait: Duration,
        run: &'a Run,
    ) -> Result<Self> {
        // Another look: the one of the caller may be old.
        let cluster = cluster.again(run).await?;
        let etcd = cluster.etcd()?.clone();
        let record = Record::read(&etcd, snapshot.manifest()).await?;
        let fleet = Fleet::new(&etcd);
        Ok(Self { cluster, etcd, fleet, snapshot, configuration, record, wait, run })
    }

    /// The cluster as it was when it was last asked.
    pub(crate) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Whether there is a fleet in this etcd. One without a machine is an error: they vanish from it when etcd was away.
    pub(crate) async fn has_fleet(&self) -> Result<bool> {
        let units = self.fleet.read().await?;
        if units.is_absent() {
            return Ok(false);
        }
        if units.machines().is_empty() {
            return Err(Error::new(ErrorKind::NotReady, "fleet has no machine now")
                .todo("look at fleetctl list-machines; then run it again"));
        }
        Ok(true)
    }

    /// Asks etcd and the gateways anew.
    pub(crate) async fn look_again(&mut self) -> Result<&Cluster> {
        self.cluster = self.cluster.again(self.run).await?;
        Ok(&self.cluster)
    }

    /// A directory of etcd; an empty one if it is not there.
    pub(super) async fn directory(&self, key: &str) -> Result<Node> {
        Ok(self.etcd.find_tree(key).await?.unwrap_or_else(|| Node::directory(key)))
    }

    /// The text of a key, if it is there.
    pub(super) async fn text(&self, key: &str) -> Result<Option<String>> {
        self.etcd.text(key).await
    }

    /// The machine on which a unit runs, of those that run on one.
    pub(super) async fn machine_of(&self, unit: &str) -> Result<Machine> {
        let units = self.fleet.read().await?;
        let machine = units.machines_of(unit).first().map(|machine| (*machine).clone());
        machine
            .ok_or_else(|| Error::new(ErrorKind::NotReady, "the unit runs on no machine").at(At::Unit, unit))
    }

    /// A machine of the cluster, by its address.
    pub(super) async fn host(&self, address: &str) -> Result<Arc<dyn Remote>> {
        self.cluster.beyond(address).await
    }

    /// The release of the platform, if it says which.
    pub(super) async fn version(&self) -> Result<Option<Version>> {
        if let Some(version) = self.text("/deis/platform/version").await?.as_deref().and_then(Version::parse)
        {
            return Ok(Some(version));
        }
        Version::of_host(&*self.cluster.host).await
    }

    /// The last lines that a unit has said on these machines, for a diagnosis: what cannot be had is left out.
    pub(super) async fn journals(&self, unit: &str, machines: &[Machine]) -> String {
        let mut text = String::new();
        for machine in machines.iter().take(MOST_JOURNALS) {
            if let Ok(lines) = self.journal(unit, &machine.address, JOURNAL_LINES).await {
                let lines: Vec<&str> = lines.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
                if !lines.is_empty() {
                    let lines = printable(&words_without_secrets(&lines.join(" | ")));
                    text.push_str(&format!("; its journal on {}: {lines}", printable(&machine.address)));
                }
            }
        }
        text
    }

    /// The last so many lines of a unit's journal on a machine.
    pub(super) async fn journal(&self, unit: &str, address: &str, lines: &str) -> Result<String> {
        let host = self.host(address).await?;
        let journal = ["journalctl", "--no-pager", "-o", "cat", "-n", lines, "-u", unit];
        let output = ask(&*host, &privileged(&*host, &journal).await?).await?;
        output.exit.require_success(ErrorKind::NotReady, host.host())?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
