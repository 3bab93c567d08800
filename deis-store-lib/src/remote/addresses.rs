//! The names by which a host knows itself. Pure but for the one question.

use std::net::IpAddr;

use super::{Remote, ask};
use crate::error::Result;

/// Prints them: the addresses that a host of Deis is given for etcd and fleet, those of its interfaces, its name.
const ASKING: [&str; 3] =
    ["sh", "-c", "cat /etc/environment; ip -o addr || hostname -I; hostname; uname -n; exit 0"];

/// The addresses and names of one host.
#[derive(Debug, Default)]
pub(super) struct Own {
    addresses: Vec<IpAddr>,
    names: Vec<String>,
}

impl Own {
    /// Asks a host for them. One that does not say them has none.
    pub(super) async fn of(remote: &dyn Remote) -> Result<Self> {
        Ok(Self::read(&String::from_utf8_lossy(&ask(remote, &ASKING).await?.stdout)))
    }

    fn read(printed: &str) -> Self {
        let mut own = Self::default();
        for line in printed.lines().map(str::trim) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match &words[..] {
                [variable] if variable.contains('=') => own.addresses.extend(of_environment(variable)),
                [word] if address(word).is_none() => own.names.push((*word).to_owned()),
                // One that comes after `peer` or `brd` is another host's, or nobody's.
                [_, _, "inet" | "inet6", one, ..] => own.addresses.extend(address(one)),
                all => own.addresses.extend(all.iter().map_while(|word| address(word))),
            }
        }
        own
    }

    /// Whether a host is meant by an address or a name.
    pub(super) fn includes(&self, host: &str) -> bool {
        match address(host) {
            Some(address) => {
                address.is_loopback() && is_the_loopback(address) || self.addresses.contains(&address)
            }
            None => host == "localhost" || self.names.iter().any(|name| name.eq_ignore_ascii_case(host)),
        }
    }
}

/// Whether it is the address that each host has of itself. Others of the loopback's network may be other hosts in a test.
fn is_the_loopback(address: IpAddr) -> bool {
    address == IpAddr::from([127, 0, 0, 1]) || address.is_ipv6()
}

/// The address in a line of CoreOS' `/etc/environment`, under which a host of Deis publishes what runs on it.
fn of_environment(variable: &str) -> Option<IpAddr> {
    let (name, value) = variable.split_once('=')?;
    matches!(name, "COREOS_PRIVATE_IPV4" | "COREOS_PUBLIC_IPV4")
        .then(|| address(value.trim_matches(['"', '\''])))
        .flatten()
}

/// An address without its prefix's length, its zone and its brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim_start_matches('[').trim_end_matches(']');
    text.split(['/', '%']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_COREOS: &str = "PATH=/opt/bin:/bin\nhttp_proxy=http://10.0.0.9:3128\nno_proxy=10.0.0.2,10.0.0.3\n\
        COREOS_PUBLIC_IPV4=\"203.0.113.7\"\nCOREOS_PRIVATE_IPV4=10.0.0.1\n\
        1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n\
        2: eth0    inet 10.21.12.1/24 brd 10.21.12.255 scope global eth0\\       valid_lft forever\n\
        2: eth0    inet6 fe80::1/64 scope link \\       valid_lft forever preferred_lft forever\n\
        3: tun0    inet 10.8.0.1 peer 10.8.0.2/32 scope global tun0\n\
        deis-1\ndeis-1.example.com\n";

    #[test]
    fn a_host_is_itself_by_its_interfaces_its_environment_and_its_name_and_is_no_other() {
        let own = Own::read(OF_COREOS);
        for host in [
            "10.0.0.1",
            "203.0.113.7",
            "10.21.12.1",
            "fe80::1",
            "[fe80::1]",
            "10.8.0.1",
            "127.0.0.1",
            "::1",
            "localhost",
            "deis-1",
            "DEIS-1",
            "deis-1.example.com",
        ] {
            assert!(own.includes(host), "{host}");
        }
        for host in
            ["10.0.0.2", "10.0.0.3", "10.0.0.9", "10.21.12.255", "10.8.0.2", "127.0.0.2", "deis-2", ""]
        {
            assert!(!own.includes(host), "{host}");
        }
    }

    #[test]
    fn what_hostname_prints_is_read_as_well_and_nothing_is_no_failure() {
        let own = Own::read("10.0.0.1 172.17.42.1 fd00::1\ndeis-1\n");
        assert!(own.includes("10.0.0.1") && own.includes("172.17.42.1") && own.includes("fd00::1"));
        assert!(own.includes("deis-1") && !own.includes("10.0.0.2"));
        assert!(!Own::read("").includes("10.0.0.1"));
    }
}
