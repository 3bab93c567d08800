//! No secret in any output, log, error or process list, and no gateway, fleet or Ceph key in a snapshot.

mod children;
mod failing;

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use deis_store_tests::environment::Environment;

use crate::clusters::a;
use crate::program::{Ran, command, on};

#[test]
fn no_secret_leaves_its_place() {
    let a = a();
    let scratch = tempfile::tempdir().unwrap();
    let repository = scratch.path().join("repository");
    let mut outputs = Vec::new();
    let mut arguments = BTreeSet::new();

    let backup = ["-v", "--progress", "plain", "--json", "backup", repository.to_str().unwrap()];
    let run = watched(&a, &backup, &mut arguments);
    let snapshot = run.json()["report"]["snapshot"].as_str().unwrap().to_owned();
    outputs.push(run);
    outputs.push(on(&a, &["-v", "verify", &snapshot]));
    outputs.push(watched(&a, &["-v", "restore", &snapshot, "--dry-run"], &mut arguments));
    outputs.push(on(&a, &["-v", "restore", &snapshot, "--dry-run", "--without", "volume"]));
    outputs.push(watched(&a, &["-v", "s3", "ls", "s3://registry"], &mut arguments));
    outputs.push(watched(&a, &["-v", "restore", &snapshot, "--yes", "--only", "registry"], &mut arguments));
    outputs.push(on(&a, &["config", "database", "get", "nope"]));
    outputs.push(on(&a, &["config", "router", "set", "sslKey=/nonexistent"]));

    assert!(a.secrets.len() > 5, "secrets are planted");
    assert!(arguments.iter().any(|line| line.contains("ssh")), "processes were seen: {arguments:?}");
    for secret in a.secrets.iter().filter(|secret| !secret.value.is_empty()) {
        for run in &outputs {
            let found = run.stdout.contains(&secret.value) || run.stderr.contains(&secret.value);
            assert!(!found, "the secret {} is in an output", secret.what);
        }
        let seen = arguments.iter().find(|line| line.contains(&secret.value));
        assert!(seen.is_none(), "the secret {} is in the process list: {seen:?}", secret.what);
    }

    let (mut meant, mut found) = (BTreeSet::new(), Vec::new());
    search(Path::new(&snapshot), Path::new(&snapshot), &a, &mut meant, &mut found);
    assert!(found.is_empty(), "{found:?}");
    let files = BTreeSet::from(["config.json".to_owned(), "dump_all.sql.gz".to_owned()]);
    assert!(meant.is_subset(&files) && meant.contains("config.json"), "{meant:?}");
}

/// Runs the program, and collects the arguments of every process while it runs.
fn watched(cluster: &Environment, words: &[&str], arguments: &mut BTreeSet<String>) -> Ran {
    let mut program = command();
    program.env("DEIS_STORE_ETCD", &cluster.etcd).env("DEISCTL_TUNNEL", &cluster.tunnel);
    program.env("DEIS_STORE_SSH_CONFIG", &cluster.ssh_config).args(words);
    let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let read = |mut stream: Box<dyn std::io::Read + Send>| {
        std::thread::spawn(move || {
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            text
        })
    };
    let stdout = read(Box::new(child.stdout.take().unwrap()));
    let stderr = read(Box::new(child.stderr.take().unwrap()));
    let status = loop {
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            arguments.insert(String::from_utf8_lossy(&line).replace('\0', " "));
        }
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Ran { code: status.code(), stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
}

/// Looks for secrets in every file, unpacking gzip files. A secret that a snapshot may hold must be in a private file.
fn search(
    root: &Path,
    directory: &Path,
    cluster: &Environment,
    meant: &mut BTreeSet<String>,
    found: &mut Vec<String>,
) {
    use std::os::unix::fs::PermissionsExt as _;
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            search(root, &path, cluster, meant, found);
            continue;
        }
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        let text = unpacked(&path);
        for secret in &cluster.secrets {
            // Base backups and the log hold the database itself, and so what may be in a snapshot.
            if name.starts_with("db_wal/") && secret.may_be_in_snapshot {
                continue;
            }
            if contains(&text, secret.value.as_bytes()) {
                let private = entry.metadata().unwrap().permissions().mode() & 0o777 == 0o600;
                if secret.may_be_in_snapshot && private {
                    meant.insert(name.clone());
                } else {
                    found.push(format!("{} in {name}", secret.what));
                }
            }
        }
    }
}

fn unpacked(path: &Path) -> Vec<u8> {
    let program = match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => "gzip",
        // As WAL-E compresses.
        Some("lzo") => "lzop",
        _ => return std::fs::read(path).unwrap(),
    };
    let input = std::fs::File::open(path).unwrap();
    let output = Command::new(program).arg("-dc").stdin(input).output().unwrap();
    assert!(output.status.success(), "{}", path.display());
    output.stdout
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    let Some((first, _)) = wanted.split_first() else { return false };
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        if rest[at..].starts_with(wanted) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}
