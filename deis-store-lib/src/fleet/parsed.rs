//! fleet's keys as values: machines, units and the states of units on machines. Pure.
//!
//! The keys are those of fleet 0.9 to 1.0. A key that cannot be read is left out, as fleet itself does: what is then missing
//! is waited for, and named.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::x_fleet::XFleet;
use crate::etcd::Node;

/// A machine of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    /// Its identity, 32 hexadecimal digits.
    pub(crate) id: String,
    /// The address by which other machines reach it.
    pub(crate) address: String,
    /// What its operator says of it, by which units choose machines.
    pub(super) metadata: BTreeMap<String, String>,
}

/// A unit, as it was submitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Unit {
    /// The key of its text, as hexadecimal digits; none if its object cannot be read.
    pub(super) hash: Option<String>,
    /// What it is to be: `inactive`, `loaded` or `launched`.
    pub(super) target: Option<String>,
    /// The machine that it was given to; global units are given to none.
    pub(super) machine: Option<String>,
    /// Its rules about machines, once its text was read.
    pub(super) x_fleet: Option<XFleet>,
}

/// What systemd says of a unit on a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// Such as `active`, `activating` or `failed`.
    pub(crate) active: String,
    /// Such as `running`, `start-pre`, `auto-restart` or `dead`.
    pub(crate) sub: String,
}

/// All that fleet says at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Units {
    pub(super) machines: Vec<Machine>,
    pub(super) submitted: BTreeMap<String, Unit>,
    /// By unit, then by machine.
    pub(super) states: BTreeMap<String, BTreeMap<String, State>>,
}

impl Units {
    /// What the directories `machines`, `job` and `states` say; one that is not there is empty.
    pub(super) fn parse(machines: Option<&Node>, jobs: Option<&Node>, states: Option<&Node>) -> Self {
        Self {
            machines: members(machines).filter_map(machine).collect(),
            submitted: members(jobs).filter_map(unit).collect(),
            states: members(states).map(|node| (name(node).to_owned(), states_of(node))).collect(),
        }
    }

    /// The machines, by their identity.
    pub(crate) fn machines(&self) -> &[Machine] {
        &self.machines
    }

    /// Whether a unit was submitted.
    pub(crate) fn has(&self, unit: &str) -> bool {
        self.submitted.contains_key(unit)
    }

    /// The numbered units of a component, such as `deis-router@1.service`, in the order of their numbers.
    pub(crate) fn numbered(&self, component: &str) -> Vec<String> {
        let number = |unit: &str| -> Option<u32> {
            unit.strip_prefix(component)?.strip_prefix('@')?.strip_suffix(".service")?.parse().ok()
        };
        let mut found: Vec<(u32, &String)> =
            self.submitted.keys().filter_map(|unit| Some((number(unit)?, unit))).collect();
        found.sort_unstable();
        found.into_iter().map(|(_, unit)| unit.clone()).collect()
    }

    /// Whether the rules of a unit about machines are known.
    pub(super) fn has_rules(&self, unit: &str) -> bool {
        self.submitted.get(unit).is_some_and(|unit| unit.x_fleet.is_some())
    }

    /// Whether fleet knows no machine and no unit.
    pub(crate) fn is_absent(&self) -> bool {
        self.machines.is_empty() && self.submitted.is_empty()
    }

    /// Whether a unit is to run.
    pub(crate) fn is_launched(&self, unit: &str) -> bool {
        self.submitted.get(unit).and_then(|unit| unit.target.as_deref()) == Some("launched")
    }

    /// Whether a unit runs, starts or stops on some machine.
    pub(crate) fn is_active(&self, unit: &str) -> bool {
        let mut states = self.states.get(unit).into_iter().flat_map(BTreeMap::values);
        states.any(|state| !matches!(state.active.as_str(), "inactive" | "failed"))
    }

    /// The machines on which a unit runs or should run.
    pub(crate) fn machines_of(&self, unit: &str) -> Vec<&Machine> {
        let Some(known) = self.submitted.get(unit) else { return Vec::new() };
        if known.x_fleet.as_ref().is_some_and(|rules| rules.global) {
            return self.machines.iter().filter(|machine| self.admits(unit, machine)).collect();
        }
        let with_state = self.states.get(unit).into_iter().flat_map(BTreeMap::keys);
        let ids: Vec<&String> = match &known.machine {
            Some(machine) => vec![machine],
            None => with_state.collect(),
        };
        self.machines.iter().filter(|machine| ids.contains(&&machine.id)).collect()
    }

    /// The machines on which a unit may run, by its own rules.
    pub(crate) fn eligible(&self, unit: &str) -> Vec<&Machine> {
        self.machines.iter().filter(|machine| self.admits(unit, machine)).collect()
    }

