//! The client: it sends operations to the gateways of one cluster, signs each attempt and repeats what may be
//! repeated.

mod concurrency;
mod copy;
mod download;
mod execute;
mod gateways;
mod list;
mod multipart;
mod operations;
mod pace;
mod range_stream;
mod retry_budget;
#[cfg(test)]
mod tests;
mod upload;

use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;

use concurrency::Permits;
pub use copy::{Copied, CopyOptions};
pub use download::Download;
use execute::Call;
use gateways::Gateways;
pub use multipart::{Part, UploadOptions, Uploaded, cut_into_parts};
use retry_budget::RetryBudget;

use super::op::Operation;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::Md5Pool;
use crate::http::backoff::Backoff;
use crate::http::{Endpoint, HttpSend, Limited, Limits};
use crate::run::{Clock, Run, Stop};
use crate::secret::Credentials;

/// Objects that come in ranges at a time: one fills any line, and each takes memory.
const IN_RANGES: usize = 1;

/// A client of one cluster's gateways. Clones share everything.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    gateways: Gateways,
    credentials: Credentials,
    options: ClientOptions,
    clock: Arc<dyn Clock>,
    stop: Stop,
    permits: Permits,
    in_ranges: Arc<Semaphore>,
    budget: Mutex<RetryBudget>,
    /// Whether any gateway has ever answered: one that never did is not waited for.
    reached: AtomicBool,
    /// What to add to our clock to get the gateways', in milliseconds.
    offset_ms: AtomicI64,
    random: Mutex<fastrand::Rng>,
    md5_pool: Md5Pool,
}

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

impl Client {
    /// A client of these gateways, which must belong to one cluster.
    pub fn new(
        gateways: Vec<Arc<dyn HttpSend>>,
        credentials: Credentials,
        options: ClientOptions,
        run: &Run,
    ) -> Result<Self> {
        if gateways.is_empty() {
            return Err(Error::new(ErrorKind::Usage, "no gateway is given"));
        }
        let limits = Arc::new(Limits::new(options.requests_per_second, options.bytes_per_second));
        let limited = gateways
            .into_iter()
            .map(|http| Arc::new(Limited::new(http, limits.clone())) as Arc<dyn HttpSend>);
        Ok(Self(Arc::new(Shared {
            gateways: Gateways::new(limited.collect()),
            credentials,
            permits: Permits::new(options.in_flight),
            in_ranges: Arc::new(Semaphore::new(IN_RANGES)),
            budget: Mutex::default(),
            options,
            clock: run.clock.clone(),
            stop: run.stop.clone(),
            reached: AtomicBool::new(false),
            offset_ms: AtomicI64::new(0),
            random: Mutex::new(fastrand::Rng::with_seed(run.seed)),
            md5_pool: Md5Pool::new(std::thread::available_parallelism().map_or(1, |cores| cores.get() / 2)),
        })))
    }

    /// The addresses of its gateways, and how they are reached.
    #[must_use]
    pub fn endpoints(&self) -> Vec<Endpoint> {
        self.0.gateways.endpoints().cloned().collect()
    }

    /// How many requests it keeps in flight at most.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.0.options.in_flight.max(1)
    }

    /// How many requests it keeps in flight at present: what it has found to be enough.
    #[must_use]
    pub fn pace(&self) -> usize {
        self.0.permits.limit()
    }

    /// Where what it transfers is hashed together.
    #[must_use]
    pub fn md5_pool(&self) -> &Md5Pool {
        &self.0.md5_pool
    }

    /// What was learnt of the gateways' clocks: milliseconds to add to ours; 0 if ours was never refused.
    #[must_use]
    pub fn clock_offset_ms(&self) -> i64 {
        self.0.offset_ms.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Sends an operation without a separate body.
    pub async fn execute<O: Operation>(&self, operation: &O) -> Result<O::Output> {
        self.collected(operation, Call::default()).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("gateways", &self.0.gateways).finish_non_exhaustive()
    }
}
