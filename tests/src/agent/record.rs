//! What was done, and how often.

use std::collections::BTreeMap;

/// How often each thing was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// The starts of each unit on each machine: (unit, address).
    pub starts: BTreeMap<(String, String), u32>,
    /// The stops of each unit on each machine.
    pub stops: BTreeMap<(String, String), u32>,
    /// The runs of `deisctl install platform` that installed.
    pub installs: u32,
    /// The starts of the database that restored it from the bucket.
    pub restores: u32,
    /// The starts of the database that made a new one.
    pub initialisations: u32,
    /// The starts of the database that found one on the machine.
    pub reuses: u32,
    /// The base backups that were asked for, and pushed.
    pub base_backups: u32,
    /// The base backups that the database pushed by itself: after it was made, or before it stopped.
    pub own_base_backups: u32,
    /// The runs of `manage.py shell` in the controller.
    pub shells: u32,
    /// The runs of `manage.py load_db_state_to_etcd` by hand.
    pub loads: u32,
    /// The starts of the controller that wrote its keys.
    pub publications: u32,
}

impl Counts {
    /// The starts of a unit on all machines.
    #[must_use]
    pub fn starts_of(&self, unit: &str) -> u32 {
        self.starts.iter().filter(|((name, _), _)| name == unit).map(|(_, count)| count).sum()
    }
}

/// The record of an agent.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(super) counts: Counts,
    pub(super) events: Vec<String>,
    pub(super) store_settings: Option<BTreeMap<String, String>>,
}
