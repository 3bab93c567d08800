//! The release of Deis, and what differs between releases.

use std::fmt;

use crate::error::Result;
use crate::remote::{Remote, ask};

/// A release of Deis v1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(u32, u32, u32);

impl Version {
    /// The release that writes its database's state into etcd by itself when the controller starts.
    pub(super) const WRITES_STATE: Self = Self(1, 11, 0);
    /// The release whose database says in etcd which one it is, and whose domains have a key each.
    pub(super) const NAMES_DATABASE: Self = Self(1, 5, 0);
    /// The release whose router takes requests of any size for the store.
    pub(super) const TAKES_ANY_SIZE: Self = Self(1, 0, 0);

    /// The release in a text such as `v1.13.4`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('v');
        let mut numbers = text.split(['.', '-', '+']).map(|part| part.parse().ok());
        Some(Self(numbers.next()??, numbers.next()??, numbers.next()??))
    }

    /// The release that a host was made with, if it says which.
    pub(crate) async fn of_host(remote: &dyn Remote) -> Result<Option<Self>> {
        let file = ask(remote, &["cat", "/etc/deis-release"]).await?;
        let text = String::from_utf8_lossy(&file.stdout);
        Ok(if file.exit.success() { Self::of_release_file(&text) } else { None })
    }

    /// The release in `/etc/deis-release`.
    fn of_release_file(text: &str) -> Option<Self> {
        text.lines().find_map(|line| Self::parse(line.trim().strip_prefix("DEIS_RELEASE=")?))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}.{}.{}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_by_their_numbers() {
        assert!(Version::parse("v1.9.0").unwrap() < Version::WRITES_STATE);
        assert!(Version::parse("1.13.4-dirty").unwrap() > Version::WRITES_STATE);
        assert!(Version::parse("v0.15.1").unwrap() < Version::TAKES_ANY_SIZE);
        for none in ["", "git-abc", "v1", "latest"] {
            assert_eq!(Version::parse(none), None, "{none}");
        }
        assert_eq!(Version::of_release_file("A=b\nDEIS_RELEASE=v1.13.4\n").unwrap().to_string(), "v1.13.4");
    }
}
