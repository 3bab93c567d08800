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
    tasks: Mutex<HashMap<Task, State>>,
}

struct State {
    name: String,
    shown: bool,
    objects: u64,
    size_bytes: u64,
    /// How much there will be in all, by the gateway's own count, which may lag behind.
    total_bytes: Option<u64>,
    said: Instant,
}

impl State {
    fn new(name: &str, shown: bool) -> Self {
        let name = name.to_owned();
        Self { name, shown, objects: 0, size_bytes: 0, total_bytes: None, said: Instant::now() }
    }

    fn line(&self) -> String {
        let (name, objects, size) = (&self.name, self.objects, bytes(self.size_bytes));
        let total_bytes = self.total_bytes.filter(|total| *total > 0).map(u128::from);
        let percent = total_bytes.map(|total| (100 * u128::from(self.size_bytes) / total).min(100));
        let percent = percent.map_or(String::new(), |percent| format!(" ({percent} %)"));
        format!("{name}: {objects} objects, {size}{percent}")
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
        Self { lines: lines && !global.quiet, level, tasks: Mutex::default() }
    }
}

impl Monitor for Progress {
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
                let shown = matches!(kind, TaskKind::Part | TaskKind::Check);
                if shown {
                    say(&format!("{name} …"));
                }
                tasks.insert(task, State::new(name, shown));
            }
            Event::Total { task, bytes, .. } => {
                if let Some(state) = tasks.get_mut(&task) {
                    state.total_bytes = bytes;
                }
            }
            Event::Advance { task, objects, bytes: size_bytes } => {
                let Some(state) = tasks.get_mut(&task) else { return };
                state.objects += objects;
                state.size_bytes += size_bytes;
                if state.shown && state.said.elapsed() >= EVERY {
                    state.said = Instant::now();
                    say(&state.line());
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
    }
}
