//! The units of a platform: their names, their texts, and the machines on which fleet puts them.

use sha1::{Digest as _, Sha1};

use super::fleet;
use super::options::Release;
use super::shared::Shared;
use crate::error::Result;

/// The units that `deisctl install platform` installs, in the order in which they are started.
pub const PLATFORM: &[&str] = &[
    "deis-store-monitor.service",
    "deis-store-daemon.service",
    "deis-store-metadata.service",
    "deis-store-gateway@1.service",
    "deis-store-volume.service",
    "deis-logger.service",
    "deis-logspout.service",
    "deis-database.service",
    "deis-registry@1.service",
    "deis-controller.service",
    "deis-builder.service",
    "deis-publisher.service",
    "deis-router@1.service",
    "deis-router@2.service",
    "deis-router@3.service",
];
/// Components that run on every machine.
const GLOBAL: &[&str] =
    &["store-monitor", "store-daemon", "store-metadata", "store-volume", "logspout", "publisher"];

/// The units of a release.
pub(super) fn platform(release: Release) -> Vec<String> {
    let name = |unit: &&str| match *unit {
        "deis-store-gateway@1.service" if !release.numbers_gateways() => {
            "deis-store-gateway.service".to_owned()
        }
        unit => unit.to_owned(),
    };
    PLATFORM.iter().map(name).collect()
}

/// Makes the jobs of these units. As `deisctl` does, it also unloads those that are there and run.
pub(super) fn install(shared: &Shared, names: &[String]) -> Result<()> {
    for name in names {
        let (text, hash) = (text(name), hash(name));
        let etcd = &shared.site.etcd;
        etcd.create(
            &fleet::key(&format!("unit/{}", hex(&hash))),
            &serde_json::json!({"Raw": text}).to_string(),
        )?;
        let object = serde_json::json!({"Name": name, "UnitHash": hash}).to_string();
        etcd.create(&fleet::key(&format!("job/{name}/object")), &object)?;
        etcd.set(&fleet::key(&format!("job/{name}/target-state")), "loaded")?;
    }
    Ok(())
}

/// `store-gateway` and 1 of `deis-store-gateway@1.service`.
pub(super) fn component(unit: &str) -> (&str, Option<usize>) {
    let stem = unit.strip_prefix("deis-").unwrap_or(unit);
    let stem = stem.strip_suffix(".service").unwrap_or(stem);
    stem.split_once('@').map_or((stem, None), |(component, number)| (component, number.parse().ok()))
}

/// The name of a unit's container.
pub(super) fn container(unit: &str) -> String {
    format!("deis-{}", component(unit).0)
}

/// The machine of this many on which fleet puts a unit that runs on one; `taken` are those with another of its kind.
pub(super) fn place(unit: &str, machines: usize, taken: &[usize]) -> Option<usize> {
    let wanted = match component(unit) {
        // Not on the tunnel's machine.
        ("database" | "controller", _) => 1,
        ("registry" | "builder", _) => 2,
        (_, Some(number)) => number.saturating_sub(1),
        (_, None) => 0,
    };
    (0..machines).map(|step| (wanted + step) % machines).find(|machine| !taken.contains(machine))
}

/// Whether a unit's text has it on every machine.
pub(super) fn is_global(text: &str) -> bool {
    text.lines().any(|line| line.trim().eq_ignore_ascii_case("Global=true"))
}

fn text(unit: &str) -> String {
    let ((component, number), container) = (component(unit), container(unit));
    let fleet = match number {
        _ if GLOBAL.contains(&component) => "\n[X-Fleet]\nGlobal=true\n".to_owned(),
        Some(_) => format!("\n[X-Fleet]\nConflicts={container}@*.service\n"),
        None => String::new(),
    };
    format!(
        "[Unit]\nDescription={container}\n\n[Service]\nEnvironmentFile=/etc/environment\nTimeoutStartSec=20m\n\
         ExecStart=/usr/bin/docker run --name {container} --rm deis/{component}\n\
         ExecStop=-/usr/bin/docker stop {container}\nRestart=on-failure\nRestartSec=5\n\n\
         [Install]\nWantedBy=multi-user.target\n{fleet}"
    )
}

fn hash(unit: &str) -> Vec<u8> {
    Sha1::digest(text(unit).as_bytes()).to_vec()
}

/// A hash as it is in a key's name.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_has_a_component_a_container_and_a_place() {
        assert_eq!(component("deis-store-gateway@2.service"), ("store-gateway", Some(2)));
        assert_eq!(container("deis-store-gateway@2.service"), "deis-store-gateway");
        assert_eq!(place("deis-database.service", 3, &[]), Some(1));
        assert_eq!(place("deis-router@3.service", 3, &[0]), Some(2));
        assert_eq!(place("deis-store-gateway@4.service", 3, &[0, 1, 2]), None);
    }

    #[test]
    fn the_store_runs_everywhere_and_its_gateway_does_not() {
        assert!(is_global(&text("deis-store-volume.service")));
        assert!(!is_global(&text("deis-store-gateway@1.service")));
    }
}
