//! Children: programs that run to their end, and servers that run until they are stopped.
//!
//! Every child is started under `setpriv --pdeathsig KILL`, so the kernel ends it when this process ends, for whatever
//! reason. The kernel watches the *thread* that made the child. Therefore one thread makes them all, and it lives as
//! long as the process. So clusters may be started from threads that end.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use crate::error::{Context, Error, Result};
use crate::interrupt;

/// The time limit for a program that runs to its end.
const PROGRAM_LIMIT: Duration = Duration::from_mins(3);
/// The time that a server has to stop before it is killed.
const GRACE: Duration = Duration::from_secs(8);
const POLL: Duration = Duration::from_millis(10);
/// The PATH of the children. The caller's own environment (proxies, locale, a private Python) must not reach them.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program to be run as root, with a clean environment.
pub fn program(name: impl AsRef<OsStr>) -> Command {
    supervised(&[], name.as_ref())
}

/// A program to be run as the user `postgres`, with a clean environment.
pub fn program_as_postgres(name: impl AsRef<OsStr>) -> Command {
    let mut command = supervised(&["--reuid=postgres", "--regid=postgres", "--init-groups"], name.as_ref());
    // The user's own home, because psql and programs made by pip complain about a home that they cannot read.
    command.env("HOME", "/var/lib/postgresql").current_dir("/");
    command
}

/// Runs a program to its end and returns its output. Its error output goes into the error.
pub fn run(what: &str, command: Command) -> Result<String> {
    run_with_input(what, command, b"")
}

/// Does the same as `run`, with a standard input.
pub fn run_with_input(what: &str, mut command: Command, input: &[u8]) -> Result<String> {
    // Files instead of pipes: a pipe could fill up while we only wait.
    let mut output = tempfile::tempfile().context(what)?;
    let mut errors = tempfile::tempfile().context(what)?;
    command.stdin(filled(input).context(what)?);
    command.stdout(output.try_clone().context(what)?).stderr(errors.try_clone().context(what)?);
    let status = wait(&mut spawn(command).context(what)?, PROGRAM_LIMIT).context(what)?;
    if status.success() {
        return reread(&mut output).context(what);
    }
    let said = format!("{}{}", reread(&mut output).context(what)?, reread(&mut errors).context(what)?);
    Err(Error::new(format!("{what}: {status}\n{}", last_lines(&said, 15))))
}

/// Waits for a child. Kills it when it takes too long or when this process is asked to stop.
pub fn wait(child: &mut Child, limit: Duration) -> Result<ExitStatus> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().context("Wait")? {
            return Ok(status);
        }
        let given_up = interrupt::check()
            .and_then(|()| if started.elapsed() < limit { Ok(()) } else { Err(overdue(limit)) });
        if let Err(error) = given_up {
            kill(child);
            return Err(error);
        }
        std::thread::sleep(POLL);
    }
}

/// Starts a child on the one thread that starts all children.
pub fn spawn(command: Command) -> io::Result<Child> {
    static LAUNCHER: OnceLock<Sender<(Command, Sender<io::Result<Child>>)>> = OnceLock::new();
    let launcher = LAUNCHER.get_or_init(|| {
        let (sender, orders) = channel::<(Command, Sender<io::Result<Child>>)>();
        std::thread::spawn(move || {
            for (mut command, reply) in orders {
                // The caller may be gone by now. Then the child is killed, since nobody would ever wait for it.
                if let Err(unheard) = reply.send(command.spawn())
                    && let Ok(mut child) = unheard.0
                {
                    kill(&mut child);
                }
            }
        });
        sender
    });
    let (reply, answer) = channel();
    launcher.send((command, reply)).map_err(io::Error::other)?;
    answer.recv().map_err(io::Error::other)?
}

/// The way in which a server is told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goodbye {
    /// SIGTERM.
    Terminate,
    /// SIGQUIT: `PostgreSQL`'s immediate shutdown. Any other shutdown would first archive one more segment.
    Quit,
    /// SIGKILL at once, for a server whose children the kernel ends with it.
    Kill,
}

/// A server in the foreground, as a child of this process. It stops when dropped.
#[derive(Debug)]
pub struct Server {
    name: String,
    child: Child,
    log: PathBuf,
    goodbye: Goodbye,
}

impl Server {
    /// Starts a server. Its output goes to `log`.
    pub fn start(name: &str, mut command: Command, log: &Path, goodbye: Goodbye) -> Result<Self> {
        let context = || format!("Start {name}");
        let output = OpenOptions::new().create(true).append(true).open(log).context(context())?;
        command.stdin(Stdio::null()).stdout(output.try_clone().context(context())?).stderr(output);
        // A group of its own, so that ^C at the terminal reaches only this process. It stops the servers after the
        // tests.
        command.process_group(0);
        let child = spawn(command).context(context())?;
        Ok(Self { name: name.to_owned(), child, log: log.to_owned(), goodbye })
    }

    /// Waits until `ready` returns true. If the server does not get there, the error has the end of the log.
    pub fn wait_until(&mut self, limit: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
        let started = Instant::now();
        while !ready() {
            interrupt::check()?;
            if let Some(status) = self.child.try_wait().context(&self.name)? {
                return Err(self.complaint(&format!("ended before it was ready ({status})")));
            }
            if started.elapsed() > limit {
                return Err(self.complaint(&format!("was not ready after {} s", limit.as_secs())));
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Waits for a server that ends by itself. Returns an error unless its exit status is 0.
    pub fn succeed(&mut self, limit: Duration) -> Result<()> {
        let status = wait(&mut self.child, limit).context(&self.name)?;
        if status.success() { Ok(()) } else { Err(self.complaint(&format!("failed ({status})"))) }
    }

    /// The server's process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Stops the server and waits for its end.
    pub fn stop(&mut self) {
        if self.goodbye != Goodbye::Kill && self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let signal = if self.goodbye == Goodbye::Quit { "QUIT" } else { "TERM" };
            send_signal(signal, self.child.id());
            let asked = Instant::now();
            while asked.elapsed() < GRACE && self.child.try_wait().is_ok_and(|status| status.is_none()) {
                std::thread::sleep(POLL);
            }
        }
        kill(&mut self.child);
    }

    fn complaint(&self, what: &str) -> Error {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        Error::new(format!("{} {what}; {} ends:\n{}", self.name, self.log.display(), last_lines(&log, 20)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Sends a signal to one of our own processes.
pub fn send_signal(name: &str, process: u32) {
    signal(name, &process.to_string());
}

/// Sends a signal to a process, or to a process group, which is written with a minus. Without `unsafe` only a program
/// can do this: the shell's own `kill`.
pub fn signal(name: &str, whom: &str) {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "kill -s \"$0\" -- \"$1\" 2>/dev/null", name, whom]);
    let _ = command.status();
}

fn supervised(options: &[&str], name: &OsStr) -> Command {
    let mut command = Command::new("/usr/bin/setpriv");
    command.args(options).args(["--pdeathsig", "KILL", "--"]).arg(name);
    command.env_clear().env("PATH", PATH).env("LANG", "C.UTF-8").env("HOME", "/root");
    command
}

fn overdue(limit: Duration) -> Error {
    Error::new(format!("Not through after {} s", limit.as_secs()))
}

fn kill(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn filled(input: &[u8]) -> io::Result<Stdio> {
    if input.is_empty() {
        return Ok(Stdio::null());
    }
    let mut file = tempfile::tempfile()?;
    file.write_all(input)?;
    file.rewind()?;
    Ok(file.into())
}

fn reread(file: &mut File) -> io::Result<String> {
    let mut text = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
