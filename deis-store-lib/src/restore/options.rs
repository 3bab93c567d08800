//! The choice of what is restored, and how.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::part::PartChoice;
use crate::platform::StepName;

/// How long a unit may take to be ready, where nothing else is said: its first start downloads its image, and a database replays
/// its log at a second or two a segment.
const WAIT: Duration = Duration::from_hours(1);

/// The parts to restore, and how.
#[derive(Clone, Debug)]
pub struct RestoreOptions {
    /// The parts, of those that the snapshot holds.
    pub choice: PartChoice,
    /// The keys of the configuration that are set though no release of Deis reads them: whole ones, such as
    /// `/deis/router/ours`.
    pub keys: BTreeSet<String>,
    /// Whether to write sentinels and tags also where objects they stand for are lost.
    pub despite_damage: bool,
    /// Whether the platform is brought up around the parts. Its cluster must be one that was connected to by its etcd.
    pub platform: Platform,
    /// The first step of bringing the platform up; what is before it is taken as done.
    pub from: Option<StepName>,
    /// So many gateways while the parts are restored, where the platform is brought up around them.
    pub gateways: Option<NonZeroUsize>,
    /// How long a unit, a gateway or the database may take to be ready.
    pub wait: Duration,
}

impl Default for RestoreOptions {
    fn default() -> Self {
        Self {
            choice: PartChoice::default(),
            keys: BTreeSet::new(),
            despite_damage: false,
            platform: Platform::default(),
            from: None,
            gateways: None,
            wait: WAIT,
        }
    }
}

/// Whether a platform is brought up around its parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Platform {
    /// The parts alone.
    #[default]
    LeftOut,
    /// The store before the parts, and the rest of the platform after them.
    Around,
    /// Without the parts.
    Alone,
}
