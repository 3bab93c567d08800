//! The facts that a cluster's etcd holds about the cluster: its gateways, their keys, buckets, hosts. Pure.
//!
//! A missing key is no error here; [`Discovery::require_gateways`] is the one check. A value from etcd becomes an
//! address only if it looks like one.

use std::net::IpAddr;

use crate::error::{At, Error, ErrorKind, Result};
use crate::etcd::Node;
use crate::secret::Credentials;

/// The port of every Deis gateway, if none is published.
const GATEWAY_PORT: u16 = 8888;

/// The facts that a cluster's etcd holds about the cluster.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Discovery {
    /// The gateways, `HOST:PORT`: the leader first, each once.
    pub(crate) gateways: Vec<String>,
    /// The keys of the gateways' user.
    pub(crate) credentials: Option<Credentials>,
    /// The bucket of the database's backups and WAL.
    pub(crate) db_wal_bucket: String,
    /// The bucket of the registry.
    pub(crate) registry_bucket: String,
    /// The platform's domain.
    pub domain: Option<String>,
    /// The platform's version, if it was set in etcd.
    pub version: Option<String>,
    /// The host that runs the database now.
    pub(crate) database_host: Option<String>,
    /// The place of the registry's images, if it is not this store.
    pub(crate) registry_elsewhere: Option<String>,
    /// Whether logs are kept in memory, so that the store volume has none.
    pub logs_in_memory: bool,
}

impl Discovery {
    /// Whether etcd has the gateways' keys.
    #[must_use]
    pub fn has_credentials(&self) -> bool {
        self.credentials.is_some()
    }

    /// The facts in the tree of `/deis`.
    #[must_use]
    pub fn from_tree(tree: &Node) -> Self {
        let text = |key: &str| tree.text(key).map(str::to_owned);
        let or = |key: &str, default: &str| {
            tree.text(key).filter(|text| !text.is_empty()).unwrap_or(default).to_owned()
        };
        let credentials =
            tree.text("/deis/store/gateway/accessKey").zip(tree.text("/deis/store/gateway/secretKey"));
        Self {
            gateways: gateways(tree),
            credentials: credentials
                .and_then(|(access_key, secret_key)| Credentials::trimmed(access_key, secret_key)),
            db_wal_bucket: or("/deis/database/bucketName", "db_wal"),
            registry_bucket: or("/deis/registry/bucketName", "registry"),
            domain: text("/deis/platform/domain"),
            version: text("/deis/platform/version"),
            database_host: text("/deis/database/host"),
            registry_elsewhere: registry_elsewhere(tree),
            logs_in_memory: tree
                .text("/deis/logs/storageAdapterType")
                .is_some_and(|kind| kind.starts_with("memory")),
        }
    }

    /// The gateways, or [`ErrorKind::NotReady`] if there is none.
    pub(crate) fn require_gateways(&self) -> Result<&[String]> {
        if self.gateways.is_empty() {
            return Err(Error::new(ErrorKind::NotReady, "no store-gateway is published in etcd")
                .at(At::Key, "/deis/store/gateway/hosts")
                .todo("start it: deisctl start store-gateway@1; deisctl list shows when it runs"));
        }
        Ok(&self.gateways)
    }
}

fn gateways(tree: &Node) -> Vec<String> {
    let leader = address(tree.text("/deis/store/gateway/host"), tree.text("/deis/store/gateway/port"));
    let hosts = tree.find("/deis/store/gateway/hosts").map_or(&[][..], |hosts| &hosts.nodes);
    // A directory stays when the keys in it have expired.
    let alive = hosts.iter().filter(|node| node.directory && !node.nodes.is_empty());
    let each = alive.filter_map(|node| {
        let host = node.text(&format!("{}/host", node.key)).or_else(|| node.key.rsplit('/').next());
        address(host, node.text(&format!("{}/port", node.key)))
    });
    let mut gateways = Vec::new();
    for gateway in leader.into_iter().chain(each) {
        if !gateways.contains(&gateway) {
            gateways.push(gateway);
        }
    }
    gateways
}

/// `HOST:PORT`, if the host is an address or a name.
fn address(host: Option<&str>, port: Option<&str>) -> Option<String> {
    let host = host?.trim_start_matches('[').trim_end_matches(']');
    let port = port.map_or(Some(GATEWAY_PORT), |port| port.parse().ok().filter(|port| *port > 0))?;
    match host.parse() {
        Ok(IpAddr::V6(host)) => Some(format!("[{host}]:{port}")),
        Ok(IpAddr::V4(host)) => Some(format!("{host}:{port}")),
        Err(_) => {
            let name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
            (!host.is_empty() && host.bytes().all(name)).then(|| format!("{host}:{port}"))
        }
    }
}

