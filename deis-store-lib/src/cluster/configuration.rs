//! The operator's configuration of a cluster: its keys, its file, and the plan to set it on another cluster. Pure.
//!
//! `config.json` is untrusted when it is read back: a key that is not the operator's is refused, and the error names
//! it. No message and no `Debug` shows a value.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::key_class::{Class, class};
use crate::error::{At, Error, ErrorKind, Result};
use crate::etcd::{Node, Value};

const FORMAT: u64 = 1;

/// The keys that name the platform itself. A target that has them keeps its own values.
const KEPT: [&str; 4] = [
    "/deis/platform/domain",
    "/deis/platform/version",
    "/deis/platform/sshPrivateKey",
    "/deis/platform/enablePlacementOptions",
];

/// The keys that the operator has set, with their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Configuration {
    keys: BTreeMap<String, Value>,
}

impl Configuration {
    /// The configuration in a tree: the keys of class [`Class::Operator`] that do not expire. (deisctl never sets an
    /// expiring key; components that publish their addresses do.)
    #[must_use]
    pub(crate) fn from_tree(tree: &Node) -> Self {
        let operators =
            tree.leaves().filter(|(node, _)| class(&node.key) == Class::Operator && node.ttl.is_none());
        Self { keys: operators.map(|(node, value)| (node.key.clone(), value.clone())).collect() }
    }

    /// The keys, sorted.
    #[cfg(any(feature = "gateway", test))]
    pub(crate) fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// The value of a key, which may be a secret.
    #[must_use]
    #[cfg(feature = "gateway")]
    pub(crate) fn value(&self, key: &str) -> Option<&Value> {
        self.keys.get(key)
    }

    /// The bytes of `config.json`, secrets included.
    pub(crate) fn to_json(&self) -> Result<Zeroizing<Vec<u8>>> {
        let keys = self.keys.iter().map(|(key, value)| (key.as_str(), value.expose())).collect();
        let written = serde_json::to_vec_pretty(&Written { format: FORMAT, keys });
        let mut json = Zeroizing::new(written.map_err(|error| {
            Error::new(ErrorKind::Internal, "cannot write the configuration").because(error)
        })?);
        json.push(b'\n');
        Ok(json)
    }

    /// The configuration in the bytes of `config.json`.
    pub(crate) fn parse(json: &[u8]) -> Result<Self> {
        // Only the place of the mistake is told, since serde_json's message may echo a value.
        let read: Read = serde_json::from_slice(json).map_err(|error| {
            let what = "the configuration cannot be parsed";
            Error::new(ErrorKind::Damaged, what).at(At::Line, error.line()).at(At::Column, error.column())
        })?;
        if read.format != FORMAT {
            let error = Error::new(ErrorKind::Format, format!("format {} of the configuration", read.format));
            return Err(error.todo("use a newer version of this program"));
        }
        if let Some(key) = read.keys.keys().find(|key| class(key) != Class::Operator) {
            let error = Error::new(ErrorKind::Guard, "a key that must not be carried to another cluster");
            return Err(error
                .at(At::Key, key)
                .todo("remove the key from config.json if you trust the rest of it"));
        }
        Ok(Self { keys: read.keys.into_iter().map(|(key, value)| (key, Value::new(value))).collect() })
    }
}

/// The changes that give a cluster a configuration. `Display` names keys and shows no value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// The keys to set: those that are absent or different on the target.
    pub(crate) set: Vec<(String, Value)>,
    /// The keys that already have their values.
    pub(crate) unchanged: Vec<String>,
    /// The keys that differ, but whose value the target keeps.
    pub(crate) kept: Vec<String>,
}

/// Compares a configuration with the target's own tree.
#[must_use]
pub(crate) fn plan(configuration: &Configuration, current: &Node) -> Plan {
    let mut plan = Plan::default();
    for (key, value) in &configuration.keys {
        match current.text(key) {
            Some(own) if own == value.expose() => plan.unchanged.push(key.clone()),
            Some(_) if KEPT.contains(&key.as_str()) => plan.kept.push(key.clone()),
            _ => plan.set.push((key.clone(), value.clone())),
        }
    }
    plan
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, _) in &self.set {
            writeln!(f, "set {key}")?;
        }
        for key in &self.kept {
            writeln!(f, "keep {key} (the target has its own)")?;
        }
        writeln!(f, "{} unchanged", self.unchanged.len())
    }
}

