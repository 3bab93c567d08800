//! The made tree of etcd below `/deis`: keys of every class, with made secrets. Pure.
//!
//! None of these secrets gives access to anything.

use std::time::Duration;

use super::sequence::Sequence;
use crate::etcd::{Node, Value};

/// The time to live of the keys by which components are found.
const TTL: Duration = Duration::from_secs(20);
const HOSTS: [&str; 3] = ["10.21.1.11", "10.21.1.12", "10.21.1.13"];

pub(super) fn tree(seed: u64) -> Node {
    let mut tree = Node::directory("/deis");
    for (key, value) in OPERATORS.iter().chain(DEFAULTS).chain(DERIVED) {
        set(&mut tree, key, value, None);
    }
    for (key, value) in secrets(&mut Sequence::new(seed, "secrets")) {
        set(&mut tree, key, &value, None);
    }
    for (number, host) in HOSTS.iter().enumerate() {
        set(&mut tree, &format!("store/hosts/{host}"), &format!("deis-{}", number + 1), None);
        set(&mut tree, &format!("store/osds/{host}"), &number.to_string(), None);
    }
    published(&mut tree);
    for directory in ["scheduler", "services/idle"] {
        parent(&mut tree, &format!("/deis/{directory}/"));
    }
    tree
}

/// The keys that running components refresh all the time.
fn published(tree: &mut Node) {
    for (component, port, hosts) in
        [("store/gateway", "8888", &HOSTS[..2]), ("registry", "5000", &HOSTS[..1]), ("router", "80", &HOSTS)]
    {
        for host in hosts {
            set(tree, &format!("{component}/hosts/{host}/host"), host, Some(TTL));
            set(tree, &format!("{component}/hosts/{host}/port"), port, Some(TTL));
        }
    }
    for (component, port) in [
        ("store/gateway", "8888"),
        ("registry", "5000"),
        ("database", "5432"),
        ("controller", "8000"),
        ("builder", "2223"),
    ] {
        set(tree, &format!("{component}/host"), HOSTS[0], Some(TTL));
        set(tree, &format!("{component}/port"), port, Some(TTL));
    }
    for component in ["store/gateway", "registry"] {
        set(tree, &format!("{component}/masterLock"), HOSTS[0], Some(TTL));
    }
    // The logger means 20 seconds and sets 2·10¹⁰ seconds.
    let for_ever = Some(Duration::from_secs(20_000_000_000));
    set(tree, "logs/host", HOSTS[1], for_ever);
    set(tree, "logs/port", "514", for_ever);
    set(tree, "services/peachy-waxworks/peachy-waxworks_v2.web.1", "10.21.1.12:49153", Some(TTL));
}

fn secrets(chance: &mut Sequence) -> Vec<(&'static str, String)> {
    let keyring = |name: &str, chance: &mut Sequence| format!("[{name}]\n\tkey = {}\n", chance.base64(28));
    vec![
        ("store/fsid", chance.uuid()),
        ("store/monKeyring", keyring("mon.", chance)),
        ("store/adminKeyring", keyring("client.admin", chance)),
        ("store/gatewayKeyring", keyring("client.radosgw.gateway", chance)),
        ("store/gateway/accessKey", chance.hex(20).to_uppercase()),
        ("store/gateway/secretKey", chance.base64(30)),
        ("database/password", chance.hex(16)),
        ("database/adminPass", chance.hex(16)),
        ("database/initId", chance.uuid()),
        ("controller/secretKey", chance.base64(64)),
        ("controller/builderKey", chance.base64(64)),
        ("platform/sshPrivateKey", chance.base64(300)),
        ("router/sslKey", pem("RSA PRIVATE KEY", chance)),
        ("router/sslCert", pem("CERTIFICATE", chance)),
        ("certs/www.example.com/cert", pem("CERTIFICATE", chance)),
        ("certs/www.example.com/key", pem("RSA PRIVATE KEY", chance)),
    ]
}

