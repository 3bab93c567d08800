//! A running command: its streams and its exit.
//!
//! A task reads its standard error all the time and keeps the last part, so that no command blocks on it. No wait for a
//! command is without a limit.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::idle::{IDLE, Idle};
use super::login::WITHOUT_PASSWORD;
use super::marked::after_mark;
use crate::error::{At, Error, ErrorKind, Result, printable, words_without_secrets};
use crate::http::BoxFuture;
use crate::http::silence::{Moved, Teller};

/// The size of the last part of the standard error, which is kept.
const KEPT_STDERR_BYTES: usize = 64 << 10;

/// The reader of a command's standard output.
pub(crate) type Stdout = Pin<Box<dyn AsyncRead + Send>>;
/// The writer to a command's standard input.
pub(crate) type Stdin = Pin<Box<dyn AsyncWrite + Send>>;

/// A running command.
pub struct Child {
    /// The standard output. If it is dropped before its end, the command fails when it writes on.
    pub stdout: Stdout,
    /// The standard input, if it was asked for. Shut it down or drop it to end the input.
    pub stdin: Option<Stdin>,
    /// The process, with its standard error and its exit.
    pub process: Process,
}

impl Child {
    /// The same command with streams that fail when they stand still, and a teller that tells of it before.
    #[must_use]
    pub(crate) fn idle_limited(self, teller: Option<Arc<Teller>>) -> Self {
        let line = &self.process.line;
        let stdout = Box::pin(Idle::new(self.stdout, line, "has written nothing", teller.clone()));
        let limited = |stdin| Box::pin(Idle::new(stdin, line, "has taken no input", teller.clone())) as Stdin;
        let stdin = self.stdin.map(limited);
        Self { stdout, stdin, process: Process { teller, ..self.process } }
    }

    /// Closes the command's input and output, and waits for the command to end.
    pub async fn finish(self) -> Result<Exit> {
        drop((self.stdin, self.stdout));
        self.process.finish().await
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.process.fmt(f)
    }
}

/// A command's process. Dropping it kills a command on this machine. A command on another host only loses its streams.
pub struct Process {
    name: String,
    line: String,
    code: BoxFuture<'static, Result<Option<i32>>>,
    stderr: Tail,
    /// Somebody who is told of long waits for its end.
    teller: Option<Arc<Teller>>,
}

impl Process {
    /// `code` owns the process and kills it when dropped.
    pub(crate) fn new(
        command: &[&str],
        stderr: impl AsyncRead + Send + Unpin + 'static,
        code: BoxFuture<'static, Result<Option<i32>>>,
    ) -> Self {
        // The name for messages: the program that sudo and env start.
        let wrapper = |word: &str| matches!(word, "sudo" | "-n" | "env" | "LC_ALL=C");
        let name = command.iter().find(|word| !wrapper(word)).copied().unwrap_or_default().to_owned();
        Self { name, line: line(command), code, stderr: Tail::of(stderr), teller: None }
    }

    /// Waits for the command to end. The caller should have read its standard output, or dropped it, before.
    pub async fn finish(self) -> Result<Exit> {
        self.finish_within(IDLE).await
    }

