//! The keys in etcd: those of a store that was just started, and those of a platform that has been in use for a while.

use crate::ceph::{Keyrings, Plan};
use crate::error::{Error, Result};
use crate::planted::Planted;

/// One key of etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The whole name, from the root on.
    pub name: String,
    /// The value; `None` makes an empty directory.
    pub value: Option<String>,
}

/// The time to live of the keys by which components are found, in seconds, as in Deis.
pub const TTL_SECONDS: u64 = 20;

/// The store's own keys, and the defaults that its components write at their first start.
pub fn store(plan: &Plan, keyrings: &Keyrings) -> Result<Vec<Key>> {
    let mut keys = Vec::new();
    let mut set = |name: &str, value: &str| keys.push(key(&format!("/deis/{name}"), value));
    set("store/gateway/accessKey", &plan.access_key);
    set("store/gateway/secretKey", &plan.secret_key);
    set("store/fsid", &plan.fsid);
    set("store/monKeyring", &keyrings.monitor);
    set("store/adminKeyring", &keyrings.admin);
    set("store/gatewayKeyring", &keyrings.gateway);
    for step in ["monSetup", "filesystemSetup"] {
        set(&format!("store/{step}Lock"), "locked");
        set(&format!("store/{step}Complete"), "youBetcha");
    }
    for (number, address) in plan.gateways.iter().enumerate() {
        let (host, _) = host_and_port(address)?;
        set(&format!("store/hosts/{host}"), &format!("deis-{}", number + 1));
        set(&format!("store/osds/{host}"), &number.to_string());
    }
    for (name, value) in [("size", "3"), ("minSize", "1"), ("pgNum", "64"), ("delayStart", "15")] {
        set(&format!("store/{name}"), value);
    }
    set("store/maxPGsPerOSDWarning", "1536");
    set("database/bucketName", "db_wal");
    set("registry/bucketName", "registry");
    Ok(keys)
}

/// The keys that a gateway's publisher refreshes all the time.
pub fn gateway_presence(plan: &Plan) -> Result<Vec<Key>> {
    let mut keys = Vec::new();
    for address in &plan.gateways {
        keys.extend(presence_of("/deis/store/gateway", address)?);
    }
    let (leader, port) = host_and_port(plan.gateways.first().ok_or_else(|| Error::new("No gateway"))?)?;
    keys.push(key("/deis/store/gateway/masterLock", leader));
    keys.push(key("/deis/store/gateway/host", leader));
    keys.push(key("/deis/store/gateway/port", port));
    Ok(keys)
}

/// The keys that the other components of a running platform refresh all the time.
pub fn platform_presence(database_port: u16) -> Result<Vec<Key>> {
    let mut keys = presence_of("/deis/registry", "127.0.0.1:5000")?;
    keys.extend(presence_of("/deis/router", "127.0.0.1:80")?);
    let (database, one_port) = (format!("127.0.0.1:{database_port}"), ["database", "controller", "registry"]);
    for (name, address) in one_port.iter().zip([database.as_str(), "127.0.0.1:8000", "127.0.0.1:5000"]) {
        let (host, port) = host_and_port(address)?;
        keys.push(key(&format!("/deis/{name}/host"), host));
        keys.push(key(&format!("/deis/{name}/port"), port));
    }
    keys.push(key("/deis/registry/masterLock", "127.0.0.1"));
    Ok(keys)
}

/// The lasting keys of a platform: the operator's settings, the components' defaults, and the keys of the controller.
#[must_use]
pub fn platform(planted: &Planted) -> Vec<Key> {
    let mut keys: Vec<Key> = PLAIN.iter().map(|(name, value)| key(&format!("/deis/{name}"), value)).collect();
    keys.extend(planted.etcd_keys());
    keys.extend(DIRECTORIES.iter().map(|name| Key { name: format!("/deis/{name}"), value: None }));
    keys
}

/// The keys that an operator sets on a new cluster before starting the rest.
#[must_use]
pub fn fresh(planted: &Planted) -> Vec<Key> {
    let mut keys =
        vec![key("/deis/platform/domain", "new.example.net"), key("/deis/platform/version", "v1.13.4")];
    keys.extend(planted.etcd_keys().into_iter().filter(|key| key.name == "/deis/database/password"));
    keys
}

/// HOST and PORT of an address.
pub fn host_and_port(address: &str) -> Result<(&str, &str)> {
    address.rsplit_once(':').ok_or_else(|| Error::new(format!("No port in {address}")))
}