fn registry_elsewhere(tree: &Node) -> Option<String> {
    if let Some(bucket) = tree.text("/deis/registry/s3bucket") {
        return Some(format!("the S3 bucket {bucket}"));
    }
    let registry = tree.find("/deis/registry")?;
    let swift = |node: &Node| node.key.starts_with("/deis/registry/swift");
    registry.nodes.iter().any(swift).then(|| "OpenStack Swift".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(keys: &[(&str, &str)]) -> Node {
        Node::of_keys("/deis", keys)
    }

    #[test]
    fn all_gateways_are_found_the_leader_first_and_each_once() {
        let discovery = Discovery::from_tree(&tree(&[
            ("/deis/store/gateway/accessKey", "AKIDEIS"),
            ("/deis/store/gateway/secretKey", "SECRETDEIS"),
            ("/deis/store/gateway/host", "10.0.0.2"),
            ("/deis/store/gateway/port", "8888"),
            ("/deis/store/gateway/hosts/10.0.0.1/host", "10.0.0.1"),
            ("/deis/store/gateway/hosts/10.0.0.1/port", "8889"),
            ("/deis/store/gateway/hosts/10.0.0.2/host", "10.0.0.2"),
            ("/deis/store/gateway/hosts/fd00::1/port", "8888"),
        ]));
        assert_eq!(
            discovery.require_gateways().unwrap(),
            ["10.0.0.2:8888", "10.0.0.1:8889", "[fd00::1]:8888"]
        );
        assert_eq!(discovery.credentials.as_ref().unwrap().access_key(), "AKIDEIS");
        let shown = format!("{discovery:?}");
        assert!(!shown.contains("AKIDEIS") && !shown.contains("SECRETDEIS"), "{shown}");
    }

    #[test]
    fn the_leader_alone_is_enough() {
        let discovery = Discovery::from_tree(&tree(&[("/deis/store/gateway/host", "gw-1.example.com")]));
        assert_eq!(discovery.gateways, ["gw-1.example.com:8888"]);
    }

    #[test]
    fn a_gateway_that_is_a_plain_value_is_no_gateway_and_no_failure() {
        let discovery = Discovery::from_tree(&tree(&[("/deis/store/gateway", "helloWorld")]));
        let error = discovery.require_gateways().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotReady);
        assert!(error.advice().unwrap().contains("deisctl start store-gateway@1"));
        assert!(discovery.credentials.is_none());
    }

    #[test]
    fn a_host_whose_keys_have_expired_is_no_gateway_though_its_directory_stays() {
        let mut hosts = Node::directory("/deis/store/gateway/hosts");
        hosts.nodes.push(Node::directory("/deis/store/gateway/hosts/10.0.0.1"));
        let mut gateway = Node::directory("/deis/store/gateway");
        gateway.nodes.push(hosts);
        let mut store = Node::directory("/deis/store");
        store.nodes.push(gateway);
        let mut deis = tree(&[]);
        deis.nodes.push(store);
        let discovery = Discovery::from_tree(&deis);
        assert_eq!(discovery.require_gateways().unwrap_err().kind(), ErrorKind::NotReady);
    }

    #[test]
    fn what_does_not_look_like_an_address_is_not_taken_for_one() {
        for host in ["evil/path", "user@host", "", "a b"] {
            assert_eq!(address(Some(host), Some("8888")), None, "{host}");
        }
        assert_eq!(address(Some("10.0.0.1"), Some("x")), None);
    }

    #[test]
    fn names_have_their_defaults_and_can_be_set() {
        let plain = Discovery::from_tree(&tree(&[]));
        assert_eq!((plain.db_wal_bucket.as_str(), plain.registry_bucket.as_str()), ("db_wal", "registry"));
        assert!(plain.registry_elsewhere.is_none() && !plain.logs_in_memory && plain.domain.is_none());
        let set = Discovery::from_tree(&tree(&[
            ("/deis/database/bucketName", "wal"),
            ("/deis/database/host", "10.0.0.3"),
            ("/deis/registry/bucketName", "images"),
            ("/deis/platform/domain", "example.com"),
            ("/deis/platform/version", "v1.13.4"),
        ]));
        assert_eq!((set.db_wal_bucket.as_str(), set.registry_bucket.as_str()), ("wal", "images"));
        assert_eq!(set.database_host.as_deref(), Some("10.0.0.3"));
        assert_eq!((set.domain.as_deref(), set.version.as_deref()), (Some("example.com"), Some("v1.13.4")));
    }

    #[test]
    fn a_registry_elsewhere_and_logs_in_memory_are_noticed() {
        let s3 = Discovery::from_tree(&tree(&[
            ("/deis/registry/s3bucket", "images"),
            ("/deis/logs/storageAdapterType", "memory:200"),
        ]));
        assert_eq!(s3.registry_elsewhere.as_deref(), Some("the S3 bucket images"));
        assert!(s3.logs_in_memory);
        let swift = Discovery::from_tree(&tree(&[("/deis/registry/swiftAuthURL", "http://x")]));
        assert_eq!(swift.registry_elsewhere.as_deref(), Some("OpenStack Swift"));
    }
}
