//! The operator's configuration of a cluster: its keys, its file, and the plan to set it on another cluster. Pure.
//!
//! `config.json` is untrusted when it is read back: a key that is not the operator's is refused, and the error names
//! it. No message and no `Debug` shows a value.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Read as _};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::key_class::{Class, class};
use super::known_keys::is_known;
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

/// The release that images are taken from. A target that does not have it takes the one that its machines were made with, and
/// another one's would give it the images of another release.
const RELEASE: &str = "/deis/platform/version";

/// The keys that the operator has set, with their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Configuration {
    keys: BTreeMap<String, Value>,
    /// The keys that etcd's JSON cannot carry: their bytes, or those of their names, are not UTF-8, and etcd gives U+FFFD for
    /// each one that is not.
    mangled: BTreeSet<String>,
}

impl Configuration {
    /// The configuration in a tree: the keys of class [`Class::Operator`] that do not expire. (deisctl never sets an
    /// expiring key; components that publish their addresses do.)
    #[must_use]
    pub(crate) fn from_tree(tree: &Node) -> Self {
        let mut configuration = Self::default();
        let operators =
            tree.leaves().filter(|(node, _)| class(&node.key) == Class::Operator && node.ttl.is_none());
        for (node, value) in operators {
            if value.is_mangled() || is_mangled(&node.key) {
                configuration.mangled.insert(node.key.clone());
            } else {
                configuration.keys.insert(node.key.clone(), value.clone());
            }
        }
        configuration
    }

    /// Whether it has no key, also none that could not be read.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.mangled.is_empty()
    }

    /// The keys that could not be read as they are; or, of a file, those that may be such.
    pub(crate) fn mangled(&self) -> impl ExactSizeIterator<Item = &str> {
        self.mangled.iter().map(String::as_str)
    }

    /// The keys, sorted.
    #[cfg(any(feature = "gateway", test))]
    pub(crate) fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// The keys that a cluster gets which has none of them, and for which nobody names a key.
    #[cfg(feature = "gateway")]
    pub(crate) fn carried(&self) -> impl Iterator<Item = &str> {
        self.keys().filter(|key| *key != RELEASE && is_known(key))
    }

    /// The value of a key, which may be a secret.
    #[must_use]
    #[cfg(feature = "gateway")]
    pub(crate) fn value(&self, key: &str) -> Option<&Value> {
        self.keys.get(key)
    }

    /// Whether it has a key, also one that could not be read.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key) || self.mangled.contains(key)
    }

    /// The keys with their values, which may be secrets, sorted.
    pub(crate) fn values(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.keys.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The text of a key, which may be a secret.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.keys.get(key).map(Value::expose)
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

    /// Reads `config.json`, which has so many bytes, to be carried to another cluster.
    pub(crate) fn read(file: impl io::Read, size_bytes: u64) -> Result<Self> {
        // A configuration is small; anything longer is not one.
        const MOST_BYTES: u64 = 64 << 20;
        let most_bytes = size_bytes.min(MOST_BYTES);
        // Of a length that it never outgrows: a vector that grows leaves its old bytes behind.
        let mut json =
            Zeroizing::new(Vec::with_capacity(usize::try_from(most_bytes).unwrap_or_default() + 1));
        file.take(MOST_BYTES)
            .read_to_end(&mut json)
            .map_err(|error| Error::new(ErrorKind::Disk, "cannot read config.json").because(error))?;
        Self::parse(&json)
    }

    /// The configuration in the bytes of `config.json`, to be carried to another cluster.
    pub(crate) fn parse(json: &[u8]) -> Result<Self> {
        let configuration = Self::parse_any(json)?;
        if let Some(key) = configuration.keys.keys().find(|key| class(key) != Class::Operator) {
            let error = Error::new(ErrorKind::Guard, "a key that must not be carried to another cluster");
            return Err(error
                .at(At::Key, key)
                .todo("remove the key from config.json if you trust the rest of it"));
        }
        Ok(configuration)
    }

    /// The same to be looked at only: a key may be anybody's.
    pub(crate) fn parse_any(json: &[u8]) -> Result<Self> {
        // Only the place of the mistake is told, since serde_json's message may echo a value.
        let read: Read = serde_json::from_slice(json).map_err(|error| {
            let what = "the configuration cannot be parsed";
            Error::new(ErrorKind::Damaged, what).at(At::Line, error.line()).at(At::Column, error.column())
        })?;
        if read.format != FORMAT {
            let error = Error::new(ErrorKind::Format, format!("format {} of the configuration", read.format));
            return Err(error.todo("use a newer version of this program"));
        }
        let keys: BTreeMap<String, Value> =
            read.keys.into_iter().map(|(key, value)| (key, Value::new(value))).collect();
        let mangled = keys.iter().filter(|(key, value)| value.is_mangled() || is_mangled(key));
        Ok(Self { mangled: mangled.map(|(key, _)| key.clone()).collect(), keys })
    }
}

