//! A running command: its streams and its exit.
//!
//! A task reads its standard error all the time and keeps the last part, so that no command blocks on it.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::task::JoinHandle;

use crate::error::{At, Error, ErrorKind, Result};
use crate::http::BoxFuture;

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
        // The name for messages: the program that sudo and env start.
        let wrapper = |word: &str| matches!(word, "sudo" | "-n" | "env" | "LC_ALL=C");
        let name = command.iter().find(|word| !wrapper(word)).copied().unwrap_or_default().to_owned();
        Self { name, code, stderr: tokio::spawn(tail(stderr)) }
    }

    /// Waits for the command to end. The caller should have read its standard output, or dropped it, before.
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

    /// The last lines of the standard error, as one line.
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
    // A broken stream ends like a closed one: the bytes that came so far are kept.
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
