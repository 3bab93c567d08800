//! etcd, and what it says of the platform.

use super::check::{Check, bad, failed, good, told, unknown};
use super::host::{Site, without};
use crate::cluster::{ClusterOptions, Discovery};
use crate::error::{Error, ErrorKind};
use crate::etcd::{Etcd, Node};
use crate::platform::Version;
use crate::run::Run;
use crate::secret::Credentials;

/// What etcd says, or why it says nothing.
pub(super) enum Facts {
    Known { etcd: Etcd, tree: Box<Node>, discovery: Box<Discovery> },
    Unknown(&'static str),
}

const NOT_ASKED: &str = "with a gateway and keys given, etcd is not asked";
const NO_ANSWER: &str = "etcd does not answer";
const NO_HOST: &str = "the host does not answer";
const FIND_IT: &str = "check etcd's address and the host, or give a gateway and keys";
const TODO: &str = "mend what is said of etcd, then run this again";

impl Facts {
    /// Asks etcd for everything.
    pub(super) async fn look(
        cluster: Result<&ClusterOptions, &Error>,
        run: &Run,
        checks: &mut Vec<Check>,
    ) -> Self {
        const NAME: &str = "etcd";
        let Ok(cluster) = cluster else {
            checks.push(without(NAME));
            return Self::Unknown(NO_HOST);
        };
        if !cluster.asks_etcd() {
            checks.push(unknown(NAME, NOT_ASKED, "let etcd be asked, to see the rest"));
            return Self::Unknown(NOT_ASKED);
        }
        let asked = async {
            let etcd = cluster.etcd(run).await?;
            match etcd.tree("/deis").await {
                Ok(tree) => Ok((etcd, tree, "")),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    Ok((etcd, Node::directory("/deis"), ", and has nothing of Deis yet"))
                }
                Err(error) => Err(error),
            }
        };
        match asked.await {
            Ok((etcd, tree, also)) => {
                checks.push(good(NAME, format!("it answers at {}{also}", etcd.endpoint())));
                let discovery = Box::new(Discovery::from_tree(&tree));
                Self::Known { etcd, tree: Box::new(tree), discovery }
            }
            Err(error) => {
                // That something does not answer there says nothing of where etcd is.
                let check = match error.kind() {
                    ErrorKind::Unreachable | ErrorKind::Timeout => bad(NAME, told(&error), FIND_IT),
                    _ => failed(NAME, &error, FIND_IT),
                };
                checks.push(check);
                Self::Unknown(NO_ANSWER)
            }
        }
    }

    /// What is known of the cluster by it.
    pub(super) fn discovery(&self) -> Option<&Discovery> {
        match self {
            Self::Known { discovery, .. } => Some(discovery),
            Self::Unknown(_) => None,
        }
    }

    /// The text of a key.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match self {
            Self::Known { tree, .. } => tree.text(key).filter(|text| !text.is_empty()),
            Self::Unknown(_) => None,
        }
    }

    /// Whether a directory has a member.
    pub(super) fn has_below(&self, directory: &str) -> bool {
        match self {
            Self::Known { tree, .. } => tree.find(directory).is_some_and(|node| !node.nodes.is_empty()),
            Self::Unknown(_) => false,
        }
    }

    /// The gateways' keys in it.
    pub(super) fn credentials(&self) -> Option<&Credentials> {
        self.discovery().and_then(|found| found.credentials.as_ref())
    }

    /// Why it says nothing.
    pub(super) fn why_unknown(&self) -> Option<&'static str> {
        match self {
            Self::Known { .. } => None,
            Self::Unknown(why) => Some(why),
        }
    }

    /// What it says; or a check that cannot be made without.
    pub(super) fn known(&self, name: &str) -> Result<(&Etcd, &Discovery), Check> {
        match self {
            Self::Known { etcd, discovery, .. } => Ok((etcd, discovery)),
            Self::Unknown(why) => Err(unknown(name, *why, TODO)),
        }
    }
}

/// The release of the platform: by etcd, or by the host's own file.
pub(super) async fn version(site: &Site, facts: &Facts) -> Check {
    const NAME: &str = "version";
    if let Some(version) = facts.text("/deis/platform/version") {
        return good(NAME, format!("Deis {version} (/deis/platform/version)"));
    }
    let by_host = async {
        let Site::Answers(host) = site else { return None };
        Version::of_host(&**host).await.ok()?
    };
    match (by_host.await, facts.why_unknown()) {
        (Some(version), _) => good(NAME, format!("Deis {version} (/etc/deis-release)")),
        (None, Some(why)) => unknown(NAME, why, "deisctl version says it, on the cluster"),
        (None, None) => unknown(
            NAME,
            "neither /deis/platform/version nor /etc/deis-release says which release of Deis this is",
            "deisctl version says it, on the cluster",
        ),
    }
}

/// Whether the registry keeps its images in this store.
pub(super) fn images(facts: &Facts) -> Check {
    const NAME: &str = "images";
    let found = match facts.known(NAME) {
        Ok((_, found)) => found,
        Err(check) => return check,
    };
    match &found.registry_elsewhere {
        None => good(NAME, "the registry keeps its images in this store"),
        Some(elsewhere) => bad(
            NAME,
            format!("the registry keeps its images in {elsewhere}: no backup of this store has them"),
            "back them up there",
        ),
    }
}

/// Whether there are logs to keep.
pub(super) fn logs(facts: &Facts) -> Check {
    const NAME: &str = "logs";
    match facts.known(NAME) {
        Err(check) => check,
        Ok((_, found)) if found.logs_in_memory => bad(
            NAME,
            "logs are kept in memory: no backup has them",
            "if they are wanted: deisctl config logs set storageAdapterType=file, and restart the logger",
        ),
        Ok(_) => good(NAME, "logs are kept on the store volume"),
    }
}
