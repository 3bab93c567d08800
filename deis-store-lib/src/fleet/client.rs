//! Reads fleet's keys, and sets what a unit is to be.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::parsed::Units;
use super::x_fleet::XFleet;
use crate::error::{At, Error, ErrorKind, Result};
use crate::etcd::{Etcd, Node};

/// Where fleet keeps its keys, unless it is told otherwise. etcd hides the directory in listings.
const PREFIX: &str = "/_coreos.com/fleet";

/// What a unit is to be, in fleet's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// It runs.
    Launched,
    /// It is on its machine, and does not run.
    Loaded,
}

impl Target {
    fn as_str(self) -> &'static str {
        match self {
            Self::Launched => "launched",
            Self::Loaded => "loaded",
        }
    }
}

/// fleet, by way of etcd.
#[derive(Debug)]
pub(crate) struct Fleet {
    etcd: Etcd,
    /// The rules in the units' texts by the hash of these, which never change.
    rules: Mutex<HashMap<String, XFleet>>,
}

impl Fleet {
    pub(crate) fn new(etcd: &Etcd) -> Self {
        Self { etcd: etcd.clone(), rules: Mutex::default() }
    }

    /// What there is now; nothing at all where there is no fleet.
    pub(crate) async fn read(&self) -> Result<Units> {
        let machines = self.directory("machines").await?;
        let jobs = self.directory("job").await?;
        let states = self.directory("states").await?;
        let mut units = Units::parse(machines.as_ref(), jobs.as_ref(), states.as_ref());
        for (name, unit) in &mut units.submitted {
            // Applications have units too, by the hundred.
            if let Some(hash) = unit.hash.as_deref().filter(|_| name.starts_with("deis-")) {
                unit.x_fleet = self.rules_of(hash).await?;
            }
        }
        Ok(units)
    }

    /// Says what a unit is to be: the same key and value as deisctl's, whose only way it is as well.
    pub(crate) async fn set(&self, unit: &str, target: Target) -> Result<()> {
        let key = format!("{PREFIX}/job/{unit}/target-state");
        self.etcd.set(&key, target.as_str(), None).await.map(drop)
    }

    /// Submits a unit with the text of another one, as deisctl does with a further one of a component.
    pub(crate) async fn submit_like(&self, other: &str, unit: &str) -> Result<()> {
        #[derive(Serialize, Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Object {
            name: String,
            unit_hash: Vec<u8>,
        }
        let text = self.etcd.get(&format!("{PREFIX}/job/{other}/object")).await?.value;
        let object = text.and_then(|text| serde_json::from_str::<Object>(text.expose()).ok());
        let unreadable =
            || Error::new(ErrorKind::Protocol, "fleet's object of a unit cannot be read").at(At::Unit, other);
        let object = Object { name: unit.to_owned(), ..object.ok_or_else(unreadable)? };
        let object = serde_json::to_string(&object).map_err(|error| unreadable().because(error))?;
        self.etcd.set(&format!("{PREFIX}/job/{unit}/object"), &object, None).await.map(drop)
    }

    /// Removes a unit: fleet stops it.
    pub(crate) async fn remove(&self, unit: &str) -> Result<()> {
        self.etcd.delete_tree(&format!("{PREFIX}/job/{unit}")).await
    }

    async fn directory(&self, name: &str) -> Result<Option<Node>> {
        self.etcd.find_tree(&format!("{PREFIX}/{name}")).await
    }

    /// The rules in a unit's text. Without its text nothing is known of them.
    async fn rules_of(&self, hash: &str) -> Result<Option<XFleet>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Text {
            raw: String,
        }
        let known = self.rules().get(hash).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let text = self.etcd.text(&format!("{PREFIX}/unit/{hash}")).await?;
        let Some(text) = text.and_then(|text| serde_json::from_str::<Text>(&text).ok()) else {
            return Ok(None);
        };
        let rules = XFleet::parse(&text.raw);
        self.rules().insert(hash.to_owned(), rules.clone());
        Ok(Some(rules))
    }

    fn rules(&self) -> MutexGuard<'_, HashMap<String, XFleet>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::Memory;
    use crate::fleet::Health;

    #[tokio::test]
    async fn a_unit_is_started_and_stopped_by_the_key_that_deisctl_sets() {
        let memory = Memory::with(&[
            ("/_coreos.com/fleet/machines/m1/object", r#"{"ID":"m1","PublicIP":"10.0.0.1","Metadata":{}}"#),
            ("/_coreos.com/fleet/machines/m2/object", r#"{"ID":"m2","PublicIP":"10.0.0.2","Metadata":{}}"#),
            ("/_coreos.com/fleet/job/deis-store-daemon.service/object", r#"{"Name":"x","UnitHash":[10]}"#),
            ("/_coreos.com/fleet/unit/0a", r#"{"Raw":"[X-Fleet]\nGlobal=true\n"}"#),
            (
                "/_coreos.com/fleet/states/deis-store-daemon.service/m1",
                r#"{"activeState":"active","subState":"running"}"#,
            ),
        ]);
        let fleet = Fleet::new(&Etcd::new(memory.clone()));
        let units = fleet.read().await.unwrap();
        let Health::Waiting(text) = units.health("deis-store-daemon.service") else { panic!() };
        assert!(text.contains("no state on 10.0.0.2"), "{text}");
        for (target, value) in [(Target::Launched, "launched"), (Target::Loaded, "loaded")] {
            fleet.set("deis-store-daemon.service", target).await.unwrap();
            let key = "/_coreos.com/fleet/job/deis-store-daemon.service/target-state";
            assert_eq!(memory.value(key).as_deref(), Some(value));
        }
    }

    #[tokio::test]
    async fn a_cluster_without_fleet_has_no_machine_and_no_unit() {
        let units = Fleet::new(&Etcd::new(Memory::with(&[("/deis/x", "y")]))).read().await.unwrap();
        assert!(units.machines().is_empty() && !units.has("deis-database.service"));
    }
}
