//! A test double: a host that answers commands from a script.

use std::collections::VecDeque;
use std::io::Cursor;
use std::sync::{Arc, Mutex};

use tokio::io::AsyncReadExt;

use super::broken::broken;
use super::{Child, Host, Input, Login, Process, Remote, Stdin, Stdout};
use crate::error::{Error, ErrorKind, Result};
use crate::http::{BoxFuture, Dial};

/// The end of a command, its standard output and standard error.
type Answer = (End, Vec<u8>, Vec<u8>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Code(i32),
    Never,
    /// The connection breaks.
    Broken,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Double {
    login: Arc<Login>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    /// The commands, arguments joined by spaces.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
    /// The bytes that were written to the commands.
    pub(crate) written: Arc<Mutex<Vec<u8>>>,
}

impl Double {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds an answer for the next command that has none yet.
    pub(crate) fn answer(self, code: i32, stdout: impl Into<Vec<u8>>, stderr: &str) -> Self {
        self.answers.lock().unwrap().push_back((End::Code(code), stdout.into(), stderr.into()));
        self
    }

    /// Adds a command that writes this and then stands still.
    pub(crate) fn stalls(self, stdout: impl Into<Vec<u8>>) -> Self {
        self.answers.lock().unwrap().push_back((End::Never, stdout.into(), Vec::new()));
        self
    }

    /// Adds a command that writes this, and under which the connection breaks.
    pub(crate) fn breaks_after(self, stdout: impl Into<Vec<u8>>) -> Self {
        self.answers.lock().unwrap().push_back((End::Broken, stdout.into(), Vec::new()));
        self
    }

    /// Adds a command under which the connection breaks at once.
    pub(crate) fn breaks(self) -> Self {
        self.breaks_after("")
    }
}

/// A stream that never goes on.
struct Never;

impl tokio::io::AsyncRead for Never {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Pending
    }
}

impl Host for Double {
    fn host(&self) -> &'static str {
        "double"
    }

    fn spawn<'a>(&'a self, command: &'a [&'a str], input: Input) -> BoxFuture<'a, Result<Child>> {
        self.asked.lock().unwrap().push(command.join(" "));
        let answer = self.answers.lock().unwrap().pop_front();
        let (code, stdout, stderr) = answer.unwrap_or_else(|| panic!("no answer for {command:?}"));
        let (stdin, mut reader) = tokio::io::duplex(1024);
        let written = self.written.clone();
        let piped = input == Input::Pipe;
        let reading = tokio::spawn(async move {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).await.unwrap();
            written.lock().unwrap().extend(bytes);
        });
        let stdin = piped.then(|| Box::pin(stdin) as Stdin);
        let ends = code;
        let code = async move {
            reading.await.map_err(|error| Error::new(ErrorKind::Internal, "double").because(error))?;
            match ends {
                End::Code(code) => Ok(Some(code)),
                End::Never => std::future::pending().await,
                End::Broken => Err(broken("", "double")),
            }
        };
        let process = Process::new(command, Cursor::new(stderr), Box::pin(code));
        let stdout: Stdout = match ends {
            End::Code(_) | End::Broken => Box::pin(Cursor::new(stdout)),
            End::Never => Box::pin(Cursor::new(stdout).chain(Never)),
        };
        Box::pin(async move { Ok(Child { stdout, stdin, process }) })
    }

    fn forward<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Dial>> {
        Box::pin(async move { Ok(Dial::Tcp(host.to_owned(), port)) })
    }

    fn beyond<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Arc<dyn Remote>>> {
        Box::pin(async { Ok(Arc::new(self.clone()) as Arc<dyn Remote>) })
    }

    fn login(&self) -> &Login {
        &self.login
    }
}
