//! Whether a unit is what it is to be, on every machine that it belongs on. Pure.
//!
//! deisctl looks at the first state that it finds, so that a global unit "runs" when it does on one host of many.

use super::parsed::{Machine, State, Units};
use crate::error::printable;

/// How a unit is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// It runs on every machine that it belongs on.
    Running,
    /// It does not yet; each machine where it does not, with its state.
    Waiting(String),
    /// systemd has given it up on a machine; each machine where it does not run, with its state.
    Failed(String),
}

impl Units {
    /// How a unit is.
    pub(crate) fn health(&self, unit: &str) -> Health {
        if !self.has(unit) {
            return Health::Waiting(format!("{unit} is not installed"));
        }
        if !self.has_rules(unit) {
            return Health::Waiting(format!(
                "{unit}: its text cannot be read, so that nobody knows where it should run"
            ));
        }
        let machines = self.machines_of(unit);
        if machines.is_empty() {
            let why = if self.eligible(unit).is_empty() {
                "no machine may run it"
            } else {
                "it is on no machine yet"
            };
            return Health::Waiting(format!("{unit}: {why}"));
        }
        let without: Vec<(&Machine, Option<&State>)> = machines
            .into_iter()
            .map(|machine| (machine, self.state(unit, machine)))
            .filter(|(_, state)| !state.is_some_and(State::is_running))
            .collect();
        if without.is_empty() {
            return Health::Running;
        }
        let failed = without.iter().any(|(_, state)| state.is_some_and(|state| state.active == "failed"));
        let lines: Vec<String> = without.iter().map(|(machine, state)| line(machine, *state)).collect();
        let text = format!("{unit}: {}", lines.join(", "));
        if failed { Health::Failed(text) } else { Health::Waiting(text) }
    }

    /// The machines where a unit does not run although it should.
    pub(crate) fn not_running_on(&self, unit: &str) -> Vec<&Machine> {
        let runs = |machine: &&Machine| !self.state(unit, machine).is_some_and(State::is_running);
        self.machines_of(unit).into_iter().filter(runs).collect()
    }

    fn state(&self, unit: &str, machine: &Machine) -> Option<&State> {
        self.states.get(unit)?.get(&machine.id)
    }
}

impl State {
    fn is_running(&self) -> bool {
        self.active == "active" && self.sub == "running"
    }
}

fn line(machine: &Machine, state: Option<&State>) -> String {
    let address = printable(&machine.address);
    match state {
        Some(State { active, sub }) => format!("{} on {address}", printable(&format!("{active}/{sub}"))),
        None => format!("no state on {address}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::fleet::parsed::Unit;
    use crate::fleet::x_fleet::XFleet;

    const MONITOR: &str = "deis-store-monitor.service";
    const DATABASE: &str = "deis-database.service";

    fn units(states: &[(&str, &str, &str)], database_on: Option<&str>) -> Units {
        let machine = |number: u8| Machine {
            id: format!("m{number}"),
            address: format!("10.0.0.{number}"),
            metadata: BTreeMap::from([("controlPlane".to_owned(), (number < 3).to_string())]),
        };
        let rules = |text: &str| Some(XFleet::parse(text));
        let monitor = Unit {
            x_fleet: rules("[X-Fleet]\nGlobal=true\nMachineMetadata=controlPlane=true"),
            ..Unit::default()
        };
        let database =
            Unit { machine: database_on.map(str::to_owned), x_fleet: rules(""), ..Unit::default() };
        let mut units = Units { machines: [1, 2, 3].map(machine).to_vec(), ..Units::default() };
        units.submitted = BTreeMap::from([(MONITOR.to_owned(), monitor), (DATABASE.to_owned(), database)]);
        for (unit, id, state) in states {
            let (active, sub) = state.split_once('/').unwrap();
            let state = State { active: active.to_owned(), sub: sub.to_owned() };
            units.states.entry((*unit).to_owned()).or_default().insert((*id).to_owned(), state);
        }
        units
    }

    #[test]
    fn a_global_unit_runs_if_it_does_on_every_machine_that_it_admits() {
        let one = (MONITOR, "m1", "active/running");
        let Health::Waiting(text) = units(&[one], None).health(MONITOR) else { panic!() };
        assert_eq!(text, "deis-store-monitor.service: no state on 10.0.0.2");
        let Health::Waiting(text) =
            units(&[one, (MONITOR, "m2", "activating/start-pre")], None).health(MONITOR)
        else {
            panic!()
        };
        assert!(text.ends_with("activating/start-pre on 10.0.0.2"), "{text}");
        let Health::Failed(text) = units(&[one, (MONITOR, "m2", "failed/failed")], None).health(MONITOR)
        else {
            panic!()
        };
        assert!(text.contains("failed/failed on 10.0.0.2"), "{text}");
        assert_eq!(units(&[one, (MONITOR, "m2", "active/running")], None).health(MONITOR), Health::Running);
    }

    #[test]
    fn another_unit_runs_if_it_does_on_the_machine_that_it_was_given_to() {
        let states = [(DATABASE, "m1", "active/running")];
        assert_eq!(units(&states, Some("m1")).health(DATABASE), Health::Running);
        assert_eq!(units(&states, None).health(DATABASE), Health::Running);
        // An old state of the machine on which it was before.
        let moved = units(&states, Some("m2"));
        assert!(matches!(moved.health(DATABASE), Health::Waiting(_)));
        assert_eq!(moved.not_running_on(DATABASE)[0].address, "10.0.0.2");
    }

    #[test]
    fn a_unit_that_is_not_there_or_on_no_machine_is_named() {
        assert_eq!(
            units(&[], None).health("deis-x.service"),
            Health::Waiting("deis-x.service is not installed".to_owned())
        );
        let Health::Waiting(text) = units(&[], None).health(DATABASE) else { panic!() };
        assert!(text.contains("on no machine yet"), "{text}");
        let mut none = units(&[], None);
        none.machines.clear();
        let Health::Waiting(text) = none.health(MONITOR) else { panic!() };
        assert!(text.contains("no machine may run it"), "{text}");
    }
}
