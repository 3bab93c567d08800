//! A node of etcd's tree, and its parser. Pure.
//!
//! A value may be a secret, so no `Debug` here shows one.

use std::collections::HashSet;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use crate::error::{At, Error, ErrorKind, Result};

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

    /// A tree of whole keys below a directory.
    #[cfg(test)]
    pub(crate) fn of_keys(root: &str, keys: &[(&str, &str)]) -> Self {
        let mut tree = Self::directory(root);
        for (key, value) in keys {
            let mut node = &mut tree;
            for (at, _) in key.match_indices('/').filter(|(at, _)| *at > root.len()) {
                let known = node.nodes.iter().position(|node| node.key == key[..at]);
                let index = known.unwrap_or_else(|| {
                    node.nodes.push(Self::directory(&key[..at]));
                    node.nodes.len() - 1
                });
                node = &mut node.nodes[index];
            }
            node.nodes.push(Self { key: (*key).into(), value: Some(Value::new(*value)), ..Self::default() });
        }
        tree
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

    /// The node in an answer of the v2 keys API to an action on a key. Half an answer is an error: another key's node, a key
    /// without a value, a member that is not its directory's.
    pub(super) fn parse(answer: &[u8], action: Action, key: &str) -> Result<Self> {
        // serde_json's message is left out. It names a line, a column and at worst a type, so it cannot show our
        // values, which are all strings. But it could echo the page of a proxy.
        let answer: Answer = serde_json::from_slice(answer).map_err(|_| {
            Error::new(ErrorKind::Protocol, "the answer does not come from etcd's v2 API")
                .todo("check that the address is etcd's client address (on a Deis host: port 4001 or 2379)")
        })?;
        let node = Self::from(answer.node);
        if answer.action.is_some_and(|done| done != action.name()) {
            return Err(half("etcd's answer is one to something else than was asked"));
        }
        if node.key != normalised(key) {
            return Err(half("etcd's answer is one of another key"));
        }
        if action != Action::Delete {
            node.check()?;
        }
        Ok(node)
    }

    /// Whether it is a whole node, with all that is below it.
    fn check(&self) -> Result<()> {
        let mut waiting = vec![self];
        while let Some(node) = waiting.pop() {
            let at = |error: Error| error.at(At::Key, &node.key);
            let good = if node.directory {
                node.value.as_ref().is_none_or(|value| value.expose().is_empty())
            } else {
                node.value.is_some() && node.nodes.is_empty()
            };
            if !good {
                return Err(at(half(
                    "etcd's answer has neither a value nor a directory for this key, or both",
                )));
            }
            let mut names = HashSet::with_capacity(node.nodes.len());
            for member in &node.nodes {
                let name = member.key.strip_prefix(node.key.trim_end_matches('/'));
                let name = name.and_then(|name| name.strip_prefix('/'));
                if name.is_none_or(|name| name.is_empty() || name.contains('/') || !names.insert(name)) {
                    let what = "etcd's answer has a key twice, or one that is not of its directory";
                    return Err(half(what).at(At::Key, &member.key));
                }
            }
            waiting.extend(&node.nodes);
        }
        Ok(())
    }

    /// The directories, at or below this one, of which the answer has no member. etcd leaves out the members of empty ones
    /// alone, but something between us and it may do so with others.
    pub(super) fn without_members(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut waiting = vec![self];
        while let Some(node) = waiting.pop() {
            if node.directory && node.nodes.is_empty() {
                found.push(node.key.clone());
            }
            waiting.extend(node.nodes.iter().rev());
        }
        found
    }
}

/// What a request does with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Get,
    Set,
    Create,
    Delete,
}

impl Action {
    /// Its name in etcd's answers.
    fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set => "set",
            Self::Create => "create",
            Self::Delete => "delete",
        }
    }
}

/// The error of an answer that etcd does not give.
pub(super) fn half(what: &str) -> Error {
    Error::new(ErrorKind::Protocol, what)
        .todo("look at what stands between us and etcd, such as a proxy or a cache, and leave it out")
}

/// A key as etcd names it.
fn normalised(key: &str) -> String {
    let segments: Vec<&str> = key.split('/').filter(|segment| !segment.is_empty()).collect();
    format!("/{}", segments.join("/"))
}

#[derive(Deserialize)]
struct Answer {
    action: Option<String>,
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
    /// When it expires.
    expiration: Option<IgnoredAny>,
}

