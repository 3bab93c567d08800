//! The units of a Deis platform, and which step starts which of them, in deisctl's order. Pure.

use super::step::StepName;
use crate::fleet::Units;

pub(super) const DATABASE: &str = "deis-database.service";
pub(super) const CONTROLLER: &str = "deis-controller.service";
pub(super) const STORE_VOLUME: &str = "deis-store-volume.service";

/// The name of a unit as deisctl takes it.
pub(super) fn for_deisctl(unit: &str) -> &str {
    unit.trim_start_matches("deis-").trim_end_matches(".service")
}

/// A component of the platform: one unit, or several that are numbered.
#[derive(Clone, Copy)]
enum Component {
    One(&'static str),
    /// Numbered in later releases of Deis, one in early ones.
    Numbered(&'static str),
    /// Installed by some releases alone.
    Optional(&'static str),
}

use Component::{Numbered, One, Optional};

/// The components that each step starts.
const STARTS: [(StepName, &[Component]); 12] = [
    (StepName::StoreMonitor, &[One("deis-store-monitor")]),
    (StepName::StoreDaemon, &[One("deis-store-daemon")]),
    (StepName::StoreMetadata, &[One("deis-store-metadata")]),
    (StepName::StoreGateway, &[Numbered("deis-store-gateway")]),
    (StepName::StoreVolume, &[One("deis-store-volume")]),
    (StepName::Logger, &[One("deis-logger")]),
    (StepName::Logspout, &[One("deis-logspout")]),
    (
        StepName::ControlPlane,
        &[Optional("deis-cache"), One("deis-database"), Numbered("deis-registry"), One("deis-controller")],
    ),
    (StepName::Builder, &[One("deis-builder")]),
    (StepName::Publisher, &[One("deis-publisher")]),
    (StepName::Routers, &[Numbered("deis-router")]),
    (StepName::Router, &[Numbered("deis-router")]),
];

/// The units that a step starts.
pub(super) fn started_by(step: StepName, units: &Units) -> Vec<String> {
    let components =
        STARTS.iter().find(|(name, _)| *name == step).map_or(&[][..], |(_, components)| components);
    let mut started: Vec<String> = components.iter().flat_map(|component| component.units(units)).collect();
    if step == StepName::Router {
        started.truncate(1);
    }
    started
}

/// The units of a platform that are to run.
pub(super) fn launched(units: &Units) -> Vec<String> {
    let components = STARTS.iter().flat_map(|(_, components)| *components);
    let mut launched: Vec<String> = components
        .flat_map(|component| component.units(units))
        .filter(|unit| units.is_launched(unit))
        .collect();
    launched.sort_unstable();
    launched.dedup();
    launched
}

/// The units that a platform needs and that are not installed.
pub(super) fn missing(units: &Units) -> Vec<String> {
    let components =
        STARTS.iter().filter(|(step, _)| *step != StepName::Router).flat_map(|(_, components)| *components);
    components.flat_map(|component| component.units(units)).filter(|unit| !units.has(unit)).collect()
}

impl Component {
    fn units(self, units: &Units) -> Vec<String> {
        match self {
            One(name) => vec![format!("{name}.service")],
            Optional(name) => {
                vec![format!("{name}.service")].into_iter().filter(|unit| units.has(unit)).collect()
            }
            Numbered(name) => {
                let (numbered, one) = (units.numbered(name), format!("{name}.service"));
                match (numbered.is_empty(), units.has(&one)) {
                    (false, _) => placeable(numbered, units),
                    (true, true) => vec![one],
                    (true, false) => vec![format!("{name}@1.service")],
                }
            }
        }
    }
}

/// Of numbered units those that can run: no machine runs two, and there may be fewer machines. Those that have a machine come first.
fn placeable(mut numbered: Vec<String>, units: &Units) -> Vec<String> {
    let places = numbered.first().map_or(0, |unit| units.eligible(unit).len());
    if (1..numbered.len()).contains(&places) {
        numbered.sort_by_key(|unit| units.machines_of(unit).is_empty());
        numbered.truncate(places);
    }
    numbered
}
