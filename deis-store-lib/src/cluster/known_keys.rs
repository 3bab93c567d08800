//! The operator's keys that some release of Deis v1 reads, by their names. Pure.
//!
//! A key that is none of them may be a mistake of somebody's, or of a component that was added to the platform. A new cluster
//! gets it only if somebody says so by name.

/// The components with an image of their own.
const IMAGES: [&str; 22] = [
    "builder",
    "cache",
    "controller",
    "database",
    "logger",
    "logs",
    "logspout",
    "mesos-marathon",
    "mesos-master",
    "mesos-slave",
    "publisher",
    "registry",
    "router",
    "store-admin",
    "store-daemon",
    "store-gateway",
    "store-metadata",
    "store-monitor",
    "store-volume",
    "swarm",
    "swarm-manager",
    "zookeeper",
];

/// What is read below a component.
struct Known {
    component: &'static str,
    /// Keys.
    keys: &'static [&'static str],
    /// What keys begin with.
    beginnings: &'static [&'static str],
}

const KNOWN: [Known; 7] = [
    Known { component: "cache", keys: &["maxmemory"], beginnings: &[] },
    Known {
        component: "controller",
        keys: &[
            "protocol",
            "registrationEnabled",
            "registrationMode",
            "schedulerModule",
            "schedulerOptions",
            "schedulerTarget",
            "subdomain",
            "unitHostname",
            "webEnabled",
            "workers",
        ],
        beginnings: &["auth/"],
    },
    Known {
        component: "database",
        keys: &["adminUser", "bucketName", "engine", "name", "user"],
        beginnings: &[],
    },
    Known { component: "logs", keys: &["drain", "protocol", "storageAdapterType"], beginnings: &[] },
    Known {
        component: "platform",
        keys: &["domain", "enablePlacementOptions", "sshPrivateKey", "version"],
        beginnings: &[],
    },
    Known {
        component: "registry",
        keys: &["bucketName", "protocol", "secretKey"],
        beginnings: &["s3", "smtp", "swift"],
    },
    Known {
        component: "router",
        keys: &[
            "affinityArg",
            "bodySize",
            "controller/whitelist",
            "defaultTimeout",
            "enableNginxStatus",
            "enforceHTTPS",
            "enforceWhitelist",
            "errorLogLevel",
            "gzip",
            "gzipCompLevel",
            "gzipDisable",
            "gzipHttpVersion",
            "gzipMinLength",
            "gzipProxied",
            "gzipTypes",
            "gzipVary",
            "maxWorkerConnections",
            "proxyProtocol",
            "proxyRealIpCidr",
            "serverNameHashBucketSize",
            "serverNameHashMaxSize",
            "serverTokens",
            "sslBufferSize",
            "sslCert",
            "sslCiphers",
            "sslDhparam",
            "sslKey",
            "sslProtocols",
            "sslSessionCache",
            "sslSessionTickets",
            "sslSessionTimeout",
            "trafficStatusZoneSize",
            "workerProcesses",
        ],
        beginnings: &["builder/timeout/", "controller/timeout/", "firewall/", "hsts/"],
    },
];

/// Whether a key of the operator's is one that some release of Deis reads. Below `/deis/store` no other one is the operator's.
pub(super) fn is_known(key: &str) -> bool {
    let below = key.strip_prefix("/deis/").and_then(|key| key.split_once('/'));
    let Some((component, key)) = below else { return false };
    if component == "store" || (key == "image" && IMAGES.contains(&component)) {
        return true;
    }
    let known = KNOWN.iter().find(|known| known.component == component);
    known.is_some_and(|known| {
        // A beginning by itself is no key.
        let begins = |beginning: &&str| key.len() > beginning.len() && key.starts_with(*beginning);
        known.keys.contains(&key) || known.beginnings.iter().any(begins)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_some_release_of_deis_reads_is_known_and_nothing_else() {
        for key in [
            "/deis/store/pgNum",
            "/deis/store/gateway/image",
            "/deis/store-monitor/image",
            "/deis/router/image",
            "/deis/router/sslKey",
            "/deis/router/hsts/maxAge",
            "/deis/router/firewall/errorCode",
            "/deis/router/builder/timeout/tcp",
            "/deis/router/controller/whitelist",
            "/deis/controller/auth/ldap/group/type",
            "/deis/controller/schedulerTarget",
            "/deis/registry/s3accessKey",
            "/deis/registry/swiftAuthURL",
            "/deis/registry/smtpTo",
            "/deis/logs/drain",
            "/deis/cache/maxmemory",
            "/deis/platform/sshPrivateKey",
        ] {
            assert!(is_known(key), "{key}");
        }
        for key in [
            "/deis/router/notYetInvented",
            "/deis/router/bodysize",
            "/deis/router/bodySize/x",
            "/deis/router/hsts",
            "/deis/registry/s3",
            "/deis/database/s3bucket",
            "/deis/own/image",
            "/deis/router/sub/image",
            "/deis/image",
            "/deis/monitoring/interval",
            "/deisx/router/bodySize",
            "",
        ] {
            assert!(!is_known(key), "{key}");
        }
    }
}
