//! The command line: arguments become settings, settings become one call of the library, its report becomes text or
//! JSON and an exit code. Nothing else is decided here.

mod args;
mod commands;
mod exit;
mod output;
mod progress;
mod settings;
mod small_file;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use deis_store::run::Run;
use deis_store::{Error, ErrorKind};
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::{Args, Command};
use crate::exit::Exit;
use crate::output::Output;
use crate::progress::Progress;

/// How long a command may take to stop when it is asked to.
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let args = match Args::read(std::env::args_os()) {
        Ok(args) => args,
        Err(error) => return misunderstood(&error),
    };
    let output = Output::new(&args.global, &args.command);
    let runtime = match threads(&args.command).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return output.failed(&Error::new(ErrorKind::Internal, error.to_string()));
        }
    };
    let run = Run::system(Arc::new(Progress::new(&args.global)));
    std::thread::spawn(last_resort);
    let exit = runtime.block_on(until_interrupted(&args, &output, &run));
    // A task that still waits for a disk or a peer must not hold up the exit.
    runtime.shutdown_timeout(Duration::from_secs(2));
    exit.into()
}

/// `s3` waits for sockets in one thread, beside those that hash and write: to hand each answer from thread to thread costs
/// it more than it gains. The other commands compress and serve as well.
fn threads(command: &Command) -> Builder {
    match command {
        Command::S3 { .. } => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    }
}

/// Prints clap's message: help and versions to standard output, anything else as a usage error, in JSON if that was typed.
fn misunderstood(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && std::env::args_os().any(|word| word == "--json") {
        let text = error.to_string();
        // What was wrong, with the names of what is missing; then perhaps a tip, then the usage.
        let mut paragraphs =
            text.split("\n\n").map(|lines| lines.split_whitespace().collect::<Vec<_>>().join(" "));
        let what = paragraphs.next().unwrap_or_default();
        let tip = paragraphs.next().and_then(|tip| tip.strip_prefix("tip: ").map(str::to_owned));
        let error = Error::new(ErrorKind::Usage, what.trim_start_matches("error: "));
        let todo = tip.unwrap_or_else(|| "see deis-store --help".to_owned());
        return Output::of_no_command().failed(&error.todo(todo));
    }
    let _ = error.print();
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() }
}

/// Runs the command. The first Ctrl-C, SIGTERM or SIGHUP asks it to stop, the second one drops it.
async fn until_interrupted(args: &Args, output: &Output, run: &Run) -> Exit {
    // Before the command does anything: from here on no signal ends the program by itself.
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => {
            return output.error(&Error::new(ErrorKind::Internal, "cannot handle signals").because(error));
        }
    };
    let mut command = Box::pin(commands::run(args, output, run));
    tokio::select! {
        exit = &mut command => return exit,
        () = signals.next() => run.stop.stop(),
    }
    if std::io::stderr().is_terminal() {
        output::tell("deis-store: stopping; once more, and it stops at once");
    }
    tokio::select! {
        exit = command => exit,
        () = signals.next() => output.interrupted(),
        () = tokio::time::sleep(PATIENCE) => output.interrupted(),
    }
}

/// Ends the program some time after it should have ended: a command that waits for somebody to read what it prints sees
/// neither signal nor clock.
fn last_resort() {
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async {
        let Ok(mut signals) = Signals::new() else { return };
        signals.next().await;
        tokio::select! {
            () = signals.next() => (),
            () = tokio::time::sleep(PATIENCE) => (),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        std::process::exit(Exit::Interrupted.code().into());
    });
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// The terminal is gone, as at the end of an ssh login.
    hang_up: Option<Signal>,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        let hang_up = if is_ignored_hang_up() { None } else { Some(signal(SignalKind::hangup())?) };
        // Without this, a limit for the size of files (`ulimit -f`) ends the program without a word: so it is an error.
        let _handled_from_now_on = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?;
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self { interrupt, terminate, hang_up })
    }

    async fn next(&mut self) {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => (),
            _ = self.terminate.recv() => (),
            _ = hang_up => (),
        }
    }
}

/// Whether SIGHUP was to be ignored when the program was started, as by `nohup`.
fn is_ignored_hang_up() -> bool {
    static IGNORED: OnceLock<bool> = OnceLock::new();
    *IGNORED.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        // SIGHUP is the first of them.
        ignored.is_some_and(|mask| mask & 1 == 1)
    })
}