    /// Waits so long for the command to end.
    pub(super) async fn finish_within(self, limit: Duration) -> Result<Exit> {
        let text = |silent: Duration| format!("`{}` has not ended for {} s", self.line, silent.as_secs());
        let Ok(code) = watched(self.teller.as_deref(), text, timeout(limit, self.code)).await else {
            return Err(overdue(&self.line, limit));
        };
        let code = code?;
        let (stderr, is_cut) = self.stderr.finish().await;
        Ok(Exit { name: self.name, code, stderr, is_cut })
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The exit of a command that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exit {
    /// The program's name.
    pub name: String,
    /// The exit status; none if a signal ended the program.
    pub code: Option<i32>,
    /// The last 64 KiB of the standard error.
    pub stderr: String,
    /// Whether there was more of it than that.
    pub(crate) is_cut: bool,
}

impl Exit {
    /// Whether the exit status is 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// Returns itself if it is a success, else the error of [`Exit::failure`].
    pub fn require_success(self, kind: ErrorKind, host: &str) -> Result<Self> {
        if self.success() { Ok(self) } else { Err(self.failure(kind, host)) }
    }

    /// The error of a command that failed, with the last lines of its standard error. Its kind is `kind`, unless the
    /// exit status or the standard error tells a better one.
    #[must_use]
    pub fn failure(&self, kind: ErrorKind, host: &str) -> Error {
        let says = |text: &str| self.stderr.contains(text);
        let (kind, todo) = if self.code == Some(127) {
            (ErrorKind::NotFound, Some("install it on the host, or use another host"))
        } else if says("sudo: a password is required") || says("sudo: a terminal is required") {
            (ErrorKind::Denied, Some(WITHOUT_PASSWORD))
        } else if says("No space left on device") {
            (ErrorKind::Disk, Some("free some space there, then run it again"))
        } else {
            (kind, None)
        };
        let end = match self.code {
            Some(code) => format!("{} failed with exit status {code}", self.name),
            None => format!("{} was ended by a signal", self.name),
        };
        let words = self.last_words();
        let error = Error::new(kind, if words.is_empty() { end } else { format!("{end}: {words}") })
            .at(At::Host, host);
        match todo {
            Some(todo) => error.todo(todo),
            None => error,
        }
    }

    /// The last lines of the standard error, as one line: what is said of each run, and so is no cause, only if there is
    /// nothing else.
    fn last_words(&self) -> String {
        let lines: Vec<&str> = self.stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let causes: Vec<&str> = lines.iter().copied().filter(|line| !is_noise(line)).collect();
        let lines = if causes.is_empty() { lines } else { causes };
        let last = words_without_secrets(&lines[lines.len().saturating_sub(4)..].join("; "));
        let from = last.char_indices().rev().nth(499).map_or(0, |(index, _)| index);
        printable(&last[from..])
    }
}

/// Whether a line of standard error is a warning that comes with good runs too, or says only that something was said.
fn is_noise(line: &str) -> bool {
    const BEGINNINGS: [&str; 8] = [
        "sudo: unable to resolve host",
        "sudo: setrlimit",
        "sudo: unable to send audit",
        "Warning: ",
        "WARNING: ",
        "tar: Exiting with failure status",
        "tar: Removing leading",
        "could not change directory to",
    ];
    BEGINNINGS.iter().any(|beginning| line.starts_with(beginning))
        || line.contains("cannot change locale")
        || line.contains(": warning: ")
        || line.ends_with(": socket ignored")
}

/// A command as a message names it. No argument is ever a secret.
pub(super) fn line(command: &[&str]) -> String {
    const MOST_CHARS: usize = 160;
    let line = printable(&command.join(" "));
    match line.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line,
    }
}

/// The error of a command that has not ended in time.
pub(super) fn overdue(line: &str, limit: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("`{line}` has not ended within {} s", limit.as_secs()))
        .todo(STALLED)
}

/// The result of a wait, which is told of if it is long and somebody listens.
pub(super) async fn watched<T>(
    teller: Option<&Teller>,
    text: impl Fn(Duration) -> String,
    work: impl Future<Output = T>,
) -> T {
    // In a box: each level of waiting would have it once more in its own size.
    let work = Box::pin(work);
    match teller {
        Some(teller) => teller.watch(&Moved::now(), text, work).await,
        None => work.await,
    }
}

/// What to do about a command that stands still.
pub(super) const STALLED: &str =
    "look on the host why it waits: is the cluster full, or a daemon down? then run this again";

/// What is kept of a standard error.
#[derive(Default)]
struct Kept {
    bytes: VecDeque<u8>,
    /// Whether bytes before these were dropped.
    is_cut: bool,
}

/// The last part of a standard error, which a task reads.
struct Tail {
    kept: Arc<Mutex<Kept>>,
    reading: JoinHandle<()>,
}

impl Tail {
    fn of(mut stderr: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let kept = Arc::<Mutex<Kept>>::default();
        let keeping = kept.clone();
        let reading = tokio::spawn(async move {
            let mut piece = vec![0; 8 << 10];
            // A broken stream ends like a closed one: the bytes that came so far are kept.
            while let Ok(read @ 1..) = stderr.read(&mut piece).await {
                let mut kept = keeping.lock().unwrap_or_else(PoisonError::into_inner);
                kept.bytes.extend(&piece[..read]);
                let more = kept.bytes.len().saturating_sub(KEPT_STDERR_BYTES);
                kept.bytes.drain(..more);
                kept.is_cut |= more > 0;
            }
        });
        Self { kept, reading }
    }