impl From<Raw> for Node {
    fn from(raw: Raw) -> Self {
        Self {
            key: if raw.key.is_empty() { "/".to_owned() } else { raw.key },
            value: raw.value.map(Value::new),
            directory: raw.dir,
            nodes: raw.nodes.into_iter().map(Self::from).collect(),
            // etcd answers 0 and below for a key about to vanish; or leaves it out, as it does for a key that stays.
            ttl: raw
                .ttl
                .or(raw.expiration.map(|_| 0))
                .map(|seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or(0))),
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

    fn parse(answer: &[u8], key: &str) -> Result<Node> {
        Node::parse(answer, Action::Get, key)
    }

    #[test]
    fn half_an_answer_is_an_error_and_never_a_smaller_tree() {
        for half in [
            "{}",
            r#"{"node":{}}"#,
            r#"{"node":null}"#,
            r#"{"action":"get","node":{"dir":true}}"#,
            r#"{"action":"get","node":{"key":"/other","dir":true}}"#,
            r#"{"action":"get","node":{"key":"/deis/x","dir":true}}"#,
            r#"{"action":"set","node":{"key":"/deis","dir":true}}"#,
            r#"{"action":"get","node":{"key":"/deis"}}"#,
            r#"{"action":"get","node":{"key":"/deis","value":null}}"#,
            r#"{"action":"get","node":{"key":"/deis","value":5}}"#,
            r#"{"action":"get","node":{"key":"/deis","value":"SECRET","dir":true}}"#,
            r#"{"action":"get","node":{"key":"/deis","value":"SECRET","nodes":[{"key":"/deis/a","value":""}]}}"#,
            r#"{"action":"get","node":{"key":"/deis","dir":true,"nodes":[{}]}}"#,
            r#"{"action":"get","node":{"key":"/deis","dir":true,"nodes":[{"key":"/deis/a"}]}}"#,
            r#"{"action":"get","node":{"key":"/deis","dir":true,"nodes":[{"key":"/deis/a","value":null}]}}"#,
            r#"{"action":"get","node":{"key":"/deis","dir":true,"nodes":[{"key":"/deis","value":"x"}]}}"#,
            r#"{"action":"get","node":{"key":"/deis","dir":true,"nodes":[{"key":"/deis/","value":"x"}]}}"#,
            r#"{"action":"get","node":{"key":"/deis","dir":true,"nodes":[{"key":"/deisx/a","value":"x"}]}}"#,
            r#"{"action":"get","node":{"key":"/deis","dir":true,"nodes":[{"key":"/deis/../a","value":"x"}]}}"#,
            r#"{"action":"get","node":{"key":"/deis","dir":true,"nodes":[{"key":"/deis/a/b","value":"x"}]}}"#,
            r#"{"node":{"key":"/deis","dir":true,"nodes":[{"key":"/deis/a","value":"1"},{"key":"/deis/a","value":"2"}]}}"#,
        ] {
            let error = parse(half.as_bytes(), "/deis").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{half}");
            assert!(!format!("{error:?}").contains("SECRET") && error.advice().is_some(), "{error:?}");
        }
        let good = br#"{"action":"get","node":{"key":"/deis","dir":true}}"#;
        assert_eq!(parse(good, "deis//").unwrap().without_members(), ["/deis"]);
        let gone = br#"{"action":"delete","node":{"key":"/deis/x","modifiedIndex":9},"prevNode":{"key":"/deis/x","value":"x"}}"#;
        assert!(Node::parse(gone, Action::Delete, "/deis/x").is_ok());
        assert!(Node::parse(gone, Action::Delete, "/deis/y").is_err());
    }

    #[test]
    fn a_tree_is_read_with_values_directories_and_ttl() {
        let tree = parse(TREE, "/deis").unwrap();
        assert_eq!(tree.text("/deis/router/bodySize"), Some("1m"));
        assert_eq!(tree.text("/deis/router"), None);
        assert_eq!(tree.text("/deis/nope"), None);
        assert_eq!(tree.find("/deis/store/host").unwrap().ttl, Some(Duration::from_secs(19)));
        let keys: Vec<_> = tree.leaves().map(|(node, _)| node.key.as_str()).collect();
        assert_eq!(keys, ["/deis/router/bodySize", "/deis/routerx", "/deis/store/host"]);
    }

    #[test]
    fn a_key_that_has_expired_and_is_not_removed_yet_is_none_that_stays() {
        let expired = br#"{"node":{"key":"/deis/x","value":"1","expiration":"2026-11-22T00:00:00Z"}}"#;
        assert_eq!(parse(expired, "/deis/x").unwrap().ttl, Some(Duration::ZERO));
        assert_eq!(parse(br#"{"node":{"key":"/deis/x","value":"1"}}"#, "/deis/x").unwrap().ttl, None);
    }

    #[test]
    fn a_root_has_no_key_in_etcds_answer() {
        let tree = parse(br#"{"action":"get","node":{"dir":true,"nodes":[{"key":"/a","value":""}]}}"#, "/");
        assert_eq!(tree.unwrap().text("/a"), Some(""));
    }

    #[test]
    fn debug_shows_no_value() {
        let shown = format!("{:?}", parse(TREE, "/deis").unwrap());
        assert!(
            shown.contains("/deis/router/bodySize") && !shown.contains("1m") && !shown.contains("10.0.0.1")
        );
    }

    #[test]
    fn a_page_of_something_else_is_a_protocol_error_that_does_not_echo_it() {
        let error = parse(b"<html>SECRET</html>", "/deis").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(!format!("{error:?} {}", error.what()).contains("SECRET"));
    }
}
