//! The permits for requests in flight: one limiter for all tasks of a client, which measures what [`Pace`] decides by.
//!
//! Time is measured by the runtime's clock: it is about how long things take, not about the date.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::pace::{Epoch, Pace};

/// An epoch lasts at least so long, and
const EPOCH: Duration = Duration::from_millis(200);

/// takes at least so much work, so that chance does not decide.
const EPOCH_WORK: f64 = 150.0;

/// When nothing has come for so long, those who hold permits do not use them.
const STANDSTILL: Duration = Duration::from_secs(5);

/// Bytes that take a gateway as long as a request by itself: at 400 MB/s against 0.7 ms.
const BYTES_PER_WORK: f64 = 262_144.0;

/// The limiter.
#[derive(Clone)]
pub(super) struct Permits(Arc<Shared>);

struct Shared {
    free: Arc<Semaphore>,
    state: Mutex<State>,
}

struct State {
    pace: Pace,
    /// How many there are, without those of the debt.
    allowed: usize,
    /// How many permits that are out must not come back.
    debt: usize,
    /// Counts overloads: requests that were in flight together report only one.
    generation: u64,
    /// When something came last.
    moved: Instant,
    began: Instant,
    work: f64,
    answers: u32,
    waited_s: f64,
    /// Permits that had to be waited for.
    queued: u32,
}

/// The right to have a request in flight, until it is dropped.
pub(super) struct Permit {
    permits: Permits,
    /// `None` for one that was not waited for.
    free: Option<OwnedSemaphorePermit>,
    generation: u64,
    began: Instant,
}

impl Permits {
    /// At most so many at a time.
    pub(super) fn new(most: usize) -> Self {
        let pace = Pace::new(most);
        let allowed = pace.limit();
        let free = Arc::new(Semaphore::new(allowed));
        let state = State {
            pace,
            allowed,
            debt: 0,
            generation: 0,
            moved: Instant::now(),
            began: Instant::now(),
            work: 0.0,
            answers: 0,
            waited_s: 0.0,
            queued: 0,
        };
        Self(Arc::new(Shared { free, state: Mutex::new(state) }))
    }

    /// Waits for a permit. Where all are held by transfers that nobody reads from, it goes without one after a while:
    /// perhaps the reader waits for this very request.
    pub(super) async fn take(&self) -> Permit {
        let semaphore = &self.0.free;
        let (free, queued) = match semaphore.clone().try_acquire_owned() {
            Ok(free) => (Some(free), 0),
            Err(_) => (self.queue().await, 1),
        };
        let mut state = self.state();
        state.queued += queued;
        Permit { permits: self.clone(), free, generation: state.generation, began: Instant::now() }
    }

    async fn queue(&self) -> Option<OwnedSemaphorePermit> {
        let mut free = pin!(self.0.free.clone().acquire_owned());
        loop {
            match timeout(STANDSTILL, &mut free).await {
                // The semaphore is never closed.
                Ok(free) => return free.ok(),
                Err(_) if self.state().moved.elapsed() >= STANDSTILL => return None,
                Err(_) => {}
            }
        }
    }

    /// A permit above the limit, without waiting: for the pages of a listing, which feed all the others.
    pub(super) fn at_once(&self) -> Permit {
        let generation = self.state().generation;
        Permit { permits: self.clone(), free: None, generation, began: Instant::now() }
    }

    /// How many may be in flight now.
    pub(super) fn limit(&self) -> usize {
        self.state().pace.limit()
    }

