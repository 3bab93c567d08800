//! Decides which of a cluster's etcd keys may be carried to another cluster, by their names alone. Pure.
//!
//! The time to live does not decide: the logger publishes its address for 2·10¹⁰ seconds. An unknown key below a
//! component is the operator's, since Deis leaves an option absent until somebody sets it. An unknown key below
//! `/deis/store` is the cluster's own, since a wrong key there makes Ceph unusable.

/// The class of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    /// Made by this cluster for itself: never carried to another.
    Generated,
    /// The address of a component that runs now: never carried.
    Discovery,
    /// Written by the controller from its database: never carried, since the database brings it back.
    Derived,
    /// A generated secret: never carried, since the other cluster's own secret serves as well.
    Secret,
    /// Set by the operator: carried.
    Operator,
}

/// The class of a whole key, such as `/deis/router/bodySize`.
#[must_use]
pub(crate) fn class(key: &str) -> Class {
    let mut segments = key.split('/');
    let outside = segments.next() != Some("") || segments.next() != Some("deis");
    let path: Vec<&str> = segments.collect();
    if outside || path.is_empty() || path.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
        return Class::Generated;
    }
    match path[..] {
        ["store", ref rest @ ..] => store(rest),
        ["services", _, _, ..] | ["scheduler", ..] => Class::Discovery,
        ["services" | "domains" | "certs" | "config", ..] | ["builder", "users", ..] => Class::Derived,
        ["database", "initId"] => Class::Generated,
        ["database", "password" | "adminPass"] | ["controller", "secretKey" | "builderKey"] => Class::Secret,
        // An operator may point /deis/cache at a Redis of their own. The registry works without this address. With the
        // address of a container that is gone, it waits for that container. So the address is not carried.
        [_, "host" | "port" | "masterLock"] | [_, "hosts", ..] => Class::Discovery,
        _ => Class::Operator,
    }
}

/// The class of a key below `/deis/store`: only known keys are carried.
fn store(rest: &[&str]) -> Class {
    match rest {
        ["gateway", "host" | "port" | "masterLock"] | ["gateway", "hosts", ..] => Class::Discovery,
        ["size" | "minSize" | "pgNum" | "delayStart" | "maxPGsPerOSDWarning"]
        | ["monitor" | "daemon" | "metadata" | "gateway" | "volume" | "admin", "image"] => Class::Operator,
        _ => Class::Generated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every key of the table from which the classes were made, and keys that try to slip through.
    const TABLE: &[(Class, &[&str])] = &[
        (
            Class::Generated,
            &[
                "/deis/store/fsid",
                "/deis/store/monKeyring",
                "/deis/store/adminKeyring",
                "/deis/store/monSetupComplete",
                "/deis/store/monSetupLock",
                "/deis/store/filesystemSetupComplete",
                "/deis/store/filesystemSetupLock",
                "/deis/store/gatewayKeyring",
                "/deis/store/hosts/10.0.0.1",
                "/deis/store/osds/10.0.0.1",
                "/deis/store/hosts/10.0.0.1/image",
                "/deis/store/osds/image",
                "/deis/store/gateway",
                "/deis/store/gateway/accessKey",
                "/deis/store/gateway/secretKey",
                "/deis/store/gateway/helloWorld",
                "/deis/store/unknown",
                "/deis/store",
                "/deis/database/initId",
                "/_coreos.com/fleet/job/x/object",
                "/coreos.com/network/config",
                "/registry/x",
                "/deis",
                "/deisx/router/bodySize",
                "deis/router/bodySize",
                "/deis/router/../store/fsid",
                "/deis//store/fsid",
                "/deis/./store/fsid",
                "/deis/router/",
                "",
            ],
        ),
        (
            Class::Discovery,
            &[
                "/deis/store/gateway/host",
                "/deis/store/gateway/port",
                "/deis/store/gateway/masterLock",
                "/deis/store/gateway/hosts/10.0.0.1/host",
                "/deis/store/gateway/hosts/10.0.0.1/port",
                "/deis/database/host",
                "/deis/database/port",
                "/deis/registry/host",
                "/deis/registry/port",
                "/deis/registry/masterLock",
                "/deis/registry/hosts/10.0.0.1/host",
                "/deis/controller/host",
                "/deis/controller/port",
                "/deis/builder/host",
                "/deis/router/hosts/10.0.0.1/host",
                "/deis/services/app/app_v2.web.1",
                "/deis/scheduler/swarm/host",
                "/deis/logs/host",
                "/deis/logs/port",
                "/deis/cache/host",
                "/deis/cache/port",
            ],
        ),
        (
            Class::Derived,
            &[
                "/deis/builder/users/alice/0a1b",
                "/deis/services/app",
                "/deis/domains/www.example.com",
                "/deis/certs/example.com/cert",
                "/deis/certs/example.com/key",
                "/deis/config/app/database_url",
                "/deis/config/app/image",
            ],
        ),
        (
            Class::Secret,
            &[
                "/deis/database/password",
                "/deis/database/adminPass",
                "/deis/controller/secretKey",
                "/deis/controller/builderKey",
            ],
        ),
        (
            Class::Operator,
            &[
                "/deis/store/size",
                "/deis/store/minSize",
                "/deis/store/pgNum",
                "/deis/store/delayStart",
                "/deis/store/maxPGsPerOSDWarning",
                "/deis/store/gateway/image",
                "/deis/store/monitor/image",
                "/deis/database/bucketName",
                "/deis/database/name",
                "/deis/database/user",
                "/deis/database/adminUser",
                "/deis/database/engine",
                "/deis/registry/bucketName",
                "/deis/registry/protocol",
                "/deis/registry/s3accessKey",
                "/deis/registry/s3secretKey",
                "/deis/registry/s3bucket",
                "/deis/registry/s3region",
                "/deis/registry/s3path",
                "/deis/registry/s3encrypt",
                "/deis/registry/s3secure",
                "/deis/registry/swiftAuthURL",
                "/deis/registry/smtpHost",
                "/deis/controller/registrationMode",
                "/deis/controller/webEnabled",
                "/deis/controller/subdomain",
                "/deis/controller/workers",
                "/deis/controller/unitHostname",
                "/deis/controller/protocol",
                "/deis/controller/schedulerOptions",
                "/deis/controller/auth/ldap/endpoint",
                "/deis/platform/domain",
                "/deis/platform/sshPrivateKey",
                "/deis/platform/version",
                "/deis/platform/enablePlacementOptions",
                "/deis/router/image",
                "/deis/router/bodySize",
                "/deis/router/defaultTimeout",
                "/deis/router/sslCert",
                "/deis/router/sslKey",
                "/deis/router/sslDhparam",
                "/deis/router/enforceHTTPS",
                "/deis/router/enforceWhitelist",
                "/deis/router/controller/whitelist",
                "/deis/router/proxyProtocol",
                "/deis/router/proxyRealIpCidr",
                "/deis/router/firewall/enabled",
                "/deis/router/hsts/maxAge",
                "/deis/router/gzip",
                "/deis/router/affinityArg",
                "/deis/router/notYetInvented",
                "/deis/logs/drain",
                "/deis/logs/storageAdapterType",
                "/deis/cache/image",
            ],
        ),
    ];

    #[test]
    fn every_key_has_its_class() {
        for (expected, keys) in TABLE {
            for key in *keys {
                assert_eq!(class(key), *expected, "{key}");
            }
        }
    }
}
