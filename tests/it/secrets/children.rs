//! The programs that this one starts, as the kernel sees them: arguments and environment.

use std::fs;
use std::process::Command;

use crate::clusters::a;
use crate::program::path;

/// Secrets that the caller's environment may hold, of this program and of others.
const PLANTED: [(&str, &str); 7] = [
    ("AWS_ACCESS_KEY_ID", "hushAccessKey"),
    ("AWS_SECRET_ACCESS_KEY", "hushSecretKey"),
    ("AWS_SESSION_TOKEN", "hushSessionToken"),
    ("PGPASSWORD", "hushPgPassword"),
    ("GITHUB_TOKEN", "hushGithubToken"),
    ("https_proxy", "http://user:hushProxyPassword@proxy:1"),
    ("DOCKER_AUTH_CONFIG", "hushDockerAuth"),
];

#[test]
fn no_program_is_started_with_a_secret_in_its_arguments_or_environment() {
    let a = a();
    let scratch = tempfile::tempdir().unwrap();
    let repository = scratch.path().join("repository");
    let repository = repository.to_str().unwrap();
    let local = ["backup", repository, "--only", "sql,volume"];
    for (tunnel, words, child) in [
        (true, &["backup", repository][..], "ssh"),
        (true, &["config", "router", "get", "bodySize"], "ssh"),
        (true, &["s3", "ls"], "ssh"),
        // Without a tunnel the programs are this machine's own.
        (false, &local, ""),
    ] {
        let log = scratch.path().join("execve");
        let mut strace = Command::new("strace");
        strace.args(["-f", "-v", "-s", "100000", "-e", "trace=execve", "-o"]).arg(&log);
        strace.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/nonexistent");
        strace.envs(PLANTED).env("DEIS_STORE_ETCD", &a.etcd).env("DEIS_STORE_SSH_CONFIG", &a.ssh_config);
        if tunnel {
            strace.env("DEISCTL_TUNNEL", &a.tunnel);
        }
        let output = strace.arg("--").arg(path()).args(words).output().expect("tests/install has strace");
        let started = fs::read_to_string(&log).unwrap();
        let mut started = started.lines().filter(|line| line.contains("execve("));
        let ours = started.next().unwrap();
        assert!(ours.contains("hushSecretKey"), "the planted words would be seen: {ours}");
        let children: Vec<&str> = started.collect();
        assert!(children.iter().any(|line| line.contains(child)), "{words:?}: {output:?}");
        for line in children {
            assert!(!line.contains("hush"), "{words:?}: {line}");
            for secret in &a.secrets {
                assert!(!line.contains(&secret.value), "{} of {words:?}: {line}", secret.what);
            }
        }
    }
}