/// The keys set by an operator.
const OPERATORS: &[(&str, &str)] = &[
    ("platform/domain", "old.example.com"),
    ("platform/version", "v1.13.4"),
    ("router/bodySize", "100m"),
    ("router/gzipTypes", "text/css text/javascript application/json"),
    ("router/controller/whitelist", "10.0.0.0/8:größe office,192.168.0.0/16"),
    ("router/hsts/enabled", "true"),
    ("router/affinityArg", ""),
    ("router/image", "example.com/custom/router:v1.13.4-fix"),
    ("controller/registrationMode", "admin_only"),
    ("controller/schedulerOptions", "{\"attr\": \"a=b==\"}"),
    ("controller/auth/ldap/endpoint", "ldap://ldap.example.com"),
    ("logs/drain", "syslog://logs.example.com:514"),
];

/// The keys that a component writes at its first start, unless an operator has set them before.
const DEFAULTS: &[(&str, &str)] = &[
    ("store/size", "3"),
    ("store/minSize", "1"),
    ("store/pgNum", "64"),
    ("store/delayStart", "15"),
    ("store/maxPGsPerOSDWarning", "1536"),
    ("store/monSetupLock", "locked"),
    ("store/monSetupComplete", "youBetcha"),
    ("store/filesystemSetupLock", "locked"),
    ("store/filesystemSetupComplete", "youBetcha"),
    ("database/bucketName", "db_wal"),
    ("database/name", "deis"),
    ("database/user", "deis"),
    ("database/adminUser", "postgres"),
    ("database/engine", "postgresql_psycopg2"),
    ("registry/bucketName", "registry"),
    ("registry/protocol", "http"),
    ("controller/protocol", "http"),
    ("controller/workers", "8"),
];

/// The keys that the controller writes from its database.
const DERIVED: &[(&str, &str)] = &[
    ("builder/users/user1/9c3bd7b1f2a94a04a3b2d5cd9f0c3b1a", "ssh-rsa AAAAB3NzaC1yc2E user1@laptop"),
    ("domains/www.example.com", "peachy-waxworks"),
    ("config/peachy-waxworks/greeting", "grüß dich\n\ttab"),
];

fn pem(name: &str, chance: &mut Sequence) -> String {
    let lines: String = (0..12).map(|_| chance.base64(48) + "\n").collect();
    format!("-----BEGIN {name}-----\n{lines}-----END {name}-----\n")
}

fn set(tree: &mut Node, key: &str, value: &str, ttl: Option<Duration>) {
    let key = format!("/deis/{key}");
    let node = Node { key: key.clone(), value: Some(Value::new(value)), ttl, ..Node::default() };
    parent(tree, &key).nodes.push(node);
}

/// The directory that holds a key. It is made if need be, with the directories above it.
fn parent<'a>(mut directory: &'a mut Node, key: &str) -> &'a mut Node {
    let depth = directory.key.len() + 1;
    for (slash, _) in key.match_indices('/').filter(|(place, _)| *place >= depth) {
        let name = &key[..slash];
        let known = directory.nodes.iter().position(|node| node.key == name).unwrap_or_else(|| {
            directory.nodes.push(Node::directory(name));
            directory.nodes.len() - 1
        });
        directory = &mut directory.nodes[known];
    }
    directory
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::cluster::Configuration;
    use crate::cluster::key_class::{Class, class};

    #[test]
    fn there_are_keys_of_every_class_and_the_operators_are_what_a_backup_takes() {
        let tree = tree(1);
        let classes: Vec<_> = tree.leaves().map(|(node, _)| class(&node.key)).collect();
        for expected in [Class::Generated, Class::Discovery, Class::Derived, Class::Secret, Class::Operator] {
            assert!(classes.contains(&expected), "{expected:?}");
        }
        let configuration = Configuration::from_tree(&tree);
        assert_eq!(configuration.keys().len(), 12 + 14 + 3, "set, defaults that are carried, and secrets");
        let parsed = Configuration::parse(&configuration.to_json().unwrap()).unwrap();
        assert_eq!(parsed, configuration);
        assert_eq!(configuration.value("/deis/router/affinityArg").unwrap().expose(), "");
    }

    #[test]
    fn the_tree_is_one_that_etcd_could_hold() {
        let tree = tree(1);
        let keys: Vec<_> = tree.leaves().map(|(node, _)| node.key.as_str()).collect();
        assert_eq!(keys.len(), keys.iter().collect::<BTreeSet<_>>().len(), "a key stands twice");
        for key in keys {
            let node = tree.find(key).unwrap();
            assert!(!node.directory && node.nodes.is_empty(), "{key} is a value and a directory");
        }
        assert!(tree.find("/deis/services/idle").unwrap().directory);
    }
}
