//! The environment of the programs that this one starts: its own, without what looks like a secret.
//!
//! Every program of the same user can read a process's environment, and ssh may be set up to send parts of it on.

use std::ffi::OsStr;
use std::process::Command;

/// A program to start, in whose environment is nothing that looks like a secret.
pub(super) fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    for (name, value) in std::env::vars_os() {
        if is_secret(&name, &value) {
            command.env_remove(name);
        }
    }
    command
}

/// Whether a variable looks like a secret: by its name, or because it is a URL with a password.
fn is_secret(name: &OsStr, value: &OsStr) -> bool {
    const SECRET: [&str; 12] = [
        "AWS_",
        "SECRET",
        "PASS",
        "PWD_",
        "TOKEN",
        "CRED",
        "PRIVATE",
        "KEY",
        "AUTH",
        "COOKIE",
        "SIGNATURE",
        "S3CMD",
    ];
    const HARMLESS: [&str; 5] =
        ["SSH_AUTH_SOCK", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "SUDO_ASKPASS", "XAUTHORITY"];
    let name = name.to_string_lossy().to_ascii_uppercase();
    let named = SECRET.iter().any(|word| name.contains(word)) && !HARMLESS.contains(&name.as_str());
    let value = value.to_string_lossy();
    let with_user = value
        .split_once("://")
        .is_some_and(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default().contains('@'));
    named || with_user
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_stay_here_and_what_ssh_and_docker_need_goes_on() {
        let secret = |name: &str, value: &str| is_secret(name.as_ref(), value.as_ref());
        for name in [
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_PROFILE",
            "PGPASSWORD",
            "SSHPASS",
            "RESTIC_PASSWORD",
            "GITHUB_TOKEN",
            "DOCKER_AUTH_CONFIG",
            "VAULT_SECRET_ID",
            "GPG_PASSPHRASE",
            "STRIPE_API_KEY",
            "stripe_api_key",
        ] {
            assert!(secret(name, "x"), "{name}");
        }
        assert!(secret("http_proxy", "http://me:hush@proxy:3128/"));
        for (name, value) in [
            ("PATH", "/bin"),
            ("HOME", "/root"),
            ("SSH_AUTH_SOCK", "/tmp/agent"),
            ("SSH_ASKPASS", "/usr/bin/ask"),
            ("DEISCTL_TUNNEL", "core@host"),
            ("DOCKER_HOST", "tcp://host:2375"),
            ("http_proxy", "http://proxy:3128/"),
            ("LC_ALL", "C"),
        ] {
            assert!(!secret(name, value), "{name}");
        }
    }

    #[test]
    fn a_command_is_started_without_them() {
        let removed = program("true").get_envs().all(|(name, value)| {
            value.is_none() && std::env::var_os(name).is_some_and(|value| is_secret(name, &value))
        });
        assert!(removed);
    }
}