#[derive(Serialize)]
struct Written<'a> {
    format: u64,
    keys: BTreeMap<&'a str, &'a str>,
}

#[derive(Deserialize)]
struct Read {
    format: u64,
    keys: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(keys: &[(&str, &str)]) -> Node {
        let mut tree = Node::directory("/deis");
        for (key, value) in keys {
            tree.nodes.push(Node {
                key: (*key).to_owned(),
                value: Some(Value::new(*value)),
                ..Node::default()
            });
        }
        tree
    }

    #[test]
    fn only_keys_of_the_operator_that_do_not_expire_are_taken() {
        let mut tree = tree(&[
            ("/deis/router/bodySize", "1m"),
            ("/deis/store/fsid", "x"),
            ("/deis/controller/secretKey", "SECRET"),
            ("/deis/router/published", "10.0.0.1"),
        ]);
        tree.nodes[3].ttl = Some(std::time::Duration::from_secs(20));
        assert_eq!(Configuration::from_tree(&tree).keys().collect::<Vec<_>>(), ["/deis/router/bodySize"]);
    }

    #[test]
    fn the_file_is_stable_and_comes_back() {
        let tree = tree(&[("/deis/router/bodySize", "1m"), ("/deis/platform/domain", "a\n\"b\"")]);
        let configuration = Configuration::from_tree(&tree);
        let json = configuration.to_json().unwrap();
        let expected = "{\n  \"format\": 1,\n  \"keys\": {\n    \"/deis/platform/domain\": \"a\\n\\\"b\\\"\",\n    \
                        \"/deis/router/bodySize\": \"1m\"\n  }\n}\n";
        assert_eq!(String::from_utf8_lossy(&json), expected);
        assert_eq!(Configuration::parse(&json).unwrap(), configuration);
    }

    #[test]
    fn a_file_with_a_key_of_another_class_is_refused_by_name() {
        for key in ["/deis/store/fsid", "/deis/router/../store/fsid", "/_coreos.com/fleet/x"] {
            let json = format!(r#"{{"format":1,"keys":{{"/deis/router/bodySize":"1m","{key}":"SECRET"}}}}"#);
            let error = Configuration::parse(json.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Guard);
            assert!(error.to_string().contains(key) && !error.to_string().contains("SECRET"), "{error}");
        }
    }

    #[test]
    fn a_damaged_or_newer_file_is_refused_without_showing_it() {
        let error = Configuration::parse(br#"{"format":1,"keys":"SECRET"}"#).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert!(!format!("{error:?} {}", error.what()).contains("SECRET"));
        assert_eq!(Configuration::parse(br#"{"format":2,"keys":{}}"#).unwrap_err().kind(), ErrorKind::Format);
    }

    #[test]
    fn absent_and_different_keys_are_set_and_the_platforms_own_are_kept() {
        let wanted = Configuration::from_tree(&tree(&[
            ("/deis/platform/domain", "old.example.com"),
            ("/deis/platform/version", "v1.13.4"),
            ("/deis/router/bodySize", "100m"),
            ("/deis/router/gzip", "on"),
            ("/deis/logs/drain", "SECRET"),
        ]));
        let current = tree(&[
            ("/deis/platform/domain", "new.example.com"),
            ("/deis/router/bodySize", "1m"),
            ("/deis/router/gzip", "on"),
        ]);
        let plan = plan(&wanted, &current);
        let set: Vec<_> = plan.set.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(set, ["/deis/logs/drain", "/deis/platform/version", "/deis/router/bodySize"]);
        assert_eq!(plan.unchanged, ["/deis/router/gzip"]);
        assert_eq!(plan.kept, ["/deis/platform/domain"]);
        assert!(!format!("{plan} {plan:?} {wanted:?}").contains("SECRET"));
    }
}