    /// What was said, when the command has ended, and whether there was more. A program that it has left behind may hold the
    /// stream open.
    async fn finish(mut self) -> (String, bool) {
        const PATIENCE: Duration = Duration::from_secs(2);
        let _ = timeout(PATIENCE, &mut self.reading).await;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(after_mark(kept.bytes.make_contiguous())).into_owned();
        (text, kept.is_cut)
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(code: Option<i32>, stderr: &str) -> Exit {
        Exit { name: "tar".into(), code, stderr: stderr.into(), is_cut: false }
    }

    #[test]
    fn a_failure_has_the_last_words_and_what_to_do() {
        let error = exit(Some(1), "a\nb\n\nsudo: a password is required\n").failure(ErrorKind::Disk, "h");
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert_eq!(
            error.to_string(),
            "tar failed with exit status 1: a; b; sudo: a password is required (host h)"
        );
        assert!(error.advice().is_some());
        let error = exit(None, "").failure(ErrorKind::Disk, "h");
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::Disk, "tar was ended by a signal (host h)")
        );
        assert_eq!(exit(Some(127), "").failure(ErrorKind::Disk, "h").kind(), ErrorKind::NotFound);
    }

    #[test]
    fn last_words_are_bounded_and_printable() {
        let words = exit(Some(1), &("\u{1b}ü".repeat(1000))).last_words();
        assert!(words.len() < 5000 && !words.contains('\u{1b}'));
    }

    #[test]
    fn the_cause_is_shown_and_not_what_is_warned_of_each_time() {
        let words = |stderr: &str| exit(Some(2), stderr).last_words();
        let noise = "sudo: unable to resolve host x: Name or service not known\n\
                     bash: warning: setlocale: LC_ALL: cannot change locale (de_DE.UTF-8)\n";
        let end = "tar: Exiting with failure status due to previous errors\n";
        assert_eq!(
            words(&format!("{noise}tar: ./x: Cannot open: I/O error\n{end}")),
            "tar: ./x: Cannot open: I/O error"
        );
        assert!(words(noise).contains("unable to resolve host"), "if there is nothing else");
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_that_stands_still_ends_with_an_error_that_names_it() {
        let command = ["docker", "exec", "deis-database", "pg_dumpall"];
        let (mut stdout, far) = tokio::io::duplex(64);
        let (near, _unread) = tokio::io::duplex(1);
        let never = || Box::pin(std::future::pending::<Result<Option<i32>>>());
        let process = Process::new(&command, tokio::io::empty(), never());
        let child = Child { stdout: Box::pin(far), stdin: Some(Box::pin(near)), process };
        let (run, heard) = crate::run::heard::Heard::run();
        let teller = Arc::new(Teller::new(&run));
        let mut child = child.idle_limited(Some(teller));
        tokio::io::AsyncWriteExt::write_all(&mut stdout, b"a line\n").await.unwrap();
        let mut text = Vec::new();
        let error = child.stdout.read_to_end(&mut text).await.unwrap_err();
        assert_eq!((&text[..], error.kind()), (&b"a line\n"[..], std::io::ErrorKind::TimedOut));
        assert!(error.to_string().contains("docker exec deis-database pg_dumpall"), "{error}");
        let line = "`docker exec deis-database pg_dumpall` has written nothing for";
        assert_eq!(heard.notes(), [5, 30, 60].map(|seconds| format!("{line} {seconds} s")));
        let mut stdin = child.stdin.take().unwrap();
        let error = tokio::io::AsyncWriteExt::write_all(&mut stdin, &[0; 100]).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        let error = child.finish().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.to_string().contains("docker exec deis-database pg_dumpall"), "{error}");
    }

    #[tokio::test]
    async fn the_last_part_of_standard_error_is_kept() {
        let text = "0123456789abcdef".repeat(8 << 10) + "end";
        let (kept, is_cut) = Tail::of(std::io::Cursor::new(text)).finish().await;
        assert_eq!(kept.len(), KEPT_STDERR_BYTES);
        assert!(kept.ends_with("end") && is_cut);
        let (kept, is_cut) = Tail::of(std::io::Cursor::new("end")).finish().await;
        assert_eq!((&*kept, is_cut), ("end", false));
    }
}
