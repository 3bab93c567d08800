//! Test doubles for etcd: a small one that keeps keys, and one that plays scripted answers.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use ::http::{Method, Request, Response};
use bytes::Bytes;
use futures_util::stream;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::http::{Body, BoxFuture, HttpSend, Received, SendError};

/// An etcd in memory: values only, directories are what lies above them.
#[derive(Debug, Default)]
pub(crate) struct Fake(pub(crate) Mutex<BTreeMap<String, String>>);

impl Fake {
    pub(crate) fn with(keys: &[(&str, &str)]) -> Arc<Self> {
        let keys = keys.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Arc::new(Self(Mutex::new(keys)))
    }

    pub(crate) fn value(&self, key: &str) -> Option<String> {
        self.0.lock().unwrap().get(key).cloned()
    }

    fn answer(&self, request: &Request<Body>) -> (u16, Value) {
        let key = percent_decode_str(request.uri().path()).decode_utf8().unwrap().into_owned();
        let key = key.strip_prefix("/v2/keys").unwrap().to_owned();
        let mut keys = self.0.lock().unwrap();
        let below = keys.keys().any(|other| other.starts_with(&format!("{key}/")));
        let error = |status, code| (status, json!({"errorCode": code, "message": "", "cause": key}));
        match *request.method() {
            Method::GET if below => (200, json!({"action": "get", "node": tree(&key, &keys)})),
            _ if below => error(403, 102),
            Method::PUT => {
                let Body::Bytes(form) = request.body() else { panic!("a source") };
                let form = std::str::from_utf8(form).unwrap();
                let value = form.strip_prefix("value=").unwrap().split('&').next().unwrap();
                let value = percent_decode_str(value).decode_utf8().unwrap().into_owned();
                keys.insert(key.clone(), value.clone());
                (201, json!({"action": "set", "node": {"key": key, "value": value}}))
            }
            _ if !keys.contains_key(&key) => error(404, 100),
            Method::DELETE => {
                keys.remove(&key);
                (200, json!({"action": "delete", "node": {"key": key}}))
            }
            _ => (200, json!({"action": "get", "node": {"key": key, "value": keys[&key]}})),
        }
    }
}

fn tree(key: &str, keys: &BTreeMap<String, String>) -> Value {
    let prefix = format!("{key}/");
    let mut members: Vec<String> = keys
        .keys()
        .filter_map(|other| other.strip_prefix(&prefix))
        .map(|rest| prefix.clone() + rest.split('/').next().unwrap())
        .collect();
    members.dedup();
    let node = |member: &String| match keys.get(member) {
        Some(value) => json!({"key": member, "value": value}),
        None => tree(member, keys),
    };
    json!({"key": key, "dir": true, "nodes": members.iter().map(node).collect::<Vec<_>>()})
}

impl HttpSend for Fake {
    fn send(&self, request: Request<Body>) -> BoxFuture<'_, Result<Response<Received>, SendError>> {
        let (status, body) = self.answer(&request);
        Box::pin(async move { Ok(response(status, None, body.to_string())) })
    }

    fn endpoint(&self) -> &'static str {
        "http://fake:4001"
    }
}

/// Status, target of a redirect, and body.
pub(crate) type Answer = Result<(u16, Option<&'static str>, String), SendError>;

/// What a scripted endpoint answers, in order; and what it was asked.
#[derive(Debug, Default)]
pub(crate) struct Script {
    answers: Mutex<VecDeque<Answer>>,
    pub(crate) asked: Mutex<Vec<String>>,
}

impl Script {
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers.into_iter().collect()), asked: Mutex::default() })
    }
}

impl HttpSend for Script {
    fn send(&self, request: Request<Body>) -> BoxFuture<'_, Result<Response<Received>, SendError>> {
        let Body::Bytes(form) = request.body() else { panic!("a source") };
        let asked = format!("{} {} {}", request.method(), request.uri(), String::from_utf8_lossy(form));
        self.asked.lock().unwrap().push(asked.trim_end().to_owned());
        let answer = self.answers.lock().unwrap().pop_front().expect("the script has an answer");
        Box::pin(async move { answer.map(|(status, location, body)| response(status, location, body)) })
    }

    fn endpoint(&self) -> &'static str {
        "http://etcd:4001"
    }
}

fn response(status: u16, location: Option<&str>, body: String) -> Response<Received> {
    let mut response = Response::builder().status(status);
    if let Some(location) = location {
        response = response.header("location", location);
    }
    response.body(Received::new(Box::pin(stream::iter([Ok(Bytes::from(body))])))).unwrap()
}
