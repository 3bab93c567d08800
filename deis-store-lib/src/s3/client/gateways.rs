//! The gateways of one cluster: they take turns, and one that does not answer is left out for a while.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::http::{Endpoint, HttpSend};

#[derive(Debug)]
pub(super) struct Gateways {
    list: Vec<Gateway>,
    turn: AtomicUsize,
}

#[derive(Debug)]
pub(super) struct Gateway {
    pub(super) http: Arc<dyn HttpSend>,
    suspended_until: Mutex<Option<Instant>>,
}

impl Gateways {
    pub(super) fn new(list: Vec<Arc<dyn HttpSend>>) -> Self {
        let gateway = |http| Gateway { http, suspended_until: Mutex::default() };
        Self { list: list.into_iter().map(gateway).collect(), turn: AtomicUsize::new(0) }
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.list.iter().map(|gateway| gateway.http.endpoint())
    }

    /// The next one that is not left out; if all are, the next one.
    pub(super) fn pick(&self) -> &Gateway {
        let now = Instant::now();
        let first = self.turn.fetch_add(1, Relaxed) % self.list.len();
        let order = (0..self.list.len()).map(|step| &self.list[(first + step) % self.list.len()]);
        let mut answering = order.filter(|gateway| gateway.until().is_none_or(|until| until <= now));
        answering.next().unwrap_or(&self.list[first])
    }
}

impl Gateway {
    /// It did not answer, and is asked again only after so long.
    pub(super) fn suspend(&self, duration: Duration) {
        *self.until() = Some(Instant::now() + duration);
    }

    /// It answered.
    pub(super) fn resume(&self) {
        *self.until() = None;
    }

    fn until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.suspended_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
