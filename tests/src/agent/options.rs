//! The kind of a cluster of several machines.

use std::time::Duration;

/// What a cluster of bare machines is like.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Options {
    /// The cluster's name, for people.
    pub name: String,
    /// The release of Deis that its units belong to, and which they behave like.
    pub release: Release,
    /// Whether `/deis/platform/version` says the release.
    pub version_key: bool,
    /// Whether /etc/deis-release on each machine says it.
    pub release_file: bool,
    /// Whether `deisctl` is on the tunnel's machine.
    pub deisctl: bool,
    /// Whether the units are installed already.
    pub installed: bool,
    /// How long a unit is in each state on its way to running.
    pub delay: Duration,
    /// The time to live of the keys by which components are found. They are refreshed at half of it.
    pub ttl_seconds: u64,
    /// How long the controller takes for each key that it writes.
    pub key_delay: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: "bare".to_owned(),
            release: Release(1, 13, 4),
            version_key: true,
            release_file: true,
            deisctl: true,
            installed: false,
            delay: Duration::from_millis(100),
            ttl_seconds: 4,
            key_delay: Duration::ZERO,
        }
    }
}

/// A release of Deis: 1, 13 and 4 for v1.13.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release(pub u32, pub u32, pub u32);

impl Release {
    /// Whether all gateways are published and several can be started. Before, there was one, whose unit has no number.
    pub(super) fn numbers_gateways(self) -> bool {
        self >= Self(1, 4, 0)
    }

    /// Whether a stopped database pushes a base backup first.
    pub(super) fn backs_up_at_stop(self) -> bool {
        self >= Self(1, 9, 0)
    }

    /// Whether the controller's start writes its keys.
    pub(super) fn publishes_at_boot(self) -> bool {
        self >= Self(1, 11, 0)
    }

    /// Whether the database gives up when it cannot list the backups, and does not take that for an empty list.
    pub(super) fn believes_no_failed_list(self) -> bool {
        self >= Self(1, 13, 0)
    }
}

impl std::fmt::Display for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "v{}.{}.{}", self.0, self.1, self.2)
    }
}
