//! A snapshot that the program serves: to other clients, to a platform, and after it was killed.

mod documented;
mod killed;
mod other_clients;
mod recovery;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use deis_store::http::{Timeouts, connect};
use deis_store::run::Run;
use deis_store::s3::Client;
use deis_store::s3::client::ClientOptions;
use deis_store::secret::Credentials;
use deis_store_tests::process::send_signal;
use serde_json::Value;

use crate::main_job::block;
use crate::program::{alone, command};

const ACCESS_KEY: &str = "SERVED";
const SECRET_KEY: &str = "secret/of+served";

/// A golden snapshot, unpacked below this directory.
pub(crate) fn golden(scratch: &Path) -> PathBuf {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/snapshots/whole-1.tar.gz");
    let repository = scratch.join("golden");
    std::fs::create_dir(&repository).unwrap();
    let mut tar = Command::new("tar");
    tar.args(["-xzp", "--no-same-owner", "-f"]).arg(archive).arg("-C").arg(&repository);
    assert!(tar.status().unwrap().success());
    let entries = std::fs::read_dir(&repository).unwrap().map(|entry| entry.unwrap().path());
    let is_snapshot =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("20"));
    entries.filter(is_snapshot).min().unwrap()
}

/// The program while it serves. It is killed when it is dropped.
pub(super) struct Served {
    child: Child,
    pub(super) url: String,
    _stdout: BufReader<std::process::ChildStdout>,
}

impl Served {
    /// Starts a command that serves, and waits for its first line.
    pub(super) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("listening on ").map(str::to_owned);
        let Some(url) = url else {
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("`{line}` is not the line that a script waits for: {said}");
        };
        Self { child, url, _stdout: stdout }
    }

    /// `HOST:PORT`.
    pub(super) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    pub(super) fn client(&self) -> Client {
        client_at(&self.url)
    }

    /// Kills it.
    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Kills the program that this command runs, if it is still alive, and waits for the command's end.
    pub(super) fn end_what_it_runs(mut self) {
        let id = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        for child in children.split_whitespace() {
            send_signal("KILL", child.parse().unwrap());
        }
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and waits for its end. Its exit code, and what it has said to standard error.
    pub(super) fn stop(mut self, signal: &str) -> (Option<i32>, String) {
        send_signal(signal, self.child.id());
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn client_at(url: &str) -> Client {
    let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY);
    let mut options = ClientOptions::default();
    options.backoff.attempts = 1;
    let transport = connect(url, Timeouts::default()).unwrap();
    Client::new(vec![transport], credentials, options, &Run::silent()).unwrap()
}

/// The program with the test's keys, to serve a snapshot on a free port of loopback.
pub(super) fn serving(snapshot: &Path, arguments: &[&str]) -> Command {
    let mut program = command();
    of_keys(&mut program);
    program.arg("serve").arg(snapshot).args(["--listen", "127.0.0.1:0"]).args(arguments);
    program
}

pub(super) fn of_keys(program: &mut Command) {
    program.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
}

#[test]
fn a_script_waits_for_its_first_line_and_each_signal_ends_it_well() {
    let scratch = tempfile::tempdir().unwrap();
    let snapshot = golden(scratch.path());
    for signal in ["INT", "TERM", "HUP"] {
        let served = Served::start(&mut serving(&snapshot, &[]));
        let buckets = block(served.client().buckets()).unwrap();
        assert!(buckets.iter().any(|bucket| bucket.name == "registry"), "{buckets:?}");
        assert_eq!(served.stop(signal), (Some(0), String::new()), "{signal}");
    }
    // Standard output is for the one object then, and the line is on standard error.
    let mut program = serving(&snapshot, &["--json"]);
    let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim_end().strip_prefix("listening on ").unwrap().to_owned();
    send_signal("TERM", child.id());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&object["command"], &object["exit"]), (&"serve".into(), &0.into()));
    let report = &object["report"];
    assert_eq!((report["url"].as_str(), &report["published"]), (Some(url.as_str()), &false.into()));
    assert!(report["writes"].is_null() && report["milliseconds"].is_u64(), "{object:#}");
}

#[test]
fn what_could_not_work_is_refused_with_what_to_do() {
    let scratch = tempfile::tempdir().unwrap();
    let snapshot = golden(scratch.path());
    let snapshot = snapshot.to_str().unwrap();
    alone(&["serve", snapshot]).code(2).says(&["nobody would know the keys", "--write-s3cfg"]);
    let repository = scratch.path().join("golden");
    alone(&["serve", repository.to_str().unwrap()]).code(2).says(&["--write-s3cfg"]);
    let s3cfg = scratch.path().join("s3cfg");
    let s3cfg = s3cfg.to_str().unwrap();
    alone(&["serve", repository.to_str().unwrap(), "--write-s3cfg", s3cfg])
        .code(2)
        .says(&["that is a repository, not a snapshot"]);
    let inside = format!("{snapshot}/registry/below");
    alone(&["serve", snapshot, "--writes", &inside]).code(2).says(&["never written to"]);
    alone(&["serve", snapshot, "--publish"]).code(2).says(&["--writes"]);
    let writes = scratch.path().join("writes");
    let writes = writes.to_str().unwrap();
    alone(&["serve", snapshot, "--writes", writes, "--publish", "--etcd", "http://127.0.0.1:1"])
        .code(5)
        .says(&["only this machine can reach", "--listen", "--yes"]);
    alone(&["serve", snapshot, "--gateway", "http://127.0.0.1:1", "--writes", writes])
        .code(2)
        .says(&["is a gateway itself"]);
    alone(&["serve", snapshot, "--listen", "192.0.2.1:0", "--writes", writes])
        .code(2)
        .says(&["warning: 192.0.2.1:0 can be reached from other machines", "cannot listen"]);
}

#[test]
fn two_cannot_use_one_directory_and_another_snapshot_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let snapshot = golden(scratch.path());
    let writes = scratch.path().join("writes");
    let writes = ["--writes", writes.to_str().unwrap()];
    let served = Served::start(&mut serving(&snapshot, &writes));
    let second = crate::program::ran(&mut serving(&snapshot, &writes));
    second.code(7).says(&["locked by serve, process"]);
    assert_eq!(served.stop("TERM").0, Some(0));
    let other = tempfile::tempdir().unwrap();
    let later = golden(other.path());
    let manifest = later.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap() + "\n";
    std::fs::write(&manifest, &text).unwrap();
    let digest = Command::new("sha256sum").arg("manifest.json").current_dir(&later).output().unwrap().stdout;
    std::fs::write(later.join("manifest.json.sha256"), digest).unwrap();
    crate::program::ran(&mut serving(&later, &writes)).code(5).says(&["another snapshot"]);
}