    /// So many bytes have come or gone.
    pub(super) fn moved(&self, bytes: u64) {
        let mut state = self.state();
        state.work += work_of(bytes);
        state.moved = Instant::now();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// The gateway has answered a request with so many bytes, whatever it said. Only time spent waiting for it counts,
    /// so that a slow disk of ours is not taken for a slow gateway.
    pub(super) fn answered(&self, sent_bytes: u64) {
        let mut state = self.permits.state();
        let work = 1.0 + work_of(sent_bytes);
        state.work += work;
        state.moved = Instant::now();
        state.answers += 1;
        state.waited_s += self.began.elapsed().as_secs_f64() / work;
        state.end_epoch(&self.permits.0.free);
    }

    /// The gateway had too much to do, or did not answer in time.
    pub(super) fn overloaded(&self) {
        let mut state = self.permits.state();
        if self.generation == state.generation {
            state.generation += 1;
            state.pace.overloaded();
            state.begin_epoch(&self.permits.0.free);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(free) = self.free.take() else { return };
        let mut state = self.permits.state();
        if state.debt > 0 {
            state.debt -= 1;
            free.forget();
        }
    }
}

impl State {
    fn end_epoch(&mut self, free: &Semaphore) {
        let lasted = self.began.elapsed();
        if lasted < EPOCH || self.work < EPOCH_WORK {
            return;
        }
        self.pace.epoch(&Epoch {
            work_per_s: self.work / lasted.as_secs_f64(),
            wait_s: self.waited_s / f64::from(self.answers.max(1)),
            saturated: self.queued * 4 > self.answers * 3,
        });
        self.begin_epoch(free);
    }

    /// As many permits as the pace says, from now on.
    fn begin_epoch(&mut self, free: &Semaphore) {
        (self.began, self.work, self.answers, self.waited_s, self.queued) = (Instant::now(), 0.0, 0, 0.0, 0);
        let limit = self.pace.limit();
        if let Some(more) = limit.checked_sub(self.allowed) {
            let kept = more.min(self.debt);
            self.debt -= kept;
            free.add_permits(more - kept);
        } else {
            let fewer = self.allowed - limit;
            self.debt += fewer - free.forget_permits(fewer);
        }
        self.allowed = limit;
    }
}

#[expect(clippy::cast_precision_loss)]
fn work_of(bytes: u64) -> f64 {
    bytes as f64 / BYTES_PER_WORK
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _, stream};

    use super::*;

    fn taken(permits: &Permits) -> Vec<Permit> {
        std::iter::from_fn(|| permits.take().now_or_never()).collect()
    }

    #[tokio::test]
    async fn requests_that_were_in_flight_together_report_one_overload() {
        let permits = Permits::new(64);
        let out = taken(&permits);
        assert_eq!(out.len(), 8);
        out.iter().for_each(Permit::overloaded);
        assert_eq!(permits.limit(), 4);
        drop(out);
        let out = taken(&permits);
        assert_eq!(out.len(), 4);
        out[0].overloaded();
        drop(out);
        assert_eq!(taken(&permits).len(), 2);
    }

    #[tokio::test]
    async fn a_listing_does_not_wait_for_those_it_feeds() {
        let permits = Permits::new(1);
        let _one = permits.take().await;
        assert!(permits.take().now_or_never().is_none());
        drop(permits.at_once());
        assert!(permits.take().now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn where_all_permits_are_held_and_nothing_moves_a_request_goes_without() {
        let permits = Permits::new(64);
        let held = taken(&permits);
        let begun = Instant::now();
        drop(permits.take().await);
        assert_eq!(begun.elapsed(), STANDSTILL);
        // While something moves, it waits its turn.
        let waiting = permits.take();
        let moving = async {
            for _ in 0..60 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                permits.moved(1);
            }
            drop(held);
        };
        let (permit, ()) = tokio::join!(waiting, moving);
        assert!(permit.free.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn more_are_allowed_while_it_pays() {
        let permits = Permits::new(64);
        let request = || async {
            let permit = permits.take().await;
            tokio::time::sleep(Duration::from_millis(41)).await;
            permit.answered(0);
        };
        stream::iter(0..20_000).for_each_concurrent(200, |_| request()).await;
        assert_eq!(permits.limit(), 64);
        assert_eq!(taken(&permits).len(), 64);
    }
}
