//! How many requests are in flight: one limit for all tasks of a client, found out by [`pace`].
//!
//! A request holds a permit while it waits for its answer and while the answer's body comes, and never for a body that
//! nobody reads: [`slots`] has the proof.

mod meter;
mod pace;
mod slots;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use tokio::time::Instant;

use crate::http::{Frames, Received};
use meter::Meter;
use slots::{Slot, Slots};

/// The limit. Clones are the same one.
#[derive(Clone)]
pub(super) struct Concurrency {
    slots: Slots,
    meter: Arc<Mutex<Meter>>,
}

/// The right to have a request in flight, until it is dropped.
pub(super) struct Permit {
    concurrency: Concurrency,
    /// `None` for one that was not waited for.
    slot: Option<Slot>,
    generation: u64,
    began: Instant,
}

impl Concurrency {
    /// At most so many at a time.
    pub(super) fn new(most: usize) -> Self {
        let meter = Meter::new(most);
        Self { slots: Slots::new(meter.limit()), meter: Arc::new(Mutex::new(meter)) }
    }

    /// Waits for a permit.
    pub(super) async fn permit(&self) -> Permit {
        let (slot, waited) = self.slots.take().await;
        self.begin(Some(slot), waited)
    }

    /// A permit above the limit, without waiting: for the pages of a listing, which feed all the others.
    pub(super) fn at_once(&self) -> Permit {
        self.begin(None, false)
    }

    /// How many may be in flight now.
    pub(super) fn limit(&self) -> usize {
        self.meter().limit()
    }

    fn begin(&self, slot: Option<Slot>, waited: bool) -> Permit {
        let generation = self.meter().begin(waited);
        Permit { concurrency: self.clone(), slot, generation, began: Instant::now() }
    }

    /// One after the other, so that there are always as many slots as the last measure says.
    fn measure(&self, measured: impl FnOnce(&mut Meter) -> Option<usize>) {
        let mut meter = self.meter();
        if let Some(limit) = measured(&mut meter) {
            self.slots.resize(limit);
        }
    }

    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Waits for the gateway.
    pub(super) async fn run<T>(&mut self, future: impl Future<Output = T>) -> T {
        match &mut self.slot {
            Some(slot) => slot.run(future).await,
            None => future.await,
        }
    }

    /// The gateway has answered a request with so many bytes, whatever it said. Only time spent waiting for it counts,
    /// so that a slow disk of ours is not taken for a slow gateway.
    pub(super) fn answered(&self, sent_bytes: u64) {
        self.concurrency.measure(|meter| meter.answered(sent_bytes, self.began.elapsed()));
    }

    /// The gateway had too much to do, or did not answer in time.
    pub(super) fn overloaded(&self) {
        self.concurrency.measure(|meter| meter.overloaded(self.generation));
    }

    /// The same body, which holds the permit until it ends or is dropped.
    pub(super) fn body(self, received: Received) -> Received {
        received.map_frames(|frames| Box::pin(Permitted { frames, permit: Some(self) }))
    }
}

/// A body that holds a permit.
struct Permitted {
    frames: Frames,
    permit: Option<Permit>,
}

impl Stream for Permitted {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let Self { frames, permit } = &mut *self;
        let mut next = |context: &mut Context<'_>| frames.as_mut().poll_next(context);
        let polled = match permit.as_mut().and_then(|permit| permit.slot.as_mut()) {
            Some(slot) => slot.poll(context, next),
            None => next(context),
        };
        match (&polled, &permit) {
            (Poll::Ready(Some(Ok(bytes))), Some(permit)) => permit.concurrency.meter().received(bytes.len()),
            (Poll::Ready(_), _) => *permit = None,
            _ => {}
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::{FutureExt as _, StreamExt as _, stream};

    use super::*;

    fn taken(concurrency: &Concurrency) -> Vec<Permit> {
        std::iter::from_fn(|| concurrency.permit().now_or_never()).collect()
    }

    #[tokio::test]
    async fn requests_that_were_in_flight_together_report_one_overload() {
        let concurrency = Concurrency::new(64);
        let out = taken(&concurrency);
        assert_eq!(out.len(), 8);
        out.iter().for_each(Permit::overloaded);
        assert_eq!(concurrency.limit(), 4);
        drop(out);
        let out = taken(&concurrency);
        assert_eq!(out.len(), 4);
        out[0].overloaded();
        drop(out);
        assert_eq!(taken(&concurrency).len(), 2);
    }

    #[tokio::test]
    async fn a_listing_does_not_wait_for_those_it_feeds() {
        let concurrency = Concurrency::new(1);
        let _one = concurrency.permit().await;
        assert!(concurrency.permit().now_or_never().is_none());
        drop(concurrency.at_once());
        assert!(concurrency.permit().now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_nobody_reads_holds_up_no_request_and_comes_whole_afterwards() {
        let concurrency = Concurrency::new(1);
        let piece = || Ok(Bytes::from_static(b"x"));
        let frames = stream::iter([piece(), piece(), piece()]);
        let mut body = concurrency.permit().await.body(Received::new(Box::pin(frames)));
        assert!(body.next().await.is_some());
        let other = concurrency.permit().await;
        assert!(body.next().now_or_never().is_none(), "two are never in flight");
        drop(other);
        assert_eq!(body.collect(9).await.unwrap(), "xx");
        assert_eq!(taken(&concurrency).len(), 1, "its end gives the permit back");
    }

    #[tokio::test(start_paused = true)]
    async fn more_are_allowed_while_it_pays() {
        let concurrency = Concurrency::new(64);
        let request = || async {
            let permit = concurrency.permit().await;
            tokio::time::sleep(Duration::from_millis(41)).await;
            permit.answered(0);
        };
        stream::iter(0..20_000).for_each_concurrent(200, |_| request()).await;
        assert_eq!(concurrency.limit(), 64);
        assert_eq!(taken(&concurrency).len(), 64);
    }
}
