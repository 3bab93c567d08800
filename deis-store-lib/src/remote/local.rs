//! This machine as the host, for a user who runs the program on a host of the cluster.

use std::fmt;
use std::process::Stdio;
use std::sync::Arc;

use tokio::sync::OnceCell;

use super::addresses::Own;
#[cfg(feature = "ssh")]
use super::ssh::{Logins, Ssh, SshOptions};
use super::{Child, Host, Input, Login, Process, Remote, environment};
#[cfg(not(feature = "ssh"))]
use crate::error::At;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{BoxFuture, Dial};

/// This machine.
#[derive(Clone)]
pub struct Local(Arc<Inner>);

struct Inner {
    login: Login,
    own: OnceCell<Own>,
    #[cfg(feature = "ssh")]
    logins: Arc<Logins>,
}

impl Local {
    /// This machine, from which other hosts of the cluster are logged in to with these options, as `core`.
    #[cfg(feature = "ssh")]
    #[must_use]
    pub fn new(options: &SshOptions) -> Self {
        let logins = Arc::new(Logins::of_this_machine(options));
        Self(Arc::new(Inner { login: Login::default(), own: OnceCell::new(), logins }))
    }

    async fn other(&self, host: &str) -> Result<Arc<dyn Remote>> {
        if self.0.own.get_or_try_init(|| Own::of(self)).await?.includes(host) {
            return Ok(Arc::new(self.clone()));
        }
        #[cfg(feature = "ssh")]
        return Ok(Arc::new(Ssh::beyond_this_machine(&self.0.logins, host, &self.0.login).await?));
        #[cfg(not(feature = "ssh"))]
        return Err(Error::new(ErrorKind::Unsupported, "built without ssh")
            .at(At::Host, host)
            .todo("build it with the cargo feature `ssh`, or run it on that host"));
    }
}

impl Default for Local {
    fn default() -> Self {
        #[cfg(feature = "ssh")]
        return Self::new(&SshOptions::default());
        #[cfg(not(feature = "ssh"))]
        return Self(Arc::new(Inner { login: Login::default(), own: OnceCell::new() }));
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local").finish_non_exhaustive()
    }
}

impl Host for Local {
    fn host(&self) -> &'static str {
        "this machine"
    }

    fn spawn<'a>(&'a self, command: &'a [&'a str], input: Input) -> BoxFuture<'a, Result<Child>> {
        Box::pin(async move { spawn(command, input) })
    }

    fn forward<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Dial>> {
        Box::pin(async move { Ok(Dial::Tcp(host.to_owned(), port)) })
    }

    fn beyond<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Arc<dyn Remote>>> {
        Box::pin(self.other(host))
    }

    fn login(&self) -> &Login {
        &self.0.login
    }
}

fn spawn(command: &[&str], input: Input) -> Result<Child> {
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| Error::new(ErrorKind::Internal, "a command without a program"))?;
    let mut child = tokio::process::Command::from(environment::program(program))
        .args(arguments)
        .stdin(if input == Input::Pipe { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| cannot_start(program, error))?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(Error::new(ErrorKind::Internal, "a command without streams"));
    };
    let stdin = child.stdin.take().map(|stdin| Box::pin(stdin) as super::Stdin);
    let name = (*program).to_owned();
    let code = async move {
        match child.wait().await {
            Ok(status) => Ok(status.code()),
            Err(error) => {
                Err(Error::new(ErrorKind::Internal, format!("cannot wait for {name}")).because(error))
            }
        }
    };
    Ok(Child { stdout: Box::pin(stdout), stdin, process: Process::new(command, stderr, Box::pin(code)) })
}

fn cannot_start(program: &str, error: std::io::Error) -> Error {
    let (kind, todo) = match error.kind() {
        std::io::ErrorKind::NotFound => (ErrorKind::NotFound, "install it, or name a host of the cluster"),
        _ => (ErrorKind::Denied, "check that it may be run here"),
    };
    Error::new(kind, format!("cannot start {program}")).todo(todo).because(error)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::remote::run;

    #[tokio::test]
    async fn arguments_arrive_as_they_are() {
        let output = run(&Local::default(), &["printf", "%s|", "a b", "$HOME;'\"", ""]).await.unwrap();
        assert_eq!(output.stdout, b"a b|$HOME;'\"||");
        assert!(output.exit.success());
    }

    #[tokio::test]
    async fn input_goes_in_and_a_full_standard_error_does_not_block() {
        let script = "head -c 1000000 /dev/zero >&2; cat; exit 3";
        let Child { mut stdout, stdin, process } =
            Local::default().spawn(&["sh", "-c", script], Input::Pipe).await.unwrap();
        let mut stdin = stdin.unwrap();
        stdin.write_all(b"hello").await.unwrap();
        drop(stdin);
        let mut text = String::new();
        stdout.read_to_string(&mut text).await.unwrap();
        let exit = process.finish().await.unwrap();
        assert_eq!((text.as_str(), exit.code, exit.stderr.len()), ("hello", Some(3), 64 << 10));
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let error = run(&Local::default(), &["no-such-program"]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("no-such-program"));
    }

    #[tokio::test]
    async fn dropping_kills() {
        let mut child =
            Local::default().spawn(&["sh", "-c", "echo $$; exec sleep 600"], Input::Nothing).await.unwrap();
        let mut pid = [0; 16];
        let read = child.stdout.read(&mut pid).await.unwrap();
        let pid = std::str::from_utf8(&pid[..read]).unwrap().trim().to_owned();
        drop(child);
        let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        for _ in 0..100 {
            if state().is_empty() || state().contains(") Z") {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("process {pid} still runs");
    }
}
