//! Runs the program as a user would, with an environment of our own.

use std::path::PathBuf;
use std::process::{Command, Output};

use deis_store_tests::environment::Environment;
use serde_json::Value;

/// The program with arguments, for a cluster reached through etcd and its host.
pub(crate) fn on(cluster: &Environment, arguments: &[&str]) -> Ran {
    let mut command = command();
    command.env("DEIS_STORE_ETCD", &cluster.etcd);
    command.env("DEISCTL_TUNNEL", &cluster.tunnel).env("DEIS_STORE_SSH_CONFIG", &cluster.ssh_config);
    ran(command.args(arguments))
}

/// The program with arguments and nothing else.
pub(crate) fn alone(arguments: &[&str]) -> Ran {
    ran(command().args(arguments))
}

/// The program with arguments, for a gateway and keys.
pub(crate) fn at_gateway(gateway: &str, cluster: &Environment, secret_key: &str, arguments: &[&str]) -> Ran {
    let mut command = command();
    command.env("AWS_ACCESS_KEY_ID", &cluster.access_key).env("AWS_SECRET_ACCESS_KEY", secret_key);
    ran(command.args(["--gateway", gateway]).args(arguments))
}

/// The program, with nothing of our environment but a PATH on which ssh is.
pub(crate) fn command() -> Command {
    let mut command = Command::new(path());
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/nonexistent");
    command
}

pub(crate) fn path() -> PathBuf {
    let path =
        std::env::var_os("DEIS_STORE_TEST_PROGRAM").expect("tests/run names the program that it has built");
    PathBuf::from(path)
}

pub(crate) fn ran(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().expect("the program can be started");
    let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
    Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// Runs a command, and also returns the most memory that it has held, in kB.
pub(crate) fn with_peak_memory(command: &mut Command) -> (Ran, u64) {
    let outputs = [(); 2].map(|()| tempfile::NamedTempFile::new().unwrap());
    let [stdout, stderr] = outputs.each_ref().map(|output| output.reopen().unwrap());
    let mut child = command.stdout(stdout).stderr(stderr).spawn().expect("the program can be started");
    let mut most_kb = 0;
    let status = loop {
        // Until it is the program itself, what it holds is ours.
        let is_it =
            std::fs::read_link(format!("/proc/{}/exe", child.id())).ok() != std::env::current_exe().ok();
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        most_kb = most_kb.max(peak.filter(|_| is_it).unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    let [stdout, stderr] = outputs.map(|output| std::fs::read_to_string(output.path()).unwrap());
    (Ran { code: status.code(), stdout, stderr }, most_kb)
}

/// The result of a run of the program.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The run, if it ended with this code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// The one JSON object on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Asserts that the error says each of these.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is not said: {self:#?}");
        }
        self
    }
}
