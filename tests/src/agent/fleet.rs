//! The keys of fleet in etcd: machines, jobs, and the states of units.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::machine::Machine;
use super::units;
use crate::error::{Context, Result};
use crate::etcd::Client;

/// The time to live of states and machines, in seconds, as fleet's agent has it.
const TTL_SECONDS: u64 = 30;

/// The whole name of a key.
pub(super) fn key(name: &str) -> String {
    format!("/_coreos.com/fleet/{name}")
}

/// A job as it is in etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) name: String,
    pub(super) hash: String,
    pub(super) target_state: String,
    /// The machine that it is scheduled to.
    pub(super) target: Option<String>,
}

/// A state as systemd has it: active and sub state.
pub(super) type State = (&'static str, &'static str);

/// All jobs that have an object, in the order of their names.
pub(super) fn jobs(etcd: &Client) -> Result<Vec<Job>> {
    let tree = etcd.tree(&key("job"))?.unwrap_or_default();
    Ok(nodes(&tree).filter_map(job).collect())
}

/// The texts of all units, by hash.
pub(super) fn texts(etcd: &Client) -> Result<BTreeMap<String, String>> {
    let tree = etcd.tree(&key("unit"))?.unwrap_or_default();
    let text = |node: &Value| {
        let model: Value = serde_json::from_str(node["value"].as_str()?).ok()?;
        Some((last(node)?.to_owned(), model["Raw"].as_str()?.to_owned()))
    };
    Ok(nodes(&tree).filter_map(text).collect())
}

/// Puts a job on a machine.
pub(super) fn schedule(etcd: &Client, job: &str, machine: &Machine) -> Result<()> {
    etcd.create(&key(&format!("job/{job}/target")), machine.id()).map(drop)
}

/// Says that a job runs where it is scheduled to.
pub(super) fn beat(etcd: &Client, job: &str, machine: &Machine) -> Result<()> {
    etcd.set_for(&key(&format!("job/{job}/job-state")), machine.id(), TTL_SECONDS)
}

/// Says that a job runs no more.
pub(super) fn stop_beating(etcd: &Client, job: &str) -> Result<()> {
    etcd.remove(&key(&format!("job/{job}/job-state")))
}

/// Says that a machine is there.
pub(super) fn publish_machine(etcd: &Client, machine: &Machine) -> Result<()> {
    let object =
        json!({"ID": machine.id(), "PublicIP": machine.address(), "Metadata": {}, "Version": "0.11.8"});
    etcd.set_for(&key(&format!("machines/{}/object", machine.id())), &object.to_string(), TTL_SECONDS)
}

/// Says a unit's state on a machine, in its place and in the older one, which has room for one machine only.
pub(super) fn publish_state(
    etcd: &Client,
    unit: &str,
    hash: &str,
    machine: &Machine,
    (active, sub): State,
) -> Result<()> {
    let state = json!({
        "loadState": "loaded", "activeState": active, "subState": sub,
        "machineState": {"ID": machine.id(), "PublicIP": "", "Metadata": null, "Version": ""}, "unitHash": hash,
    });
    for place in [format!("state/{unit}"), format!("states/{unit}/{}", machine.id())] {
        etcd.set_for(&key(&place), &state.to_string(), TTL_SECONDS)?;
    }
    Ok(())
}

/// Removes a unit's states of all machines.
pub(super) fn remove_states(etcd: &Client, unit: &str) -> Result<()> {
    etcd.remove(&key(&format!("state/{unit}")))?;
    etcd.remove(&key(&format!("states/{unit}")))
}

/// The sub state of a unit on each machine that says one, by the machine's id.
pub(super) fn states(etcd: &Client, unit: &str) -> Result<Vec<(String, String)>> {
    let tree = etcd.tree(&key(&format!("states/{unit}"))).context(unit)?.unwrap_or_default();
    let state = |node: &Value| {
        let state: Value = serde_json::from_str(node["value"].as_str()?).ok()?;
        Some((last(node)?.to_owned(), state["subState"].as_str()?.to_owned()))
    };
    Ok(nodes(&tree).filter_map(state).collect())
}

fn job(node: &Value) -> Option<Job> {
    let value = |name: &str| nodes(node).find(|child| last(child) == Some(name))?["value"].as_str();
    let object: Value = serde_json::from_str(value("object")?).ok()?;
    let hash: Vec<u8> = serde_json::from_value(object["UnitHash"].clone()).ok()?;
    Some(Job {
        name: last(node)?.to_owned(),
        hash: units::hex(&hash),
        target_state: value("target-state").unwrap_or_default().to_owned(),
        target: value("target").map(str::to_owned),
    })
}

fn nodes(node: &Value) -> impl Iterator<Item = &Value> {
    node["nodes"].as_array().into_iter().flatten()
}

fn last(node: &Value) -> Option<&str> {
    node["key"].as_str()?.rsplit('/').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_read_with_its_hash() {
        let node = json!({"key": "/_coreos.com/fleet/job/a.service", "dir": true, "nodes": [
            {"key": "/_coreos.com/fleet/job/a.service/object", "value": "{\"Name\":\"a.service\",\"UnitHash\":[1,255]}"},
            {"key": "/_coreos.com/fleet/job/a.service/target-state", "value": "launched"},
        ]});
        let expected = Job {
            name: "a.service".to_owned(),
            hash: "01ff".to_owned(),
            target_state: "launched".to_owned(),
            target: None,
        };
        assert_eq!(job(&node), Some(expected));
    }
}
