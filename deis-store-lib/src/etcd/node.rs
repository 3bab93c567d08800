//! A node of etcd's tree, and its parser. Pure.
//!
//! A value may be a secret, so no `Debug` here shows one.

use std::time::Duration;

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};

/// A value from etcd. It is neither printed nor serialised by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Value(Zeroizing<String>);

impl Value {
    /// A value with this text.
    #[must_use]
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The value's text, which may be a secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it may be bytes that are not UTF-8: etcd's JSON has U+FFFD in the place of each one that is not.
    pub(crate) fn is_mangled(&self) -> bool {
        self.0.contains(char::REPLACEMENT_CHARACTER)
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Value(..)")
    }
}

/// A key with its value, or a directory with its members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Node {
    /// The whole key, `/deis/router/bodySize`; `/` for the root.
    pub(crate) key: String,
    /// The value; none for a directory.
    pub(crate) value: Option<Value>,
    /// Whether the node is a directory.
    pub(crate) directory: bool,
    /// The members of the directory, as far as the request asked for them. etcd hides keys that begin with `_`.
    pub(crate) nodes: Vec<Node>,
    /// The time until etcd removes the node; none if it stays for ever.
    pub(crate) ttl: Option<Duration>,
}

impl Node {
    /// An empty directory.
    #[must_use]
    pub(crate) fn directory(key: impl Into<String>) -> Self {
        Self { key: key.into(), directory: true, ..Self::default() }
    }

    /// The node of a whole key, if it is this node or below it.
    #[must_use]
    pub(crate) fn find(&self, key: &str) -> Option<&Node> {
        if self.key == key {
            return Some(self);
        }
        let below = |node: &&Node| {
            key.strip_prefix(node.key.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.nodes.iter().find(below)?.find(key)
    }

    /// The text of a whole key, which may be a secret; `None` for a directory or a key that is not there.
    #[must_use]
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.find(key)?.value.as_ref().map(Value::expose)
    }

    /// All nodes with a value, at or below this one.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = (&Node, &Value)> {
        let mut waiting = vec![self];
        std::iter::from_fn(move || {
            loop {
                let node = waiting.pop()?;
                waiting.extend(node.nodes.iter().rev());
                if let Some(value) = &node.value {
                    return Some((node, value));
                }
            }
        })
    }

    /// The node in an answer of the v2 keys API.
    pub(crate) fn parse(answer: &[u8]) -> Result<Self> {
        // serde_json's message is left out. It names a line, a column and at worst a type, so it cannot show our
        // values, which are all strings. But it could echo the page of a proxy.
        let answer: Answer = serde_json::from_slice(answer).map_err(|_| {
            Error::new(ErrorKind::Protocol, "the answer does not come from etcd's v2 API")
                .todo("check that the address is etcd's client address (on a Deis host: port 4001 or 2379)")
        })?;
        Ok(answer.node.into())
    }
}

#[derive(Deserialize)]
struct Answer {
    node: Raw,
}

#[derive(Deserialize)]
struct Raw {
    /// The whole key; etcd leaves it out for the root.
    #[serde(default)]
    key: String,
    value: Option<String>,
    #[serde(default)]
    dir: bool,
    #[serde(default)]
    nodes: Vec<Raw>,
    ttl: Option<i64>,
}

impl From<Raw> for Node {
    fn from(raw: Raw) -> Self {
        Self {
            key: if raw.key.is_empty() { "/".to_owned() } else { raw.key },
            value: raw.value.map(Value::new).filter(|_| !raw.dir),
            directory: raw.dir,
            nodes: raw.nodes.into_iter().map(Self::from).collect(),
            // etcd answers 0 and below for a key about to vanish.
            ttl: raw.ttl.map(|seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or(0))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &[u8] = br#"{"action":"get","node":{"key":"/deis","dir":true,"nodes":[
        {"key":"/deis/router","dir":true,"nodes":[{"key":"/deis/router/bodySize","value":"1m","modifiedIndex":4,"createdIndex":4}]},
        {"key":"/deis/routerx","value":"no"},
        {"key":"/deis/store","dir":true,"nodes":[{"key":"/deis/store/host","value":"10.0.0.1","expiration":"2026-11-22T00:00:00Z","ttl":19}]}]}}"#;

    #[test]
    fn a_tree_is_read_with_values_directories_and_ttl() {
        let tree = Node::parse(TREE).unwrap();
        assert_eq!(tree.text("/deis/router/bodySize"), Some("1m"));
        assert_eq!(tree.text("/deis/router"), None);
        assert_eq!(tree.text("/deis/nope"), None);
        assert_eq!(tree.find("/deis/store/host").unwrap().ttl, Some(Duration::from_secs(19)));
        let keys: Vec<_> = tree.leaves().map(|(node, _)| node.key.as_str()).collect();
        assert_eq!(keys, ["/deis/router/bodySize", "/deis/routerx", "/deis/store/host"]);
    }

    #[test]
    fn a_root_has_no_key_in_etcds_answer() {
        let tree = Node::parse(br#"{"action":"get","node":{"dir":true,"nodes":[{"key":"/a","value":""}]}}"#);
        assert_eq!(tree.unwrap().text("/a"), Some(""));
    }

    #[test]
    fn debug_shows_no_value() {
        let shown = format!("{:?}", Node::parse(TREE).unwrap());
        assert!(
            shown.contains("/deis/router/bodySize") && !shown.contains("1m") && !shown.contains("10.0.0.1")
        );
    }

    #[test]
    fn a_page_of_something_else_is_a_protocol_error_that_does_not_echo_it() {
        let error = Node::parse(b"<html>SECRET</html>").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(!format!("{error:?} {}", error.what()).contains("SECRET"));
    }
}