/// The changes that give a cluster a configuration. `Display` names keys and shows no value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// The keys to set: those that are absent or different on the target.
    pub(crate) set: Vec<(String, Value)>,
    /// Those of them that have another value on the target, which is lost.
    pub(crate) replaced: Vec<String>,
    /// The keys that already have their values.
    pub(crate) unchanged: Vec<String>,
    /// The keys that differ, but whose value the target keeps.
    pub(crate) kept: Vec<String>,
    /// The keys that no release of Deis reads and nobody has named: they are not set.
    pub(crate) unknown: Vec<String>,
    /// The keys that cannot be set, each with the key of the target that stands in its way.
    pub(super) blocked: Vec<(String, String)>,
}

impl Plan {
    /// The same, of the keys below this one alone.
    pub(crate) fn only_below(&mut self, directory: &str) {
        self.set.retain(|(key, _)| key.starts_with(directory));
        self.replaced.retain(|key| key.starts_with(directory));
        self.unchanged.retain(|key| key.starts_with(directory));
        self.kept.retain(|key| key.starts_with(directory));
        self.unknown.retain(|key| key.starts_with(directory));
        self.blocked.retain(|(key, _)| key.starts_with(directory));
    }

    /// An error for each key that cannot be set.
    pub(crate) fn blocked(&self) -> impl Iterator<Item = Error> {
        self.blocked.iter().map(|(key, by)| {
            let what = if key == by {
                "etcd has a directory where this key is to be set".to_owned()
            } else {
                format!("etcd has a value at {by}, where a directory for this key should be")
            };
            let todo = format!("look at {by} in the target's etcd, and remove it if nothing needs it");
            Error::new(ErrorKind::Occupied, what).at(At::Key, key).todo(todo)
        })
    }
}

/// Compares a configuration with the target's own tree. A key that no release of Deis reads is set if it is named.
#[must_use]
pub(crate) fn plan(configuration: &Configuration, current: &Node, named: &BTreeSet<String>) -> Plan {
    let mut plan = Plan::default();
    for (key, value) in &configuration.keys {
        if !is_known(key) && !named.contains(key) && current.text(key) != Some(value.expose()) {
            plan.unknown.push(key.clone());
            continue;
        }
        if let Some(by) = in_the_way(key, current) {
            plan.blocked.push((key.clone(), by.to_owned()));
            continue;
        }
        match current.text(key) {
            Some(own) if own == value.expose() => plan.unchanged.push(key.clone()),
            Some(_) if KEPT.contains(&key.as_str()) => plan.kept.push(key.clone()),
            None if key == RELEASE => plan.kept.push(key.clone()),
            own => {
                if own.is_some() {
                    plan.replaced.push(key.clone());
                }
                plan.set.push((key.clone(), value.clone()));
            }
        }
    }
    plan
}

/// The key itself, where the target has a directory, or one above it that has a value.
fn in_the_way<'k>(key: &'k str, current: &Node) -> Option<&'k str> {
    if current.find(key).is_some_and(|node| node.directory) {
        return Some(key);
    }
    let mut above = key.match_indices('/').skip(1).map(|(at, _)| &key[..at]);
    above.find(|above| current.text(above).is_some())
}

