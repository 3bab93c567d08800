//! What every verb is given besides its nouns and options: time, randomness, a stop signal and somebody to tell.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, SystemTime};

use crate::error::{Error, ErrorKind, Result};

/// The surroundings of a run: the last argument of every verb.
#[derive(Clone)]
pub struct Run {
    /// Who is told of progress.
    pub monitor: Arc<dyn Monitor>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Whether to stop.
    pub stop: Stop,
    /// From which all randomness of the run is made.
    pub seed: u64,
    tasks: Arc<AtomicU64>,
}

impl Run {
    /// The surroundings of a run.
    #[must_use]
    pub fn new(monitor: Arc<dyn Monitor>, clock: Arc<dyn Clock>, stop: Stop, seed: u64) -> Self {
        Self { monitor, clock, stop, seed, tasks: Arc::default() }
    }

    /// A run that tells nobody, by the system's clock, with a fixed seed: for examples and tests.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(Arc::new(Silent), Arc::new(SystemClock), Stop::default(), 1)
    }

    /// Begins a task below another one; it ends when the returned value says so or is dropped.
    #[must_use]
    pub fn begin(&self, parent: Option<Task>, kind: TaskKind, name: &str) -> Running<'_> {
        let task = Task(self.tasks.fetch_add(1, Ordering::Relaxed));
        self.monitor.event(&Event::Begin { task, parent, kind, name });
        Running { run: self, task, result: TaskResult::Failed }
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// A task that was begun. Dropping it without [`Running::done`] ends it as failed.
#[derive(Debug)]
pub struct Running<'a> {
    run: &'a Run,
    task: Task,
    result: TaskResult,
}

impl Running<'_> {
    /// Its number, as the parent of others.
    #[must_use]
    pub fn task(&self) -> Task {
        self.task
    }

    /// Says how much there will be in all.
    pub fn total(&self, objects: Option<u64>, bytes: Option<u64>) {
        self.run.monitor.event(&Event::Total { task: self.task, objects, bytes });
    }

    /// Says how much was done since the last call.
    pub fn advance(&self, objects: u64, bytes: u64) {
        self.run.monitor.event(&Event::Advance { task: self.task, objects, bytes });
    }

    /// Says something a person should know.
    pub fn note(&self, level: Level, code: &'static str, text: &str) {
        self.run.monitor.event(&Event::Note { task: self.task, level, code, text, advice: None });
    }

    /// Ends it.
    pub fn done(mut self, result: TaskResult) {
        self.result = result;
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.run.monitor.event(&Event::End { task: self.task, result: self.result });
    }
}

/// Somebody who is told of progress. It must not block.
pub trait Monitor: Send + Sync + 'static {
    /// Something happened.
    fn event(&self, event: &Event<'_>);
}

/// A task's number, unique within its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Task(u64);

/// What happened. Tasks form a tree.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A task begins.
    Begin {
        /// The task.
        task: Task,
        /// The task it belongs to.
        parent: Option<Task>,
        /// What sort of task.
        kind: TaskKind,
        /// Its name for people.
        name: &'a str,
    },
    /// How much a task will do in all, as far as known.
    Total {
        /// The task.
        task: Task,
        /// Objects, files or steps.
        objects: Option<u64>,
        /// Bytes.
        bytes: Option<u64>,
    },
    /// How much a task has done since it last said so.
    Advance {
        /// The task.
        task: Task,
        /// Objects, files or steps.
        objects: u64,
        /// Bytes.
        bytes: u64,
    },
    /// Something a person should know.
    Note {
        /// The task.
        task: Task,
        /// How grave.
        level: Level,
        /// A stable word for programs.
        code: &'static str,
        /// The sentence for people.
        text: &'a str,
        /// What to do about it.
        advice: Option<&'a str>,
    },
    /// A task ends.
    End {
        /// The task.
        task: Task,
        /// How.
        result: TaskResult,
    },
}

/// What sort of task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskKind {
    /// A whole verb: backup, verify, restore.
    Verb,
    /// A part of the platform: `db_wal`, `registry`, `volume`, `sql`, `config`.
    Part,
    /// A step of a part.
    Step,
    /// A check.
    Check,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskResult {
    /// As it should.
    Good,
    /// With something missing.
    Incomplete,
    /// Not at all.
    Failed,
}

/// How grave a note is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Level {
    /// For those who want to follow.
    Info,
    /// To be looked at.
    Warning,
}

/// A monitor that tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Monitor for Silent {
    fn event(&self, _: &Event<'_>) {}
}

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The time of day.
    fn now(&self) -> SystemTime;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

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
    pub fn stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Acquire)
    }

    /// An [`ErrorKind::Interrupted`] error if it was asked to stop.
    pub fn check(&self) -> Result<()> {
        if self.stopped() { Err(interrupted()) } else { Ok(()) }
    }

    /// What the work gives; or, as soon as it was asked to stop, an [`ErrorKind::Interrupted`] error, and the work is
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

/// Milliseconds of a duration, as reports give them.
#[must_use]
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
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
