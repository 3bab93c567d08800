//! The errors of ssh when it cannot connect, and the advice for each. Pure.

use crate::error::{Error, ErrorKind, printable, words_without_secrets};

/// What ssh says when the host that a connection goes through does not let it through, or does not get through itself.
pub(super) const NO_WAY_THROUGH: &str = "Stdio forwarding request failed";

/// The error of a connection that failed, from ssh's own words. `login` is the command that tries it by hand.
pub(super) fn refused(words: &str, login: &str) -> Error {
    let says = |text: &str| words.contains(text);
    let (kind, what, todo) = if says("REMOTE HOST IDENTIFICATION HAS CHANGED") {
        (
            ErrorKind::Denied,
            "the host's key differs from the known one",
            format!(
                "find out why: the host was reinstalled, or somebody intercepts the connection; if the new key is right, run ssh-keygen -R HOST, then log in once: {login}"
            ),
        )
    } else if says("host key is known for") || says("Host key verification failed") {
        (
            ErrorKind::Denied,
            "the host's key is not known",
            format!("log in once, compare the fingerprint and accept it: {login}; then run this again"),
        )
    } else if says("Permission denied (") || says("Too many authentication failures") {
        (
            ErrorKind::Denied,
            "the host does not accept our key",
            format!(
                "check the user, and that the right key is in the agent (ssh-add -l) or named in ~/.ssh/config; try it: {login}"
            ),
        )
    } else if says("administratively prohibited") {
        (
            ErrorKind::Denied,
            "the tunnel's host lets no connection through",
            "allow forwards in its sshd_config (AllowTcpForwarding), or go through another host".to_owned(),
        )
    } else if says("Connection refused") {
        (
            ErrorKind::Unreachable,
            "no ssh server answers there",
            "check host and port, and that sshd runs there".to_owned(),
        )
    } else if says("Could not resolve hostname") {
        (
            ErrorKind::Unreachable,
            "the host's name is not known",
            "check the name, or give the address".to_owned(),
        )
    } else if says("timed out") {
        (
            ErrorKind::Timeout,
            "the host does not answer",
            "check the address, the network and the firewall".to_owned(),
        )
    } else if says("No route to host") || says("Network is unreachable") {
        (
            ErrorKind::Unreachable,
            "there is no route to the host",
            "check the address, the network and the VPN".to_owned(),
        )
    } else if says("too long for Unix domain socket") {
        (
            ErrorKind::Usage,
            "the path of ssh's control socket is too long",
            "choose a shorter temporary directory".to_owned(),
        )
    } else if says("no matching host key type") || says("no matching key exchange method") {
        (
            ErrorKind::Unsupported,
            "the host's ssh is too old for ours",
            "allow its algorithms for this host in ~/.ssh/config (HostKeyAlgorithms, PubkeyAcceptedAlgorithms +ssh-rsa)".to_owned(),
        )
    } else {
        (
            ErrorKind::Unreachable,
            "cannot log in to the host",
            format!("try it with more words: {}, then run this again", login.replacen("ssh", "ssh -v", 1)),
        )
    };
    let words = one_line(words);
    Error::new(kind, if words.is_empty() { what.to_owned() } else { format!("{what}: {words}") }).todo(todo)
}

/// The last lines of ssh's message as one line, without its frames of `@` and its warnings.
pub(super) fn one_line(words: &str) -> String {
    let lines = words.lines().map(|line| line.trim().trim_start_matches("ssh: "));
    let meant: Vec<&str> = lines
        .filter(|line| !line.is_empty() && !line.starts_with('@') && !line.starts_with("Warning: "))
        .collect();
    printable(&words_without_secrets(&meant[meant.len().saturating_sub(3)..].join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_common_failure_has_its_kind_and_what_to_do() {
        for (words, kind, todo) in [
            (
                "No ED25519 host key is known for [127.0.0.1]:2222 and you have requested strict checking.\r\nHost key verification failed.\r\n",
                ErrorKind::Denied,
                "accept it",
            ),
            (
                "@@@@@@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@@@@@@@\nIT IS POSSIBLE\nHost key verification failed.",
                ErrorKind::Denied,
                "ssh-keygen -R",
            ),
            ("core@10.0.0.1: Permission denied (publickey).", ErrorKind::Denied, "ssh-add -l"),
            ("connect to host 127.0.0.1 port 9: Connection refused", ErrorKind::Unreachable, "sshd"),
            (
                "Could not resolve hostname nope.invalid: Name or service not known",
                ErrorKind::Unreachable,
                "check the name",
            ),
            ("connect to host 10.255.0.1 port 22: Connection timed out", ErrorKind::Timeout, "firewall"),
            (
                "Unable to negotiate with 10.0.0.1 port 22: no matching host key type found. Their offer: ssh-rsa",
                ErrorKind::Unsupported,
                "ssh-rsa",
            ),
            (
                "channel 2: open failed: administratively prohibited: open failed",
                ErrorKind::Denied,
                "AllowTcpForwarding",
            ),
            ("channel 2: open failed: connect failed: Connection refused", ErrorKind::Unreachable, "sshd"),
            ("something new", ErrorKind::Unreachable, "ssh -v core@h"),
        ] {
            let error = refused(words, "ssh core@h");
            assert_eq!(error.kind(), kind, "{words}");
            assert!(error.advice().unwrap().contains(todo), "{words}");
        }
    }

    #[test]
    fn sshs_own_words_are_told_in_one_line() {
        let error = refused("@@@@\n@ WARNING: x @\nline one\r\nline two\n", "ssh core@h");
        assert_eq!(error.to_string(), "cannot log in to the host: line one; line two");
    }
}