/// Whether a text from etcd's JSON may be one that was not UTF-8.
fn is_mangled(text: &str) -> bool {
    text.contains(char::REPLACEMENT_CHARACTER)
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, _) in &self.set {
            if self.replaced.contains(key) {
                writeln!(f, "replace {key} (the target has another value)")?;
            } else {
                writeln!(f, "set {key}")?;
            }
        }
        for key in &self.kept {
            writeln!(f, "keep {key} (the target has its own)")?;
        }
        for key in &self.unknown {
            writeln!(f, "leave out {key} (no release of Deis reads it)")?;
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
        let plan = plan(&wanted, &current, &BTreeSet::new());
        let set: Vec<_> = plan.set.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(set, ["/deis/logs/drain", "/deis/router/bodySize"]);
        assert_eq!(plan.replaced, ["/deis/router/bodySize"], "its value on the target is lost");
        assert_eq!(plan.unchanged, ["/deis/router/gzip"]);
        assert_eq!(plan.kept, ["/deis/platform/domain", "/deis/platform/version"]);
        assert!(!format!("{plan} {plan:?} {wanted:?}").contains("SECRET"));
    }

    #[test]
    fn a_key_that_no_release_reads_is_kept_in_the_file_and_set_only_if_it_is_named() {
        let keys = [
            ("/deis/router/bodySize", "1m"),
            ("/deis/router/notYetInvented", "SECRET"),
            ("/deis/monitoring/interval", "SECRET"),
            ("/deis/router/there/already", "x"),
            ("/deis/router/there/other", "SECRET"),
        ];
        let wanted = Configuration::from_tree(&tree(&keys));
        let wanted = Configuration::parse(&wanted.to_json().unwrap()).unwrap();
        assert!(wanted.has("/deis/monitoring/interval") && !wanted.has("/deis/monitoring"));
        let current = tree(&[("/deis/router/there/already", "x"), ("/deis/router/there/other", "y")]);
        let set = |plan: &Plan| plan.set.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
        let nobody = plan(&wanted, &current, &BTreeSet::new());
        assert_eq!(set(&nobody), ["/deis/router/bodySize"]);
        assert_eq!(nobody.unchanged, ["/deis/router/there/already"]);
        let unknown =
            ["/deis/monitoring/interval", "/deis/router/notYetInvented", "/deis/router/there/other"];
        assert_eq!(nobody.unknown, unknown);
        assert!(!format!("{nobody} {nobody:?}").contains("SECRET"));
        let named = BTreeSet::from(["/deis/router/notYetInvented".to_owned()]);
        let named = plan(&wanted, &current, &named);
        assert_eq!(set(&named), ["/deis/router/bodySize", "/deis/router/notYetInvented"]);
        assert_eq!(named.unknown, [unknown[0], unknown[2]]);
    }

    #[test]
    fn a_key_that_is_not_set_stands_in_nobodys_way() {
        let wanted = Configuration::from_tree(&tree(&[("/deis/router/own/x", "1")]));
        let current = tree(&[("/deis/router/own", "on")]);
        assert_eq!(plan(&wanted, &current, &BTreeSet::new()).blocked().count(), 0);
        let named = BTreeSet::from(["/deis/router/own/x".to_owned()]);
        assert_eq!(plan(&wanted, &current, &named).blocked().count(), 1);
    }

    #[test]
    fn what_stands_where_a_key_is_to_be_set_is_found_before_any_is_set() {
        let wanted = Configuration::from_tree(&tree(&[
            ("/deis/platform/domain", "example.com"),
            ("/deis/router/gzip", "on"),
            ("/deis/router/hsts/maxAge", "1"),
        ]));
        let mut current = tree(&[("/deis/router/hsts", "on")]);
        current.nodes.push(Node::directory("/deis/router/gzip"));
        current.nodes.push(Node::directory("/deis/platform/domain"));
        let plan = plan(&wanted, &current, &BTreeSet::new());
        assert!(plan.set.is_empty() && plan.kept.is_empty());
        let blocked: Vec<String> = plan.blocked().map(|error| error.to_string()).collect();
        assert_eq!(blocked.len(), 3, "{blocked:?}");
        assert!(blocked[0].contains("/deis/platform/domain") && blocked[1].contains("/deis/router/gzip"));
        assert!(blocked[2].contains("a value at /deis/router/hsts,"), "{blocked:?}");
    }

    #[test]
    fn a_value_that_etcds_json_has_mangled_is_named_and_not_taken() {
        let configuration = Configuration::from_tree(&tree(&[
            ("/deis/router/bodySize", "1m"),
            ("/deis/router/sslKey", "SECRET\u{fffd}"),
            ("/deis/router/\u{fffd}", "x"),
        ]));
        assert_eq!(configuration.keys().collect::<Vec<_>>(), ["/deis/router/bodySize"]);
        let mangled: Vec<_> = configuration.mangled().collect();
        assert_eq!(mangled, ["/deis/router/sslKey", "/deis/router/\u{fffd}"]);
        let old = r#"{"format":1,"keys":{"/deis/router/sslKey":"\ufffd"}}"#;
        assert_eq!(Configuration::parse(old.as_bytes()).unwrap().mangled().len(), 1);
    }
}
