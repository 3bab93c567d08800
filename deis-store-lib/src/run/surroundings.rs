//! The surroundings of a run, and the tasks that it tells of.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::clock::{Clock, SystemClock};
use super::monitor::{Event, Level, Monitor, Silent, Task, TaskKind, TaskResult};
use super::stop::Stop;

/// The surroundings of a run: the last argument of every verb.
#[derive(Clone)]
pub struct Run {
    /// The listener that is told of progress.
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

    /// A run by the system's clock, with a random seed and a signal of its own, that tells this monitor.
    #[must_use]
    pub fn system(monitor: Arc<dyn Monitor>) -> Self {
        // Jitter and names need no secrecy, only variety.
        let seed = RandomState::new().hash_one(());
        Self::new(monitor, Arc::new(SystemClock), Stop::default(), seed)
    }

    /// A run that tells nobody, with a fixed seed: what tests do by chance, they do again. Programs want
    /// [`Run::default`], whose chance differs from run to run.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(Arc::new(Silent), Arc::new(SystemClock), Stop::default(), 1)
    }

    /// The same run by another clock.
    #[cfg(feature = "backup")]
    #[must_use]
    pub(crate) fn by_clock(&self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self.clone() }
    }

    /// Says something a person should know, of no task in particular.
    pub(crate) fn note(&self, level: Level, code: &'static str, text: &str) {
        let task = Task(self.tasks.fetch_add(1, Ordering::Relaxed));
        self.monitor.event(&Event::Note { task, level, code, text, advice: None });
    }

    /// Begins a task below another one; it ends when the returned value says so or is dropped.
    #[must_use]
    pub fn begin(&self, parent: Option<Task>, kind: TaskKind, name: &str) -> Running<'_> {
        let task = Task(self.tasks.fetch_add(1, Ordering::Relaxed));
        self.monitor.event(&Event::Begin { task, parent, kind, name });
        Running { run: self, task, result: TaskResult::Failed }
    }
}

/// A run by the system's clock, with a random seed, that tells nobody.
impl Default for Run {
    fn default() -> Self {
        Self::system(Arc::new(Silent))
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// A task that was begun. Dropping it without `done` ends it as failed.
#[derive(Debug)]
pub struct Running<'a> {
    run: &'a Run,
    task: Task,
    result: TaskResult,
}

impl Running<'_> {
    /// The run that it belongs to.
    #[cfg(feature = "backup")]
    #[must_use]
    pub(crate) fn run(&self) -> &Run {
        self.run
    }

    /// Its number, as the parent of others.
    #[cfg(feature = "backup")]
    #[must_use]
    pub(crate) fn task(&self) -> Task {
        self.task
    }

    /// Says how much there will be in all.
    #[cfg(feature = "backup")]
    pub(crate) fn total(&self, objects: Option<u64>, bytes: Option<u64>) {
        self.run.monitor.event(&Event::Total { task: self.task, objects, bytes });
    }

    /// Says how much was done since the last call.
    #[cfg(feature = "backup")]
    pub(crate) fn advance(&self, objects: u64, bytes: u64) {
        self.run.monitor.event(&Event::Advance { task: self.task, objects, bytes });
    }

    /// Says something a person should know.
    pub fn note(&self, level: Level, code: &'static str, text: &str) {
        self.run.monitor.event(&Event::Note { task: self.task, level, code, text, advice: None });
    }

    /// Ends it.
    #[cfg(feature = "backup")]
    pub(crate) fn done(mut self, result: TaskResult) {
        self.result = result;
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.run.monitor.event(&Event::End { task: self.task, result: self.result });
    }
}

/// Milliseconds of a duration, as reports give them.
#[cfg(feature = "backup")]
#[must_use]
pub(crate) fn milliseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_differ_by_default_and_silent_ones_do_not() {
        let seeds: std::collections::BTreeSet<u64> = (0..8).map(|_| Run::default().seed).collect();
        assert_eq!(seeds.len(), 8);
        assert_eq!(Run::silent().seed, Run::silent().seed);
    }
}
