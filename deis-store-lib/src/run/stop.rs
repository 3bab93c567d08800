//! A signal to stop, seen by all that work for a run.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::error::{Error, ErrorKind, Result};

/// A signal to stop: set once, seen by all its clones.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Signal>);

#[derive(Debug, Default)]
struct Signal {
    stopped: AtomicBool,
    /// Those who wait: a verb each.
    waiting: Mutex<Vec<Waker>>,
}

impl Stop {
    /// Asks everything that holds a clone to stop soon.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::Release);
        self.waiting().drain(..).for_each(Waker::wake);
    }

    /// Whether it was asked to stop.
    #[must_use]
    pub(crate) fn stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Acquire)
    }

    /// An [`ErrorKind::Interrupted`] error if it was asked to stop.
    pub(crate) fn check(&self) -> Result<()> {
        if self.stopped() { Err(interrupted()) } else { Ok(()) }
    }

    /// The result of the work; or, as soon as it was asked to stop, an [`ErrorKind::Interrupted`] error, and the work is
    /// dropped wherever it waits.
    pub async fn cancels<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut work = pin!(work);
        poll_fn(|context| {
            if let Poll::Ready(result) = work.as_mut().poll(context) {
                return Poll::Ready(result);
            }
            let mut waiting = self.waiting();
            // Under the lock: either the signal is seen here, or whoever gives it finds the waker.
            if self.stopped() {
                return Poll::Ready(Err(interrupted()));
            }
            if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                waiting.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "interrupted")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use std::task::{Context, Waker};

    #[test]
    fn a_stop_ends_work_that_waits_for_ever() {
        let stop = Stop::default();
        let mut work = pin!(stop.cancels(pending::<Result<()>>()));
        let mut context = Context::from_waker(Waker::noop());
        assert!(work.as_mut().poll(&mut context).is_pending());
        stop.stop();
        let Poll::Ready(Err(error)) = work.poll(&mut context) else { panic!("it still waits") };
        assert_eq!(error.kind(), ErrorKind::Interrupted);
    }

    #[test]
    fn work_that_is_done_is_done_also_after_a_stop() {
        let stop = Stop::default();
        stop.stop();
        let mut work = pin!(stop.cancels(async { Ok(7) }));
        let Poll::Ready(Ok(7)) = work.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!()
        };
    }
}
