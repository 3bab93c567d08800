//! The client against scripted answers.

use std::sync::Arc;
use std::time::Duration;

use super::script::{Answer, Script};
use super::{Etcd, Value};
use crate::error::ErrorKind;
use crate::http::{Body, BoxFuture, Endpoint, HttpSend, Received, SendError, Stage};
use crate::run::heard::Heard;

const GOOD: &str = r#"{"action":"get","node":{"key":"/a","value":"v"}}"#;
const SET: &str = r#"{"action":"set","node":{"key":"/a","value":"v"}}"#;
const DELETED: &str = r#"{"action":"delete","node":{"key":"/a"}}"#;
const EMPTY: &str = r#"{"action":"get","node":{"key":"/deis","dir":true}}"#;

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
    let (etcd, script) = etcd([
        answer(200, r#"{"action":"get","node":{"key":"/a b","value":"v"}}"#),
        answer(
            200,
            r#"{"action":"get","node":{"key":"/deis","dir":true,"nodes":[{"key":"/deis/x","value":""}]}}"#,
        ),
        answer(201, r#"{"action":"set","node":{"key":"/a","value":"x y="}}"#),
        answer(200, r#"{"action":"set","node":{"key":"/a","value":""}}"#),
        answer(200, DELETED),
    ]);
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
    let (etcd, _) = etcd([answer(500, no_leader), failure(Stage::Unknown), answer(201, SET)]);
    etcd.set("/a", "v", None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_delete_is_repeated_only_if_etcd_has_seen_nothing_of_it() {
    let (etcd, _) = self::etcd([failure(Stage::NotSent), answer(200, DELETED)]);
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

#[tokio::test]
async fn a_directory_that_an_answer_shows_empty_is_looked_at_once_more() {
    let (etcd, script) = self::etcd([answer(200, EMPTY), answer(200, EMPTY)]);
    assert!(etcd.tree("/deis").await.unwrap().nodes.is_empty());
    assert_eq!(script.asked.lock().unwrap()[1], "GET /v2/keys/deis?sorted=true");
    // What drops the query of each request.
    let flat =
        r#"{"action":"get","node":{"key":"/deis","dir":true,"nodes":[{"key":"/deis/router","dir":true}]}}"#;
    let router = r#"{"action":"get","node":{"key":"/deis/router","dir":true,"nodes":[{"key":"/deis/router/x","value":"SECRET"}]}}"#;
    let (etcd, script) = self::etcd((0..3).flat_map(|_| [answer(200, flat), answer(200, router)]));
    let error = etcd.tree("/deis").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(
        error.to_string().contains("/deis/router") && !format!("{error:?}").contains("SECRET"),
        "{error}"
    );
    assert_eq!(script.asked.lock().unwrap().len(), 6);
    // A directory that gets its first key, and one that vanishes, between two looks.
    let whole = flat.replace(r#""/deis/router","dir":true"#, r#""/deis/y","value":"z""#);
    let (etcd, _) = self::etcd([answer(200, flat), answer(200, router), answer(200, &whole)]);
    assert_eq!(etcd.tree("/deis").await.unwrap().text("/deis/y"), Some("z"));
    let gone = r#"{"errorCode":100,"message":"Key not found","cause":"/deis/router","index":6}"#;
    let (etcd, _) = self::etcd([answer(200, flat), answer(404, gone)]);
    etcd.tree("/deis").await.unwrap();
}

#[tokio::test]
async fn an_answer_that_is_not_one_to_what_was_asked_is_an_error() {
    let other = r#"{"action":"set","node":{"key":"/a","value":"OTHER"}}"#;
    for answered in [GOOD, DELETED, other, r#"{"node":{}}"#] {
        let (etcd, _) = self::etcd([answer(200, answered)]);
        let error = etcd.set("/a", "v2", None).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Protocol && !format!("{error:?}").contains("OTHER"), "{error:?}");
    }
    for answered in [GOOD, SET, r#"{"action":"delete","node":{"key":"/b"}}"#, r#"{"node":{}}"#] {
        let (etcd, _) = self::etcd([answer(200, answered)]);
        assert_eq!(etcd.delete("/a").await.unwrap_err().kind(), ErrorKind::Protocol, "{answered}");
    }
}

/// An etcd that accepts and never answers.
#[derive(Debug)]
struct Mute(Endpoint);

impl HttpSend for Mute {
    fn send(&self, _: http::Request<Body>) -> BoxFuture<'_, Result<http::Response<Received>, SendError>> {
        Box::pin(std::future::pending())
    }

    fn endpoint(&self) -> &Endpoint {
        &self.0
    }
}

#[tokio::test(start_paused = true)]
async fn an_etcd_that_does_not_answer_is_named_after_five_seconds() {
    let (run, heard) = Heard::run();
    let etcd = Etcd::new(Arc::new(Mute(Endpoint::within("etcd:4001")))).telling(&run);
    assert_eq!(etcd.get("/a").await.unwrap_err().kind(), ErrorKind::Timeout);
    let told = [5, 30, 60].map(|seconds| format!("no answer from etcd at http://etcd:4001 for {seconds} s"));
    assert_eq!(heard.notes()[..3], told);
}
