//! Progress as lines on standard error: what begins, what ends, and every few seconds how far it is.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use deis_store::error::printable;
use deis_store::run::{Event, Level, Monitor, Task, TaskKind};

use crate::args::{Global, ShowProgress};
use crate::output::{bytes, tell, with_options};

/// How long a task is silent at most.
const EVERY: Duration = Duration::from_secs(5);

pub(crate) struct Progress {
    lines: bool,
    /// The least grave note that is shown, if any is.
    level: Option<Level>,
    /// Whether each request is shown.
    requests: bool,
    tasks: Mutex<HashMap<Task, State>>,
}

struct State {
    name: String,
    shown: bool,
    /// Whether it is shown by the bytes that move, since an object is long under way.
    by_bytes: bool,
    moved_bytes: u64,
    objects: u64,
    size_bytes: u64,
    /// How much there will be in all, by the gateway's own count, which may lag behind.
    total_bytes: Option<u64>,
    said: Instant,
}

impl State {
    fn new(name: &str, shown: bool) -> Self {
        let (name, said) = (name.to_owned(), Instant::now());
        Self {
            name,
            shown,
            by_bytes: false,
            moved_bytes: 0,
            objects: 0,
            size_bytes: 0,
            total_bytes: None,
            said,
        }
    }

    fn line(&self) -> String {
        let (name, objects) = (&self.name, self.objects);
        let size_bytes = if self.by_bytes { self.moved_bytes } else { self.size_bytes };
        let total_bytes = self.total_bytes.filter(|total| *total > 0).map(u128::from);
        let percent = total_bytes.map(|total| (100 * u128::from(size_bytes) / total).min(100));
        let percent = percent.map_or(String::new(), |percent| format!(" ({percent} %)"));
        let size = bytes(size_bytes);
        if self.by_bytes && objects == 0 {
            return format!("{name}: {size}{percent}");
        }
        format!("{name}: {objects} objects, {size}{percent}")
    }

    /// Says how far it is, if it was silent for long.
    fn say_sometimes(&mut self) {
        if self.shown && self.said.elapsed() >= EVERY {
            self.said = Instant::now();
            say(&self.line());
        }
    }
}

impl Progress {
    pub(crate) fn new(global: &Global) -> Self {
        let lines = match global.progress {
            ShowProgress::Auto => std::io::stderr().is_terminal() && !global.json,
            ShowProgress::Plain => true,
            ShowProgress::None => false,
        };
        // In order: nothing, warnings, all.
        let level = match (global.quiet, global.verbose) {
            (true, _) => None,
            (false, 0) => Some(Level::Warning),
            (false, _) => Some(Level::Info),
        };
        let requests = global.verbose > 0;
        Self { lines: lines && !global.quiet, level, requests, tasks: Mutex::default() }
    }
}

impl Monitor for Progress {
    fn follows_requests(&self) -> bool {
        self.requests
    }

    fn event(&self, event: &Event<'_>) {
        if let Event::Note { level, text, .. } = event {
            // Warnings are for cron's mail too.
            if self.level.is_some_and(|least| *level >= least) {
                say(&with_options(text));
            }
            return;
        }
        if !self.lines {
            return;
        }
        let Ok(mut tasks) = self.tasks.lock() else { return };
        match *event {
            Event::Begin { task, kind, name, .. } => {
                let by_bytes = kind == TaskKind::Transfer;
                let shown = by_bytes || matches!(kind, TaskKind::Part | TaskKind::Check | TaskKind::Platform);
                if shown && !by_bytes {
                    say(&format!("{name} …"));
                }
                tasks.insert(task, State { by_bytes, ..State::new(name, shown) });
            }
            Event::Total { task, bytes, .. } => {
                if let Some(state) = tasks.get_mut(&task) {
                    state.total_bytes = bytes;
                }
            }
            Event::Advance { task, objects, bytes: size_bytes } => {
                let Some(state) = tasks.get_mut(&task) else { return };
                state.objects = state.objects.saturating_add(objects);
                state.size_bytes = state.size_bytes.saturating_add(size_bytes);
                state.say_sometimes();
            }
            Event::Moved { sent_bytes, received_bytes } => {
                for state in tasks.values_mut().filter(|state| state.by_bytes) {
                    state.moved_bytes =
                        state.moved_bytes.saturating_add(sent_bytes).saturating_add(received_bytes);
                    state.say_sometimes();
                }
            }
            Event::End { task, .. } => drop(tasks.remove(&task)),
            _ => {}
        }
    }
}

/// A closed standard error is no reason to stop a backup.
fn say(line: &str) {
    tell(&printable(line));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_told_where_a_total_is_known_and_is_never_more_than_all() {
        let line =
            |size_bytes, total_bytes| State { size_bytes, total_bytes, ..State::new("db_wal", true) }.line();
        assert_eq!(line(512, None), "db_wal: 0 objects, 512 B");
        assert_eq!(line(512, Some(0)), "db_wal: 0 objects, 512 B");
        assert_eq!(line(512, Some(1024)), "db_wal: 0 objects, 512 B (50 %)");
        assert_eq!(line(512, Some(100)), "db_wal: 0 objects, 512 B (100 %)");
        let moving =
            State { by_bytes: true, moved_bytes: 2048, total_bytes: Some(4096), ..State::new("get", true) };
        assert_eq!(moving.line(), "get: 2.0 KiB (50 %)");
    }
}
