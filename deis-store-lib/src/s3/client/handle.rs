//! The client itself: what all its clones share.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use super::ClientOptions;
use super::concurrency::Concurrency;
use super::gateways::Gateways;
use super::retry_budget::RetryBudget;
use crate::error::{Error, ErrorKind, Result};
use crate::http::silence::Teller;
use crate::http::{Endpoint, HttpSend, Limited, Limits};
use crate::run::{Clock, Run, Stop};
use crate::secret::Credentials;

/// Objects that come in ranges at a time: one fills any line, and each takes memory.
const IN_RANGES: usize = 1;

/// A client of one cluster's gateways. Clones share everything.
#[derive(Clone)]
pub struct Client(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) gateways: Gateways,
    pub(super) credentials: Credentials,
    pub(super) options: ClientOptions,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stop: Stop,
    pub(super) concurrency: Concurrency,
    pub(super) in_ranges: Arc<Semaphore>,
    pub(super) budget: Mutex<RetryBudget>,
    /// Whether any gateway has ever answered: one that never did is not waited for.
    pub(super) reached: AtomicBool,
    /// Milliseconds to add to our clock to get the gateways'.
    pub(super) offset_ms: AtomicI64,
    /// The same by the last answer of success, whether ours was refused or not; the least number before the first one.
    pub(super) heard_offset_ms: AtomicI64,
    pub(super) random: Mutex<fastrand::Rng>,
    pub(super) teller: Teller,
}

impl Client {
    /// A client of these gateways, which must belong to one cluster. Keys that no server can have made are an
    /// [`ErrorKind::Usage`] error.
    pub fn new(
        gateways: Vec<Arc<dyn HttpSend>>,
        credentials: Credentials,
        options: ClientOptions,
        run: &Run,
    ) -> Result<Self> {
        if gateways.is_empty() {
            return Err(Error::new(ErrorKind::Usage, "no gateway is given"));
        }
        credentials.check()?;
        let limits = Arc::new(Limits::new(options.requests_per_second, options.bytes_per_second));
        let limited = gateways
            .into_iter()
            .map(|http| Arc::new(Limited::new(http, limits.clone())) as Arc<dyn HttpSend>);
        Ok(Self(Arc::new(Shared {
            gateways: Gateways::new(limited.collect()),
            credentials,
            concurrency: Concurrency::new(options.in_flight),
            in_ranges: Arc::new(Semaphore::new(IN_RANGES)),
            budget: Mutex::default(),
            options,
            clock: run.clock.clone(),
            stop: run.stop.clone(),
            reached: AtomicBool::new(false),
            offset_ms: AtomicI64::new(0),
            heard_offset_ms: AtomicI64::new(i64::MIN),
            random: Mutex::new(fastrand::Rng::with_seed(run.seed)),
            teller: Teller::new(run),
        })))
    }

    /// The addresses of its gateways, and how they are reached.
    #[must_use]
    pub fn endpoints(&self) -> Vec<Endpoint> {
        self.0.gateways.endpoints().cloned().collect()
    }

    /// Whether it is a clone of the other one.
    #[cfg(feature = "backup")]
    #[must_use]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// How many requests it keeps in flight at most.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.0.options.in_flight.max(1)
    }

    /// How many requests it keeps in flight at present: what it has found to be enough.
    #[must_use]
    pub fn pace(&self) -> usize {
        self.0.concurrency.limit()
    }

    /// The offset of the gateways' clocks, as far as it was learnt: milliseconds to add to ours; 0 if ours was never refused.
    #[must_use]
    pub fn clock_offset_ms(&self) -> i64 {
        self.0.offset_ms.load(Relaxed)
    }

    /// The offset of the gateways' clocks by their last answer, to the second; nothing before the first answer.
    #[cfg(feature = "backup")]
    pub(crate) fn heard_offset_ms(&self) -> Option<i64> {
        Some(self.0.heard_offset_ms.load(Relaxed)).filter(|offset| *offset != i64::MIN)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("gateways", &self.0.gateways).finish_non_exhaustive()
    }
}
