//! How a gateway runs.

use std::fmt;
use std::sync::Arc;

use super::faults::Faults;
use crate::run::Clock;

/// How a gateway runs.
#[derive(Clone)]
#[non_exhaustive]
pub struct GatewayOptions {
    /// Its clock: requests are signed for a time, and objects get theirs.
    pub clock: Arc<dyn Clock>,
    /// Decides on faults; `None` for a gateway that is honest.
    pub faults: Option<Arc<dyn Faults>>,
}

impl GatewayOptions {
    /// An honest gateway with a clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, faults: None }
    }

    /// With faults, such as by a closure from a request to `Option<Fault>`.
    #[must_use]
    pub fn faults(mut self, faults: impl Faults + 'static) -> Self {
        self.faults = Some(Arc::new(faults));
        self
    }
}

impl fmt::Debug for GatewayOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayOptions").field("faults", &self.faults.is_some()).finish_non_exhaustive()
    }
}
