//! A bounded number of slots. One that its owner does not use is taken back when another request waits.
//!
//! Nobody waits for ever, and no request goes without a slot. A slot that is held is in one of two states. Either its
//! owner waits for the network: that ends, since a transport has timeouts. Or it is idle: the network has given
//! something, so that the owner's waker was called or its poll was ready, and the owner has not polled since. A slot
//! that has been idle for [`PATIENCE`] is taken back by the first request that waits. So each slot becomes free in bounded time, and
//! the semaphore gives it to the one who has waited longest. The owner, when it polls again, waits like all others
//! before its request goes on.
//!
//! Nothing here depends on how many owners there are, on what they do with what has come, or on whether they poll at
//! all: a download that nobody reads, or a future that is kept and not polled, holds up no other request.

use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// How long a slot may be idle while somebody waits for one: longer than a disk takes for what has come.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// The slots. Clones are the same ones.
#[derive(Clone)]
pub(super) struct Slots(Arc<Shared>);

struct Shared {
    free: Arc<Semaphore>,
    state: Mutex<State>,
}

struct State {
    /// How many there are, without the surplus.
    count: usize,
    /// How many of those that are held do not come back.
    surplus: usize,
    held: Vec<Arc<Held>>,
}

/// A slot, until it is dropped.
pub(super) struct Slot {
    slots: Slots,
    held: Arc<Held>,
    /// The waker that the network wakes: `held`.
    waker: Waker,
    /// It was taken back, and another one is waited for.
    again: Option<Pin<Box<dyn Future<Output = OwnedSemaphorePermit> + Send>>>,
}

/// A slot that is held.
struct Held(Mutex<Use>);

struct Use {
    /// `None` when it was taken back.
    permit: Option<OwnedSemaphorePermit>,
    /// Since when its owner could go on and does not.
    idle_since: Option<Instant>,
    /// The owner's.
    waker: Option<Waker>,
}

impl Slots {
    pub(super) fn new(count: usize) -> Self {
        let state = Mutex::new(State { count, surplus: 0, held: Vec::new() });
        Self(Arc::new(Shared { free: Arc::new(Semaphore::new(count)), state }))
    }

    /// Waits for a slot; says whether it had to.
    pub(super) async fn take(&self) -> (Slot, bool) {
        let (permit, waited) = match self.0.free.clone().try_acquire_owned() {
            Ok(permit) => (permit, false),
            Err(_) => (self.clone().queue().await, true),
        };
        let held = Use { permit: Some(permit), idle_since: None, waker: None };
        let held = Arc::new(Held(Mutex::new(held)));
        self.state().held.push(held.clone());
        (Slot { slots: self.clone(), waker: held.clone().into(), held, again: None }, waited)
    }

    /// From now on there are so many. Those above it that are held are used to their end.
    pub(super) fn resize(&self, count: usize) {
        let mut state = self.state();
        if let Some(more) = count.checked_sub(state.count) {
            let kept = more.min(state.surplus);
            state.surplus -= kept;
            self.0.free.add_permits(more - kept);
        } else {
            let fewer = state.count - count;
            state.surplus += fewer - self.0.free.forget_permits(fewer);
        }
        state.count = count;
    }

    async fn queue(self) -> OwnedSemaphorePermit {
        let mut free = pin!(self.0.free.clone().acquire_owned());
        loop {
            match timeout(PATIENCE, &mut free).await {
                Ok(Ok(permit)) => return permit,
                // The semaphore is never closed.
                Ok(Err(_)) => pending().await,
                Err(_) => self.take_back(),
            }
        }
    }

    /// Takes back the slot that has been idle for longest, if one has been for too long.
    fn take_back(&self) {
        let idle = |held: &Arc<Held>| {
            let held = held.lock();
            held.idle_since.filter(|since| held.permit.is_some() && since.elapsed() >= PATIENCE)
        };
        let all = self.state().held.clone();
        let longest = all.iter().filter_map(|held| Some((idle(held)?, held))).min_by_key(|(since, _)| *since);
        let Some((_, held)) = longest else { return };
        let mut held = held.lock();
        // It may be in use again by now.
        let permit = held.idle_since.and_then(|_| held.permit.take());
        drop(held);
        self.release(permit);
    }

