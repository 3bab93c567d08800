//! How a client behaves.

use std::num::NonZeroU64;
use std::time::Duration;

use crate::http::Backoff;

/// How a client behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientOptions {
    /// Requests in flight at most. How many there are below that is found out: 8 to begin with, more while that pays,
    /// fewer when a gateway is overloaded. 64: enough to hide 40 ms of a path behind a stock radosgw's rate.
    pub in_flight: usize,
    /// When and how often to try again.
    pub backoff: Backoff,
    /// Requests a second at most, to all gateways together; without one, as many as they take.
    pub requests_per_second: Option<NonZeroU64>,
    /// Bytes of bodies a second at most, of all gateways and both directions together.
    pub bytes_per_second: Option<NonZeroU64>,
    /// How long a gateway that did not answer is left out while another one does. 60 s: long against a request, short
    /// against a restart.
    pub suspension: Duration,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            in_flight: 64,
            backoff: Backoff::default(),
            suspension: Duration::from_mins(1),
            requests_per_second: None,
            bytes_per_second: None,
        }
    }
}
