//! The name of a tunnel's far end, `[USER@]HOST[:PORT]`. Pure.

use std::fmt;
use std::str::FromStr;

use crate::error::{At, Error, ErrorKind};

/// A host to log in to, as in `DEISCTL_TUNNEL`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tunnel {
    /// The user: `core` unless given, as in deisctl.
    pub user: String,
    /// The host: a name or an address, IPv6 without brackets.
    pub host: String,
    /// The port, if given. Without it, ssh takes the port from its configuration of the host, or 22.
    pub port: Option<u16>,
}

impl FromStr for Tunnel {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (user, rest) = text.rsplit_once('@').unwrap_or(("core", text));
        if user.contains(':') {
            // Nothing of it is repeated: it may hold an `@` of the password.
            let error =
                Error::new(ErrorKind::Usage, "a tunnel has a password, or something else before its host");
            return Err(
                error.todo("give it as [USER@]HOST[:PORT]: ssh takes keys, from its agent or its files")
            );
        }
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or_else(|| refused(text))?,
            // More than one colon: an IPv6 address without brackets, and so without a port.
            None if rest.matches(':').count() > 1 => (rest, ""),
            None => rest.find(':').map_or((rest, ""), |at| rest.split_at(at)),
        };
        let port = match port.strip_prefix(':') {
            Some(port) => Some(port.parse().ok().filter(|port| *port > 0).ok_or_else(|| refused(text))?),
            None if port.is_empty() => None,
            None => return Err(refused(text)),
        };
        // Neither user nor host may look like an option of ssh.
        let is_user = |byte: u8| byte.is_ascii_graphic() && !b"'\"`$\\;&<>|(){}*?!#/".contains(&byte);
        let good = |part: &str| !part.is_empty() && !part.starts_with('-');
        if !is_host(host) || !good(user) || !user.bytes().all(is_user) {
            return Err(refused(text));
        }
        Ok(Self { user: user.to_owned(), host: host.to_owned(), port })
    }
}

impl Tunnel {
    /// Another host of the same cluster, for a user: its address is what the cluster says.
    #[cfg(feature = "ssh")]
    pub(super) fn beyond(user: &str, host: &str) -> Result<Self, Error> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if !is_host(bare) {
            let error = Error::new(ErrorKind::Protocol, "what is named as a host of the cluster is none");
            return Err(error.at(At::Host, host).todo("look in etcd at who has set it"));
        }
        Ok(Self { user: user.to_owned(), host: bare.to_owned(), port: None })
    }
}

/// Whether it can be a host, and cannot be an option of ssh.
fn is_host(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:%".contains(&byte);
    !text.is_empty() && !text.starts_with('-') && text.bytes().all(plain)
}

impl fmt::Display for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        write!(f, "{}@{host}", self.user)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

fn refused(text: &str) -> Error {
    Error::new(ErrorKind::Usage, "not a tunnel")
        .at(At::Tunnel, text)
        .todo("give it as [USER@]HOST[:PORT], an IPv6 address in brackets")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_port_have_defaults() {
        for (text, expected) in [
            ("deis-1.example.com", ("core", "deis-1.example.com", None)),
            ("10.0.0.1:2222", ("core", "10.0.0.1", Some(2222))),
            ("root@10.0.0.1", ("root", "10.0.0.1", None)),
            ("me@corp@host:22", ("me@corp", "host", Some(22))),
            ("[fd00::1]", ("core", "fd00::1", None)),
            ("root@[fe80::1%eth0]:2222", ("root", "fe80::1%eth0", Some(2222))),
            ("fd00::1", ("core", "fd00::1", None)),
        ] {
            let tunnel: Tunnel = text.parse().unwrap();
            assert_eq!((tunnel.user.as_str(), tunnel.host.as_str(), tunnel.port), expected, "{text}");
            assert_eq!(tunnel.to_string().parse::<Tunnel>().unwrap(), tunnel);
        }
    }

    #[test]
    fn a_tunnel_with_a_password_is_refused_and_not_repeated() {
        for text in ["u:hush@h", "u:hush@h:0", "u:hu@sh@h", "ssh://u:hush@h", "u:hush@", ":hush@[::1]:22"] {
            let error = text.parse::<Tunnel>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(!format!("{error} {error:?} {}", error.advice().unwrap()).contains("hu"), "{error}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "@host",
            "host:",
            "host:0",
            "host:x",
            "host:70000",
            "[fd00::1",
            "[fd00::1]x",
            "-oProxyCommand=x",
            "-x@host",
            "a b",
            "host;ls",
            "ssh://host",
            "u$(ls)@host",
            "host\n",
        ] {
            assert_eq!(text.parse::<Tunnel>().unwrap_err().kind(), ErrorKind::Usage, "{text:?}");
        }
    }
}
