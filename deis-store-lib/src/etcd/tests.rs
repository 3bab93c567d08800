//! The client against scripted answers.

use std::sync::Arc;
use std::time::Duration;

use super::script::{Answer, Script};
use super::{Etcd, Value};
use crate::error::ErrorKind;
use crate::http::{SendError, Stage};

const GOOD: &str = r#"{"action":"set","node":{"key":"/a","value":"v"}}"#;

#[allow(clippy::unnecessary_wraps, reason = "so that a script can hold it beside failures")]
fn answer(status: u16, body: &str) -> Answer {
    Ok((status, None, body.to_owned()))
}

fn failure(stage: Stage) -> Answer {
    Err(SendError::new(stage, "broken"))
}

fn etcd(answers: impl IntoIterator<Item = Answer>) -> (Etcd, Arc<Script>) {
    let script = Script::new(answers);
    (Etcd::new(script.clone()), script)
}

#[tokio::test]
async fn requests_are_those_of_the_v2_api() {
    let (etcd, script) = etcd((0..5).map(|_| answer(200, GOOD)));
    assert_eq!(etcd.get("/a b").await.unwrap().value, Some(Value::new("v")));
    etcd.tree("/deis").await.unwrap();
    etcd.set("/a", "x y=", None).await.unwrap();
    etcd.set("/a", "", Some(Duration::from_secs(20))).await.unwrap();
    etcd.delete("/a").await.unwrap();
    let expected = [
        "GET /v2/keys/a%20b?sorted=true",
        "GET /v2/keys/deis?recursive=true&sorted=true",
        "PUT /v2/keys/a value=x%20y%3D",
        "PUT /v2/keys/a value=&ttl=20",
        "DELETE /v2/keys/a",
    ];
    assert_eq!(*script.asked.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn what_is_idempotent_is_repeated_when_etcd_has_no_leader_or_the_connection_breaks() {
    let no_leader = r#"{"errorCode":301,"message":"During Leader Election"}"#;
    let (etcd, _) = etcd([answer(500, no_leader), failure(Stage::Unknown), answer(201, GOOD)]);
    etcd.set("/a", "v", None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_delete_is_repeated_only_if_etcd_has_seen_nothing_of_it() {
    let (etcd, _) = self::etcd([failure(Stage::NotSent), answer(200, GOOD)]);
    etcd.delete("/a").await.unwrap();
    let (etcd, script) = self::etcd([failure(Stage::Unknown)]);
    assert_eq!(etcd.delete("/a").await.unwrap_err().kind(), ErrorKind::Unreachable);
    assert_eq!(script.asked.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn attempts_end() {
    let (etcd, script) = etcd((0..5).map(|_| failure(Stage::NotSent)));
    let error = etcd.get("/a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert_eq!(error.to_string(), "cannot connect (endpoint http://etcd:4001 through core@host, key /a)");
    assert_eq!(script.asked.lock().unwrap().len(), 5);
}

#[tokio::test]
async fn a_redirect_is_followed_on_the_same_endpoint_only() {
    let to = |location| Ok((307, Some(location), String::new()));
    let (etcd, script) = self::etcd([to("http://etcd:4001/v2/keys/b"), to("/v2/keys/c"), answer(200, GOOD)]);
    etcd.get("/a").await.unwrap();
    assert_eq!(script.asked.lock().unwrap()[1..], ["GET /v2/keys/b", "GET /v2/keys/c"]);
    let (etcd, _) = self::etcd([to("http://10.0.0.9:4001/v2/keys/a")]);
    let error = etcd.get("/a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotReady);
    assert!(error.to_string().contains("leader 10.0.0.9:4001"), "{error}");
    let (etcd, _) = self::etcd((0..4).map(|_| to("/v2/keys/a")));
    assert_eq!(etcd.get("/a").await.unwrap_err().kind(), ErrorKind::Protocol);
}

#[tokio::test(start_paused = true)]
async fn a_missing_key_is_named_and_a_value_never_is() {
    let missing = r#"{"errorCode":100,"message":"Key not found","cause":"/a","index":6}"#;
    let (etcd, _) = self::etcd([answer(404, missing)]);
    let error = etcd.get("/a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("key /a"));
    let (etcd, _) = self::etcd((0..5).map(|_| failure(Stage::Body)));
    let error = etcd.set("/a", "SECRET", None).await.unwrap_err();
    assert!(!format!("{error:?} {}", error.what()).contains("SECRET"));
}

#[tokio::test]
async fn an_answer_without_bounds_is_refused() {
    let (etcd, _) = etcd([answer(200, &"x".repeat((16 << 20) + 1))]);
    assert_eq!(etcd.get("/a").await.unwrap_err().kind(), ErrorKind::Protocol);
}