    fn release(&self, permit: Option<OwnedSemaphorePermit>) {
        let Some(permit) = permit else { return };
        let mut state = self.state();
        if state.surplus > 0 {
            state.surplus -= 1;
            permit.forget();
        } else {
            // To drop the permit wakes somebody, who may come here.
            drop(state);
            drop(permit);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Goes on with what the slot is for, as soon as it has the slot.
    pub(super) fn poll<T>(
        &mut self,
        context: &mut Context<'_>,
        go_on: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        ready!(self.poll_held(context));
        let polled = go_on(&mut Context::from_waker(&self.waker));
        if polled.is_ready() {
            self.held.lock().idle_since = Some(Instant::now());
        }
        polled
    }

    /// Does something that waits for the network.
    pub(super) async fn run<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        poll_fn(|context| self.poll(context, |context| future.as_mut().poll(context))).await
    }

    /// Has the slot, or gets one again, and is in use.
    fn poll_held(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(again) = &mut self.again {
                let permit = ready!(again.as_mut().poll(context));
                self.again = None;
                self.held.lock().permit = Some(permit);
            }
            let mut held = self.held.lock();
            if held.permit.is_some() {
                held.idle_since = None;
                match &mut held.waker {
                    Some(waker) => waker.clone_from(context.waker()),
                    none => *none = Some(context.waker().clone()),
                }
                return Poll::Ready(());
            }
            drop(held);
            self.again = Some(Box::pin(self.slots.clone().queue()));
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.state().held.retain(|held| !Arc::ptr_eq(held, &self.held));
        let permit = self.held.lock().permit.take();
        self.slots.release(permit);
    }
}

impl Held {
    fn lock(&self) -> MutexGuard<'_, Use> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Held {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut held = self.lock();
        held.idle_since.get_or_insert_with(Instant::now);
        let waker = held.waker.take();
        drop(held);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn all(slots: &Slots) -> Vec<Slot> {
        std::iter::from_fn(|| slots.take().now_or_never()).map(|(slot, _)| slot).collect()
    }

    /// Polls once what never ends.
    fn poll_once(slot: &mut Slot) {
        assert!(slot.run(pending::<()>()).now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slot_whose_owner_does_not_read_is_taken_back_and_the_owner_waits_for_another() {
        let slots = Slots::new(2);
        let mut held = all(&slots);
        assert_eq!(held.len(), 2);
        poll_once(&mut held[0]);
        held[1].run(std::future::ready(())).await;
        let begun = Instant::now();
        let (other, waited) = slots.take().await;
        assert!(waited && begun.elapsed() < 2 * PATIENCE, "{:?}", begun.elapsed());
        // The one that waits for the network keeps its slot, and the one that was idle gets one only when it is free.
        assert!(held[0].run(std::future::ready(())).now_or_never().is_some());
        let mut idle = held.pop().unwrap();
        assert!(idle.run(std::future::ready(())).now_or_never().is_none());
        drop(other);
        assert!(idle.run(std::future::ready(())).now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slot_that_waits_for_the_network_is_kept_and_a_future_that_is_not_polled_keeps_none() {
        let slots = Slots::new(1);
        let (mut slot, _) = slots.take().await;
        let (answer, answered) = tokio::sync::oneshot::channel::<()>();
        {
            let mut request = pin!(slot.run(answered));
            assert!(request.as_mut().now_or_never().is_none());
            let take = timeout(20 * PATIENCE, slots.take()).await;
            assert!(take.is_err(), "as long as the network owes it something");
            answer.send(()).unwrap();
            // Its owner is woken, and does not come.
            let (second, _) = timeout(2 * PATIENCE + PATIENCE / 2, slots.take()).await.unwrap();
            drop(second);
        }
        drop(slot);
        assert_eq!(all(&slots).len(), 1, "it is given back once");
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_wait_get_a_slot_though_nobody_reads() {
        let slots = Slots::new(3);
        let parked = tokio::sync::Mutex::new(Vec::new());
        let request = || async {
            let (mut slot, _) = slots.take().await;
            slot.run(tokio::time::sleep(Duration::from_millis(5))).await;
            parked.lock().await.push(slot);
        };
        let all = futures_util::future::join_all((0..100).map(|_| request()));
        timeout(100 * PATIENCE, all).await.unwrap();
        assert_eq!(parked.lock().await.len(), 100);
    }

    #[tokio::test]
    async fn fewer_slots_are_reached_as_those_that_are_held_end_and_more_are_there_at_once() {
        let slots = Slots::new(4);
        let mut held = all(&slots);
        slots.resize(2);
        held.truncate(2);
        assert!(all(&slots).is_empty());
        held.truncate(1);
        assert_eq!(all(&slots).len(), 1);
        slots.resize(6);
        assert_eq!(all(&slots).len(), 5);
        drop(held);
        assert_eq!(all(&slots).len(), 6);
    }
}
