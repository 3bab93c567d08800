//! Objects of other clients on a real radosgw, all with signature version 2: boto3, boto 2.49, s3cmd, rclone and libs3.
//! What they write is read here by every word: proven, or named as unverifiable. What we write they read.

mod client;
mod ours;
mod theirs;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use deis_store_tests::environment::Environment;
use serde_json::{Value, json};

pub(crate) use client::Client;

/// An object that some client writes.
#[derive(Clone, Copy, Debug)]
struct Object {
    key: &'static str,
    /// One size, or that of each part.
    parts: &'static [usize],
    in_parts: bool,
    content_type: Option<&'static str>,
    meta: &'static [(&'static str, &'static str)],
    /// Whether something that is stored with it proves its bytes.
    is_proven: bool,
}

impl Object {
    /// One that is written in one request.
    const fn plain(key: &'static str, size: &'static [usize]) -> Self {
        Self { key, parts: size, in_parts: false, content_type: None, meta: &[], is_proven: true }
    }

    /// One that is written in parts.
    const fn of_parts(key: &'static str, parts: &'static [usize], is_proven: bool) -> Self {
        Self { key, parts, in_parts: true, content_type: None, meta: &[], is_proven }
    }

    /// The same with a type and metadata.
    const fn with(self, content_type: &'static str, meta: &'static [(&'static str, &'static str)]) -> Self {
        Self { content_type: Some(content_type), meta, ..self }
    }

    fn bytes(&self) -> Vec<u8> {
        let size: usize = self.parts.iter().sum();
        (0..size).map(|index| u8::try_from((index * 31 + index / 251 * 7 + size) % 251).unwrap()).collect()
    }

    /// For a script.
    fn json(&self, file: &Path) -> Value {
        let meta: serde_json::Map<String, Value> =
            self.meta.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let parts: &[usize] = if self.in_parts { self.parts } else { &[] };
        json!({"key": self.key, "file": file, "parts": parts, "type": self.content_type, "meta": meta})
    }
}

/// A program with these arguments and nothing of our environment; what it prints.
fn run(mut command: Command, input: &str) -> String {
    command.env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent").env("LANG", "C.UTF-8");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Python of an environment that `tests/install` has made, with a script of ours.
fn script(cluster: &Environment, python: (&str, &str), script: &str, arguments: &[&str]) -> Command {
    let (variable, name) = python;
    let place = std::env::var_os(variable)
        .map_or_else(|| PathBuf::from("/var/cache/deis-store-tests").join(name), PathBuf::from);
    let python = place.join("bin/python");
    assert!(python.exists(), "No {}: run tests/install", python.display());
    let mut command = Command::new(python);
    command.env_clear().env("ACCESS_KEY", &cluster.access_key).env("SECRET_KEY", &cluster.secret_key);
    command.args(["-c", script]).args(arguments);
    command
}