    fn admits(&self, unit: &str, machine: &Machine) -> bool {
        let rules = self.submitted.get(unit).and_then(|unit| unit.x_fleet.as_ref());
        rules.is_none_or(|rules| rules.admits(&machine.metadata))
    }
}

fn members(directory: Option<&Node>) -> impl Iterator<Item = &Node> {
    directory.into_iter().flat_map(|node| &node.nodes).filter(|node| node.directory)
}

fn name(node: &Node) -> &str {
    node.key.rsplit('/').next().unwrap_or_default()
}

fn text<'n>(node: &'n Node, member: &str) -> Option<&'n str> {
    node.text(&format!("{}/{member}", node.key))
}

fn machine(node: &Node) -> Option<Machine> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Object {
        #[serde(rename = "ID")]
        id: String,
        #[serde(rename = "PublicIP", default)]
        public_ip: String,
        metadata: Option<BTreeMap<String, String>>,
    }
    let object: Object = serde_json::from_str(text(node, "object")?).ok()?;
    Some(Machine { id: object.id, address: object.public_ip, metadata: object.metadata.unwrap_or_default() })
}

fn unit(node: &Node) -> Option<(String, Unit)> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Object {
        unit_hash: Vec<u8>,
    }
    // Without an object it is what an uninstalled unit has left.
    let object = text(node, "object")?;
    let hash =
        serde_json::from_str::<Object>(object).ok().map(|object| crate::hash::lower_hex(&object.unit_hash));
    let unit = Unit {
        hash,
        target: text(node, "target-state").map(str::to_owned),
        machine: text(node, "target").map(str::to_owned),
        x_fleet: None,
    };
    Some((name(node).to_owned(), unit))
}

fn states_of(unit: &Node) -> BTreeMap<String, State> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Object {
        active_state: String,
        sub_state: String,
    }
    let state = |node: &Node| {
        let object: Object = serde_json::from_str(node.value.as_ref()?.expose()).ok()?;
        Some((name(node).to_owned(), State { active: object.active_state, sub: object.sub_state }))
    };
    unit.nodes.iter().filter_map(state).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(root: &str, keys: &[(&str, &str)]) -> Node {
        let keys: Vec<(String, &str)> =
            keys.iter().map(|(key, value)| (format!("{root}/{key}"), *value)).collect();
        let keys: Vec<(&str, &str)> = keys.iter().map(|(key, value)| (key.as_str(), *value)).collect();
        Node::of_keys(root, &keys)
    }

    #[test]
    fn machines_units_and_states_are_read_as_fleet_writes_them() {
        let machines = tree(
            "/f/machines",
            &[
                (
                    "m1/object",
                    r#"{"ID":"m1","PublicIP":"10.0.0.1","Metadata":{"controlPlane":"true"},"Version":"0.10.2"}"#,
                ),
                ("m2/object", r#"{"ID":"m2","PublicIP":"10.0.0.2","Metadata":null,"Version":""}"#),
                ("m3/object", "no JSON"),
            ],
        );
        let jobs = tree(
            "/f/job",
            &[
                ("deis-router@10.service/object", r#"{"Name":"deis-router@10.service","UnitHash":[1,255]}"#),
                ("deis-router@2.service/object", r#"{"Name":"deis-router@2.service","UnitHash":[1,255]}"#),
                ("deis-router@2.service/target", "m2"),
                ("deis-router@2.service/target-state", "launched"),
                ("deis-gone.service/job-state", "x"),
            ],
        );
        let states = tree(
            "/f/states",
            &[
                (
                    "deis-router@2.service/m2",
                    r#"{"loadState":"loaded","activeState":"active","subState":"running","machineState":{"ID":"m2","PublicIP":"","Metadata":null,"Version":""},"unitHash":"x"}"#,
                ),
                (
                    "deis-router@10.service/m1",
                    r#"{"loadState":"loaded","activeState":"inactive","subState":"dead"}"#,
                ),
            ],
        );
        let units = Units::parse(Some(&machines), Some(&jobs), Some(&states));
        assert_eq!(
            units.machines().iter().map(|machine| machine.address.as_str()).collect::<Vec<_>>(),
            ["10.0.0.1", "10.0.0.2"]
        );
        assert_eq!(units.numbered("deis-router"), ["deis-router@2.service", "deis-router@10.service"]);
        assert!(units.is_launched("deis-router@2.service") && !units.is_launched("deis-router@10.service"));
        assert!(units.is_active("deis-router@2.service") && !units.is_active("deis-router@10.service"));
        assert!(!units.has("deis-gone.service") && !units.is_active("deis-gone.service"));
        assert_eq!(units.submitted["deis-router@2.service"].hash.as_deref(), Some("01ff"));
        assert_eq!(units.machines_of("deis-router@2.service")[0].id, "m2");
        assert!(Units::parse(None, None, None).machines().is_empty());
    }
}