const PLAIN: &[(&str, &str)] = &[
    ("database/name", "deis"),
    ("database/user", "deis"),
    ("database/adminUser", "postgres"),
    ("database/engine", "postgresql_psycopg2"),
    ("database/initId", "0b2d5a4e-7c1f-4f7e-9f0a-2f3b5c6d7e8f"),
    ("registry/protocol", "http"),
    ("registry/smtpHost", "mail.example.com"),
    ("controller/registrationMode", "admin_only"),
    ("controller/webEnabled", "1"),
    ("controller/subdomain", "deis"),
    ("controller/workers", "8"),
    ("controller/unitHostname", "application"),
    ("controller/protocol", "https"),
    ("controller/schedulerOptions", "{\"attr\": \"a=b==\"}"),
    ("controller/auth/ldap/endpoint", "ldap://ldap.example.com"),
    ("controller/auth/ldap/bind/dn", "cn=deis,dc=example,dc=com"),
    ("platform/domain", "old.example.com"),
    ("platform/version", "v1.13.4"),
    ("platform/enablePlacementOptions", "true"),
    ("router/bodySize", "1m"),
    ("router/defaultTimeout", "1300"),
    ("router/gzip", "on"),
    ("router/gzipTypes", "text/css text/javascript application/json"),
    ("router/enforceHTTPS", "false"),
    ("router/controller/whitelist", "10.0.0.0/8:größe office,192.168.0.0/16"),
    ("router/firewall/enabled", "false"),
    ("router/hsts/enabled", "true"),
    (
        "router/sslCert",
        "-----BEGIN CERTIFICATE-----\nMIIDXTCCAkWgAwIBAgIJAJC1\nHiIAZAiIMA0GCSqGSIb3DQEB\n-----END CERTIFICATE-----\n",
    ),
    ("router/sslDhparam", "-----BEGIN DH PARAMETERS-----\nMIIBCAKCAQEA\n-----END DH PARAMETERS-----\n"),
    ("router/affinityArg", ""),
    ("router/image", "example.com/custom/router:v1.13.4-fix"),
    ("logs/drain", "syslog://logs.example.com:514"),
    ("logs/storageAdapterType", "file"),
    ("logs/host", "127.0.0.1"),
    ("logs/port", "514"),
    ("cache/host", "127.0.0.1"),
    ("cache/port", "6379"),
    ("builder/users/user1/9c3bd7b1f2a94a04a3b2d5cd9f0c3b1a", "ssh-rsa AAAAB3NzaC1yc2E user1@laptop"),
    ("builder/users/user2/0f1e2d3c4b5a69788796a5b4c3d2e1f0", "ssh-rsa AAAAB3NzaC1yc2F user2@laptop"),
    ("services/peachy-waxworks/peachy-waxworks_v3.web.1", "127.0.0.1:49153"),
    ("services/golden-kennels/golden-kennels_v1.web.1", "127.0.0.1:49154"),
    ("domains/www1.example.com", "app-1"),
    ("domains/www2.example.com", "app-2"),
    ("certs/www.example.com/cert", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"),
    ("config/app-1/greeting", "grüß dich\n\ttab"),
];

const DIRECTORIES: &[&str] = &["services/idle", "scheduler"];

fn presence_of(directory: &str, address: &str) -> Result<Vec<Key>> {
    let (host, port) = host_and_port(address)?;
    let hosts = format!("{directory}/hosts/{host}");
    Ok(vec![key(&format!("{hosts}/host"), host), key(&format!("{hosts}/port"), port)])
}

fn key(name: &str, value: &str) -> Key {
    Key { name: name.to_owned(), value: Some(value.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn plan() -> Plan {
        Plan {
            fsid: "f".into(),
            gateways: vec!["127.0.0.1:8888".into(), "127.0.0.2:8888".into()],
            access_key: "A".into(),
            secret_key: "S".into(),
        }
    }

    #[test]
    fn no_key_of_the_filled_cluster_is_in_the_way_of_another() {
        let keyrings = Keyrings { monitor: "m".into(), admin: "a".into(), gateway: "g".into() };
        let mut keys = store(&plan(), &keyrings).unwrap();
        keys.extend(gateway_presence(&plan()).unwrap());
        keys.extend(platform_presence(5432).unwrap());
        keys.extend(platform(&Planted::new().unwrap()));
        let mut seen = HashSet::new();
        for key in keys.iter().filter(|key| key.value.is_some()) {
            assert!(seen.insert(key.name.clone()), "{} twice", key.name);
        }
        for directory in keys.iter().filter(|key| key.value.is_none()) {
            let below = format!("{}/", directory.name);
            assert!(!seen.iter().any(|name| name.starts_with(&below)), "{below} is not empty");
        }
    }

    #[test]
    fn each_gateway_is_named_and_the_first_one_leads() {
        let keys = gateway_presence(&plan()).unwrap();
        let value = |name: &str| keys.iter().find(|key| key.name == name).and_then(|key| key.value.clone());
        assert_eq!(value("/deis/store/gateway/hosts/127.0.0.2/port").as_deref(), Some("8888"));
        assert_eq!(value("/deis/store/gateway/masterLock").as_deref(), Some("127.0.0.1"));
    }
}
