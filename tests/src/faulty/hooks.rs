//! The hooks that the gateway calls: the script that decides on faults and remembers requests, and the clock.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use deis_store::gateway::{Fault, Faults, Operation, RequestSeen};
use deis_store::run::Clock;

use super::asked::Asked;
use super::schedule::{Rule, met};

/// A request with this header is neither counted nor meets a fault.
pub(super) const UNCOUNTED: &str = "x-uncounted";

/// The schedule, and every request so far.
#[derive(Debug, Default)]
pub(super) struct Script(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    schedule: Vec<Rule>,
    asked: Vec<Asked>,
}

impl Script {
    pub(super) fn add(&self, rule: Rule) {
        self.state().schedule.push(rule);
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    pub(super) fn asked_for(&self, operation: Operation) -> Vec<Asked> {
        self.state().asked.iter().filter(|asked| asked.operation == operation).cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Faults for Script {
    fn fault(&self, request: &RequestSeen) -> Option<Fault> {
        if request.header(UNCOUNTED).is_some() {
            return None;
        }
        let mut state = self.state();
        state.asked.push(Asked { seen: request.clone(), answered_bytes: 0 });
        met(&mut state.schedule, request)
    }

    fn sent(&self, request_number: u64, bytes: u64) {
        let mut state = self.state();
        if let Some(asked) = state.asked.iter_mut().rev().find(|asked| asked.number == request_number) {
            asked.answered_bytes += usize::try_from(bytes).unwrap_or(usize::MAX);
        }
    }
}

/// The system's clock, moved.
#[derive(Debug, Default)]
pub(super) struct ShiftedClock(AtomicI64);

impl ShiftedClock {
    pub(super) fn set_ahead(&self, seconds: i64) {
        self.0.store(seconds, Ordering::Relaxed);
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> SystemTime {
        let ahead_seconds = self.0.load(Ordering::Relaxed);
        let by = Duration::from_secs(ahead_seconds.unsigned_abs());
        if ahead_seconds < 0 { SystemTime::now() - by } else { SystemTime::now() + by }
    }
}
