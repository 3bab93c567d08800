//! The keys of fleet in etcd: the one machine of a cluster, and the units that run on it.

use serde_json::json;

use crate::keys::Key;

const PREFIX: &str = "/_coreos.com/fleet";
const MACHINE: &str = "5277b5e9c0f94b5d8a3e1d2c3b4a5968";
/// Deis' containers whose unit has another name, with a number.
const SCALED: &[&str] = &["deis-store-gateway", "deis-registry", "deis-router"];

/// The machine, and a unit for each of these containers, all launched and running.
#[must_use]
pub fn keys(containers: &[&str]) -> Vec<Key> {
    let machine = json!({"ID": MACHINE, "PublicIP": "127.0.0.1", "Metadata": {}, "Version": "0.11.8"});
    let mut keys = vec![key(&format!("machines/{MACHINE}/object"), machine.to_string())];
    for container in containers {
        let number = if SCALED.contains(container) { "@1" } else { "" };
        let unit = format!("{container}{number}.service");
        let hash = "9d5d2b8a0c4b4c1e8f7a6b5c4d3e2f1a0b9c8d7e";
        let state = json!({
            "loadState": "loaded", "activeState": "active", "subState": "running",
            "machineState": {"ID": MACHINE, "PublicIP": "", "Metadata": null, "Version": ""}, "unitHash": hash,
        });
        keys.push(key(&format!("states/{unit}/{MACHINE}"), state.to_string()));
        keys.push(key(&format!("job/{unit}/target-state"), "launched".to_owned()));
        keys.push(key(&format!("job/{unit}/target"), MACHINE.to_owned()));
        let object = json!({"Name": unit, "UnitHash": [0]});
        keys.push(key(&format!("job/{unit}/object"), object.to_string()));
    }
    keys
}

fn key(name: &str, value: String) -> Key {
    Key { name: format!("{PREFIX}/{name}"), value: Some(value) }
}
