//! Progress as lines on standard error: what begins, what ends, and every few seconds how far it is.

use std::collections::HashMap;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use deis_store::monitor::{Event, Level, Monitor, Task, TaskKind};

use crate::args::{Global, ShowProgress};
use crate::output::bytes;

/// How long a task is silent at most.
const EVERY: Duration = Duration::from_secs(5);

pub(crate) struct Progress {
    lines: bool,
    level: Level,
    tasks: Mutex<HashMap<Task, State>>,
}

struct State {
    name: String,
    shown: bool,
    objects: u64,
    size_bytes: u64,
    said: Instant,
}

impl Progress {
    pub(crate) fn new(global: &Global) -> Self {
        let lines = match global.progress {
            ShowProgress::Auto => std::io::stderr().is_terminal() && !global.json,
            ShowProgress::Plain => true,
            ShowProgress::None => false,
        };
        let level = if global.verbose > 0 { Level::Info } else { Level::Warning };
        Self { lines: lines && !global.quiet, level, tasks: Mutex::default() }
    }
}

impl Monitor for Progress {
    fn event(&self, event: &Event<'_>) {
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
                let state =
                    State { name: name.to_owned(), shown, objects: 0, size_bytes: 0, said: Instant::now() };
                tasks.insert(task, state);
            }
            Event::Advance { task, objects, bytes: size_bytes } => {
                let Some(state) = tasks.get_mut(&task) else { return };
                state.objects += objects;
                state.size_bytes += size_bytes;
                if state.shown && state.said.elapsed() >= EVERY {
                    state.said = Instant::now();
                    say(&format!("{}: {} objects, {}", state.name, state.objects, bytes(state.size_bytes)));
                }
            }
            Event::Note { level, text, .. } if level >= self.level => say(text),
            Event::End { task, .. } => drop(tasks.remove(&task)),
            _ => {}
        }
    }
}

fn say(line: &str) {
    // A closed standard error is no reason to stop a backup.
    let _ = writeln!(std::io::stderr(), "{line}");
}
