//! More gateways for the time of a backup or a restore, as the page advises, and as many as before afterwards.
//!
//! What was done is kept in etcd before it is done, so that a later call puts back what a run that was killed has left.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::wait::{Seen, until};
use crate::cluster::Cluster;
use crate::error::{At, Error, ErrorKind, Result};
use crate::etcd::Etcd;
use crate::fleet::{Fleet, Health, Target, Units};
use crate::run::{Level, Run};

const KEPT: &str = "/deis-store/scaled-gateways";
const HOSTS: &str = "/deis/store/gateway/hosts";
const COMPONENT: &str = "deis-store-gateway";

/// Gateways that were started for a while.
#[derive(Debug)]
pub struct ScaledGateways {
    cluster: Cluster,
    etcd: Etcd,
    fleet: Fleet,
    left: Left,
}

/// What is to be put back.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Left {
    /// Units that were submitted.
    submitted: BTreeSet<String>,
    /// Units that were there, and did not run.
    started: BTreeSet<String>,
}

impl ScaledGateways {
    /// Starts gateways until so many run, and waits until all are published: not more than there are machines for them, since no
    /// machine runs two.
    pub async fn scale(cluster: &Cluster, gateways: usize, wait: Duration, run: &Run) -> Result<Self> {
        let etcd = cluster.etcd()?.clone();
        let fleet = Fleet::new(&etcd);
        put_back(&etcd, &fleet).await?;
        let units = fleet.read().await?;
        let numbered = units.numbered(COMPONENT);
        let Some(first) = numbered.first() else {
            let what = "fleet has no store-gateway with a number, so there can be no more than there are";
            return Err(
                Error::new(ErrorKind::Unsupported, what).todo("leave the number of gateways as it is")
            );
        };
        let most = units.eligible(first).len();
        let wanted = gateways.min(most);
        if wanted < gateways {
            let text = format!("{wanted} gateways instead of {gateways}: no more machines may run one");
            run.note(Level::Warning, "gateways", &text);
        }
        let left = missing(&units, &numbered, wanted);
        if !left.is_empty() {
            let kept = serde_json::to_string(&left).map_err(|error| {
                Error::new(ErrorKind::Internal, "cannot write what is to be put back").because(error)
            })?;
            etcd.set(KEPT, &kept, None).await?;
        }
        for unit in &left.submitted {
            fleet.submit_like(first, unit).await?;
        }
        for unit in left.submitted.iter().chain(&left.started) {
            fleet.set(unit, Target::Launched).await?;
        }
        let started: Vec<&String> = left.submitted.iter().chain(&left.started).collect();
        let published =
            until(("more gateways", wait), run, || are_published(&etcd, &fleet, &started, wanted)).await;
        if let Err(error) = published {
            put_back(&etcd, &fleet).await?;
            return Err(error.at(At::Unit, COMPONENT));
        }
        let cluster = cluster.again(run).await?;
        Ok(Self { cluster, etcd, fleet, left })
    }

    /// The cluster with all its gateways.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Takes away what was started.
    pub async fn put_back(self) -> Result<()> {
        if self.left.is_empty() {
            return Ok(());
        }
        put_back(&self.etcd, &self.fleet)
            .await
            .map_err(|error| error.todo("run `deisctl scale store-gateway=N` with the number that there was"))
    }
}

impl Left {
    fn is_empty(&self) -> bool {
        self.submitted.is_empty() && self.started.is_empty()
    }
}

/// The units to start, so that so many run: first those that are there.
fn missing(units: &Units, numbered: &[String], wanted: usize) -> Left {
    let launched = numbered.iter().filter(|unit| units.is_launched(unit)).count();
    let mut left = Left::default();
    let mut more = wanted.saturating_sub(launched);
    let loaded = numbered.iter().filter(|unit| !units.is_launched(unit)).take(more);
    left.started.extend(loaded.cloned());
    more -= left.started.len();
    let free = (1_u32..)
        .map(|number| format!("{COMPONENT}@{number}.service"))
        .filter(|unit| !numbered.contains(unit));
    left.submitted.extend(free.take(more));
    left
}

