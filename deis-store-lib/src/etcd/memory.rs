//! An etcd in memory, for rehearsals and tests. It stores only values; the directories follow from their keys. It
//! keeps no TTL.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use ::http::{Method, Request, Response};
use bytes::Bytes;
use futures_util::stream;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

#[cfg(feature = "gateway")]
use super::Node;
use crate::http::{Body, BoxFuture, Endpoint, HttpSend, Received, SendError, Stage};

/// An etcd in memory. It answers the calls that [`super::Etcd`] makes.
#[derive(Default)]
pub(crate) struct Memory(Mutex<Keys>);

type Keys = BTreeMap<String, String>;

impl Memory {
    /// An etcd with all values of a tree.
    #[cfg(feature = "gateway")]
    #[must_use]
    pub(crate) fn of(tree: &Node) -> Self {
        let keys = tree.leaves().map(|(node, value)| (node.key.clone(), value.expose().to_owned()));
        Self(Mutex::new(keys.collect()))
    }

    /// An etcd with these keys and values.
    #[cfg(test)]
    pub(crate) fn with(keys: &[(&str, &str)]) -> std::sync::Arc<Self> {
        let keys = keys.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        std::sync::Arc::new(Self(Mutex::new(keys.collect())))
    }

    /// The value of a key.
    #[must_use]
    pub(crate) fn value(&self, key: &str) -> Option<String> {
        self.keys().get(key).cloned()
    }

    /// The number of keys.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.keys().len()
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        // A poisoned lock is harmless: every change is one insertion or one removal, so none is ever half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &Request<Body>) -> (u16, Value) {
        let path = percent_decode_str(request.uri().path()).decode_utf8_lossy().into_owned();
        let key = path.strip_prefix("/v2/keys").unwrap_or(&path).to_owned();
        let mut keys = self.keys();
        let below = keys.keys().any(|other| other.starts_with(&format!("{key}/")));
        match (request.method(), request.body()) {
            (&Method::GET, _) if below => (200, json!({ "action": "get", "node": tree(&key, &keys) })),
            (&Method::DELETE, _) if below && request.uri().query() == Some("recursive=true") => {
                keys.retain(|other, _| !other.starts_with(&format!("{key}/")));
                (200, json!({ "action": "delete", "node": { "key": key, "dir": true } }))
            }
            _ if below => error(403, 102, &key),
            (&Method::PUT, _)
                if request.uri().query() == Some("prevExist=false") && keys.contains_key(&key) =>
            {
                error(412, 105, &key)
            }
            (&Method::PUT, Body::Bytes(form)) => {
                let form = String::from_utf8_lossy(form);
                let value = form.split('&').find_map(|pair| pair.strip_prefix("value=")).unwrap_or_default();
                let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
                keys.insert(key.clone(), value.clone());
                let action = if request.uri().query().is_some() { "create" } else { "set" };
                (201, json!({ "action": action, "node": { "key": key, "value": value } }))
            }
            _ if !keys.contains_key(&key) => error(404, 100, &key),
            (&Method::DELETE, _) => {
                keys.remove(&key);
                (200, json!({ "action": "delete", "node": { "key": key } }))
            }
            _ => (200, json!({ "action": "get", "node": { "key": key, "value": keys.get(&key) } })),
        }
    }
}

fn error(status: u16, code: u16, key: &str) -> (u16, Value) {
    (status, json!({ "errorCode": code, "message": "", "cause": key }))
}

fn tree(key: &str, keys: &Keys) -> Value {
    let prefix = format!("{key}/");
    let below = keys.keys().filter_map(|other| other.strip_prefix(&prefix));
    let mut members: Vec<String> =
        below.map(|rest| prefix.clone() + rest.split('/').next().unwrap_or(rest)).collect();
    members.dedup();
    let node = |member: &String| match keys.get(member) {
        Some(value) => json!({ "key": member, "value": value }),
        None => tree(member, keys),
    };
    json!({ "key": key, "dir": true, "nodes": members.iter().map(node).collect::<Vec<_>>() })
}

impl HttpSend for Memory {
    fn send(&self, request: Request<Body>) -> BoxFuture<'_, Result<Response<Received>, SendError>> {
        let (status, body) = self.answer(&request);
        let frames = stream::iter([Ok(Bytes::from(body.to_string()))]);
        let response = Response::builder().status(status).body(Received::new(Box::pin(frames)));
        Box::pin(async move { response.map_err(|error| SendError::new(Stage::Unfaithful, error)) })
    }

    fn endpoint(&self) -> &Endpoint {
        static MEMORY: LazyLock<Endpoint> = LazyLock::new(|| Endpoint::within("memory:4001"));
        &MEMORY
    }
}

/// Shows the number of keys alone, since values may be secrets.
impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("keys", &self.len()).finish_non_exhaustive()
    }
}
