//! A command that runs: its streams, and how it ends.
//!
//! Its standard error is drained all the while and its last part kept, so that no command blocks on it.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::task::JoinHandle;

use crate::error::{At, Error, ErrorKind, Result};
use crate::http::BoxFuture;

/// How much of the standard error is kept: its last part.
const KEPT_STDERR_BYTES: usize = 64 << 10;

/// Where a command's standard output is read.
pub type Stdout = Pin<Box<dyn AsyncRead + Send>>;
/// Where a command's standard input is written.
pub type Stdin = Pin<Box<dyn AsyncWrite + Send>>;

/// A command that runs.
pub struct Child {
    /// Its standard output. Dropped before its end, the command will die of it.
    pub stdout: Stdout,
    /// Its standard input, if asked for. Shut it down or drop it to end it.
    pub stdin: Option<Stdin>,
    /// The rest of it.
    pub process: Process,
}

impl Child {
    /// Ends its input, gives up its output and waits for its end.
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

/// A command's process. Dropping it kills the command, or, on another host, takes its streams away.
pub struct Process {
    name: String,
    code: BoxFuture<'static, Result<Option<i32>>>,
    stderr: JoinHandle<String>,
}

impl Process {
    /// `code` owns the process and kills it when dropped.
    pub(crate) fn new(
        command: &[&str],
        stderr: impl AsyncRead + Send + Unpin + 'static,
        code: BoxFuture<'static, Result<Option<i32>>>,
    ) -> Self {
        // For people: what sudo and env start.
        let wrapper = |word: &str| matches!(word, "sudo" | "-n" | "env" | "LC_ALL=C");
        let name = command.iter().find(|word| !wrapper(word)).copied().unwrap_or_default().to_owned();
        Self { name, code, stderr: tokio::spawn(tail(stderr)) }
    }

    /// Waits for its end. Whoever holds its standard output should have read it, or dropped it, by now.
    pub async fn finish(self) -> Result<Exit> {
        let code = self.code.await?;
        Ok(Exit { name: self.name, code, stderr: self.stderr.await.unwrap_or_default() })
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exit {
    /// The program.
    pub name: String,
    /// Its exit status; none if a signal ended it.
    pub code: Option<i32>,
    /// The last 64 KiB of its standard error.
    pub stderr: String,
}

impl Exit {
    /// Whether it says that all is well.
    #[must_use]
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// Itself, or the error of [`Exit::failure`] if it says that something is wrong.
    pub fn require_success(self, kind: ErrorKind, host: &str) -> Result<Self> {
        if self.success() { Ok(self) } else { Err(self.failure(kind, host)) }
    }

    /// The error of a command that failed: of this kind unless its words say better, with its last words.
    #[must_use]
    pub fn failure(&self, kind: ErrorKind, host: &str) -> Error {
        let says = |text: &str| self.stderr.contains(text);
        let (kind, todo) = if self.code == Some(127) {
            (ErrorKind::NotFound, Some("install it on the host, or take another host"))
        } else if says("sudo: a password is required") || says("sudo: a terminal is required") {
            (
                ErrorKind::Denied,
                Some("allow sudo without a password there, or log in as a user who may (core, root)"),
            )
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

    /// The last lines of the standard error, as one.
    fn last_words(&self) -> String {
        let lines: Vec<&str> = self.stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let last = lines[lines.len().saturating_sub(4)..].join("; ");
        let from = last.char_indices().rev().nth(499).map_or(0, |(index, _)| index);
        crate::error::printable(&last[from..])
    }
}

async fn tail(mut stderr: impl AsyncRead + Unpin) -> String {
    let mut kept = VecDeque::new();
    let mut piece = vec![0; 8 << 10];
    // A stream that breaks ends like one that is closed: what came is what there is.
    while let Ok(read @ 1..) = stderr.read(&mut piece).await {
        kept.extend(&piece[..read]);
        kept.drain(..kept.len().saturating_sub(KEPT_STDERR_BYTES));
    }
    String::from_utf8_lossy(kept.make_contiguous()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(code: Option<i32>, stderr: &str) -> Exit {
        Exit { name: "tar".into(), code, stderr: stderr.into() }
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

    #[tokio::test]
    async fn the_last_part_of_standard_error_is_kept() {
        let text = "0123456789abcdef".repeat(8 << 10) + "end";
        let kept = tail(text.as_bytes()).await;
        assert_eq!(kept.len(), KEPT_STDERR_BYTES);
        assert!(kept.ends_with("end"));
    }
}