async fn are_published(etcd: &Etcd, fleet: &Fleet, started: &[&String], wanted: usize) -> Result<Seen<()>> {
    let units = fleet.read().await?;
    for unit in started {
        if let Health::Waiting(why) | Health::Failed(why) = units.health(unit) {
            return Ok(Seen::NotYet(why));
        }
    }
    if started.is_empty() {
        return Ok(Seen::Ready(()));
    }
    let published = etcd.find_tree(HOSTS).await?.map_or(0, |hosts| hosts.nodes.len());
    Ok(if published < wanted {
        Seen::NotYet(format!("{published} of {wanted} are published in {HOSTS}"))
    } else {
        Seen::Ready(())
    })
}

/// Puts back what a run that was killed has left.
pub(crate) async fn put_back_left(cluster: &Cluster) -> Result<()> {
    let etcd = cluster.etcd()?;
    put_back(etcd, &Fleet::new(etcd)).await
}

/// Puts back what etcd says is to be put back.
async fn put_back(etcd: &Etcd, fleet: &Fleet) -> Result<()> {
    let Some(text) = etcd.text(KEPT).await? else { return Ok(()) };
    let left: Left = serde_json::from_str(&text).map_err(|_| {
        Error::new(ErrorKind::Protocol, "what is kept of scaled gateways cannot be read")
            .at(At::Key, KEPT)
            .todo("scale the gateways by hand (deisctl scale store-gateway=N), and remove the key")
    })?;
    for unit in &left.submitted {
        fleet.remove(unit).await?;
    }
    for unit in &left.started {
        fleet.set(unit, Target::Loaded).await?;
    }
    etcd.delete(KEPT).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::Memory;

    fn keys(units: &[(&str, &str)]) -> Vec<(String, String)> {
        let job = |unit: &str, key: &str| format!("/_coreos.com/fleet/job/{unit}/{key}");
        let of = |(unit, target): &(&str, &str)| {
            let object = format!(r#"{{"Name":"{unit}","UnitHash":[10]}}"#);
            [(job(unit, "object"), object), (job(unit, "target-state"), (*target).to_owned())]
        };
        let mut keys: Vec<(String, String)> = units.iter().flat_map(of).collect();
        for id in ["m1", "m2", "m3"] {
            let object = format!(r#"{{"ID":"{id}","PublicIP":"10.0.0.1","Metadata":{{}}}}"#);
            keys.push((format!("/_coreos.com/fleet/machines/{id}/object"), object));
        }
        keys
    }

    fn etcd(units: &[(&str, &str)]) -> (std::sync::Arc<Memory>, Etcd) {
        let keys = keys(units);
        let keys: Vec<(&str, &str)> =
            keys.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let memory = Memory::with(&keys);
        let etcd = Etcd::new(memory.clone());
        (memory, etcd)
    }

    #[tokio::test]
    async fn units_that_are_there_are_started_before_others_are_submitted() {
        let (_, etcd) =
            etcd(&[("deis-store-gateway@1.service", "launched"), ("deis-store-gateway@3.service", "loaded")]);
        let units = Fleet::new(&etcd).read().await.unwrap();
        let left = missing(&units, &units.numbered(COMPONENT), 3);
        assert_eq!(left.started, ["deis-store-gateway@3.service".to_owned()].into());
        assert_eq!(left.submitted, ["deis-store-gateway@2.service".to_owned()].into());
        assert!(missing(&units, &units.numbered(COMPONENT), 1).is_empty());
    }

    #[tokio::test]
    async fn what_a_run_that_was_killed_has_scaled_is_put_back_by_the_next() {
        let (memory, etcd) = etcd(&[
            ("deis-store-gateway@1.service", "launched"),
            ("deis-store-gateway@3.service", "launched"),
        ]);
        let before = memory.len();
        let fleet = Fleet::new(&etcd);
        fleet.submit_like("deis-store-gateway@1.service", "deis-store-gateway@2.service").await.unwrap();
        let object = memory.value("/_coreos.com/fleet/job/deis-store-gateway@2.service/object").unwrap();
        assert_eq!(object, r#"{"Name":"deis-store-gateway@2.service","UnitHash":[10]}"#);
        let kept =
            r#"{"submitted":["deis-store-gateway@2.service"],"started":["deis-store-gateway@3.service"]}"#;
        etcd.set(KEPT, kept, None).await.unwrap();
        put_back(&etcd, &fleet).await.unwrap();
        assert_eq!(memory.len(), before);
        let target = "/_coreos.com/fleet/job/deis-store-gateway@3.service/target-state";
        assert_eq!(memory.value(target).as_deref(), Some("loaded"));
    }
}
