//! The result on standard output, as text or as one JSON object; errors on standard error.
//!
//! All that is printed goes through here, so that nothing that others have written paints the terminal: neither text nor
//! JSON holds a control character as it is.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use deis_store::error::{printable, printable_lines};
use deis_store::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::args::{Command, Global};
use crate::exit::Exit;

mod adopt;
mod diff;
mod lists;
mod next;
mod one_line;
mod options;
mod rehearse;
mod report;
mod restorable;
mod serve;
mod snapshots;
mod verified_bucket;
mod volume;

use lists::Lists;
use one_line::OneLine;
pub(crate) use options::with_options;

pub(crate) struct Output {
    json: bool,
    quiet: bool,
    command: &'static str,
    /// What holds after it was interrupted.
    when_interrupted: &'static str,
    lists: Mutex<Option<Lists>>,
}

impl Output {
    pub(crate) fn new(global: &Global, command: &Command) -> Self {
        let (name, when_interrupted) = (command.name(), command.when_interrupted());
        Self {
            json: global.json,
            quiet: global.quiet,
            command: name,
            when_interrupted,
            lists: Mutex::default(),
        }
    }

    /// For a call that could not be understood.
    pub(crate) fn of_no_command() -> Self {
        Self { json: true, quiet: false, command: "", when_interrupted: "", lists: Mutex::default() }
    }

    /// Prints a report, in the form asked for.
    pub(crate) fn report(&self, exit: Exit, text: impl Display, report: &Value) -> Exit {
        if self.json {
            said(exit, self.object(exit, &json!({ "report": report })))
        } else if self.quiet && exit == Exit::Done {
            exit
        } else {
            said(exit, print(&text.to_string()))
        }
    }

    /// Prints what was asked for, such as a listing: `--quiet` does not silence it.
    pub(crate) fn answer(&self, text: &str, report: &Value) -> Exit {
        self.answer_with(Exit::Done, text, report)
    }

    /// The same with another exit.
    pub(crate) fn answer_with(&self, exit: Exit, text: &str, report: &Value) -> Exit {
        let printed = if self.json { self.object(exit, &json!({ "report": report })) } else { print(text) };
        said(exit, printed)
    }

    /// The same for values that somebody has stored: they are given byte for byte, unless it is a terminal that takes them.
    pub(crate) fn values(&self, text: &str, report: &Value) -> Exit {
        if self.json || std::io::stdout().is_terminal() {
            return self.answer(text, report);
        }
        said(Exit::Done, print_raw(text))
    }

    /// Whether the result is to be one JSON object.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// The report will have these lists, of any length: entries of the first are printed as they come, so that memory
    /// does not grow with them. Until then nothing else may be printed.
    pub(crate) fn begin_lists(&self, names: &[&'static str]) {
        if self.json {
            *self.lists() = Some(Lists::new(self.command, names));
        }
    }

    /// Adds to a list of the report.
    pub(crate) fn entry(&self, list: &str, entry: &Value) {
        if let Some(lists) = &mut *self.lists() {
            lists.add(list, entry, &mut std::io::stdout());
        }
    }

    /// Prints a line of a report while it comes about.
    pub(crate) fn line(&self, text: &str) {
        if !self.quiet {
            print(text);
        }
    }

    /// Whether only errors are to be printed.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Prints a part of an answer; false if that is in vain.
    pub(crate) fn lines(text: &str) -> bool {
        print(text)
    }

    /// Says what failed, where, and what to do.
    pub(crate) fn error(&self, error: &Error) -> Exit {
        let exit = Exit::from(error);
        self.errors(exit, &json!({}), std::slice::from_ref(error));
        exit
    }

    /// Prints a report, and says what stands against it.
    fn report_with_errors(&self, exit: Exit, text: impl Display, report: &Value, errors: &[Error]) {
        if !self.json {
            print(&text.to_string());
        }
        self.errors(exit, &json!({ "report": report }), errors);
    }

    /// Says of each error what failed, where, and what to do; in JSON the first one is `error`, and the others are in it.
    fn errors(&self, exit: Exit, rest: &Value, errors: &[Error]) {
        if self.json {
            let mut objects = errors.iter().map(|error| self.error_object(error));
            let mut error = objects.next().unwrap_or(Value::Null);
            let others: Vec<Value> = objects.collect();
            if let (Some(error), false) = (error.as_object_mut(), others.is_empty()) {
                error.insert("others".to_owned(), Value::Array(others));
            }
            let mut object = rest.clone();
            if let Some(object) = object.as_object_mut() {
                object.insert("error".to_owned(), error);
            }
            self.object(exit, &object);
        }
        for error in errors {
            let mut text = format!("deis-store: {}", printable(&with_options(&error.what())));
            if !error.place().is_empty() {
                text.push_str(&format!("\n  where: {}", error.place()));
            }
            if let Some(todo) = self.todo(error) {
                text.push_str(&format!("\n  to do: {}", printable(&todo)));
            }
            tell(&text);
        }
    }

    fn error_object(&self, error: &Error) -> Value {
        let where_: serde_json::Map<String, Value> =
            error.place().iter().map(|(at, value)| (at.as_str().to_owned(), json!(value))).collect();
        let what = printable(&with_options(&error.what()));
        json!({ "kind": error.kind().as_str(), "what": what, "where": where_, "todo": self.todo(error) })
    }

    /// What to do about an error.
    fn todo<'e>(&'e self, error: &'e Error) -> Option<Cow<'e, str>> {
        let interrupted = (error.kind() == ErrorKind::Interrupted).then_some(self.when_interrupted);
        error.advice().or(interrupted).map(with_options)
    }

    /// Says that it was interrupted.
    pub(crate) fn interrupted(&self) -> Exit {
        self.error(&Error::new(ErrorKind::Interrupted, "interrupted"))
    }

    pub(crate) fn failed(&self, error: &Error) -> ExitCode {
        self.error(error).into()
    }

    fn lists(&self) -> MutexGuard<'_, Option<Lists>> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn object(&self, exit: Exit, rest: &Value) -> bool {
        if let Some(lists) = self.lists().take()
            && (lists.any() || rest.get("report").is_some())
        {
            return written(lists.finish(exit, rest, &mut std::io::stdout()));
        }
        let mut object = json!({ "schema": 1, "command": self.command, "exit": exit.code() });
        if let (Some(object), Some(rest)) = (object.as_object_mut(), rest.as_object()) {
            object.extend(rest.clone());
        }
        print_raw(&format!("{}\n", OneLine(&object)))
    }
}

/// Prints lines on standard error. That nobody reads them is no reason to end anything.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", printable_lines(text));
}

/// Prints, or says why not. A reader that has gone away has seen enough.
fn print(text: &str) -> bool {
    print_raw(&printable_lines(text))
}

fn print_raw(text: &str) -> bool {
    let mut stdout = std::io::stdout();
    written(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

fn written(result: std::io::Result<()>) -> bool {
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            // What fails once fails each time.
            static SAID: AtomicBool = AtomicBool::new(false);
            if !SAID.swap(true, Ordering::Relaxed) {
                tell(&format!("deis-store: cannot write to standard output: {error}"));
            }
            false
        }
        _ => true,
    }
}

/// The exit of a command, if what it had to say was said.
fn said(exit: Exit, printed: bool) -> Exit {
    if printed || exit != Exit::Done { exit } else { Exit::Failed }
}

/// A number of bytes for people.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut tenths = u128::from(count) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}
