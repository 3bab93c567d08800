//! The report of a word on many objects: a line is printed for each when it is done, and counted.

use deis_store::error::{printable, shortened};
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::output::{Output, tell};

pub(super) struct Tally<'a> {
    output: &'a Output,
    dry_run: bool,
    /// Whether what was printed was read.
    printed: bool,
    bytes: u64,
    /// The name of the list of what was done.
    name: &'static str,
    /// Whether something is missing, or may be damaged.
    incomplete: bool,
}

impl<'a> Tally<'a> {
    /// The list of what was done has this name in the report.
    pub(super) fn new(name: &'static str, dry_run: bool, output: &'a Output) -> Self {
        output.begin_lists(&[name, "skipped", "failed"]);
        Self { output, dry_run, printed: true, bytes: 0, name, incomplete: false }
    }

    /// Reports something that was done; in a dry run, that would be.
    pub(super) fn done(&mut self, line: &str, bytes: u64, entry: impl FnOnce() -> Value) {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.output.is_json() {
            self.output.entry(self.name, &entry());
        } else if !self.output.is_quiet() {
            let would = if self.dry_run { "would " } else { "" };
            self.printed &= Output::lines(&format!("{would}{line}\n"));
        }
    }

    /// Reports that something was done whose bytes may be damaged, after [`Tally::done`].
    pub(super) fn doubtful(&mut self, name: &str, why: &str) {
        self.incomplete = true;
        say_doubtful(name, why);
    }

    /// Reports something that was left as it is.
    pub(super) fn skipped(&mut self, name: &str, why: &str) {
        if self.output.is_json() {
            self.output.entry("skipped", &json!(name));
        } else if !self.output.is_quiet() {
            self.printed &= Output::lines(&format!("skip: '{}' ({why})\n", printable(name)));
        }
    }

    /// Reports something that was not done, and why.
    pub(super) fn failed(&mut self, name: &str, outcome: &str, why: &str) {
        self.incomplete = true;
        self.output.entry("failed", &json!({ "name": name, "outcome": outcome, "why": why }));
        let (name, why) = (printable(&shortened(name)), printable(why));
        tell(&format!("deis-store: {outcome}: '{name}': {why}"));
    }

    /// The exit, and the report with `more`.
    pub(super) fn finish(self, more: Value) -> Exit {
        let exit = match (self.incomplete, self.printed) {
            (true, _) => Exit::Incomplete,
            (false, false) => Exit::Failed,
            (false, true) => Exit::Done,
        };
        let mut report = json!({ "bytes": self.bytes, "dry_run": self.dry_run });
        if let (Some(report), Value::Object(more)) = (report.as_object_mut(), more) {
            report.extend(more);
        }
        self.output.report(exit, "", &report)
    }
}

/// Says that an object came whose bytes may be damaged.
pub(super) fn say_doubtful(name: &str, why: &str) {
    tell(&format!("deis-store: unverifiable: '{name}': {why}"));
}
