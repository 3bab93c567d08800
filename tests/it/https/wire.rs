//! The bytes of a request on the wire, for every form of key and many other targets: over https, through a proxy, and
//! over https through a proxy.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use deis_store::error::At;
use deis_store::http::{Body, ConnectOptions, Frames, HttpSend, ProxyUrl, SendError, Source, Stage, connect};
use deis_store::s3::op::{Operation as _, PutObject};
use deis_store::secret::Credentials;
use http::{Method, Request};

use super::certificates::Authority;
use super::heard::{Heard, NOTHING, Server};
use super::proxy::Proxy;
use crate::contract::{KEYS, key, md5};
use crate::main_job::{block, bucket};

/// The keys that `url::Url` would change.
const REFUSED: [&str; 5] = ["e/./k", "e/../k2", "..", ".", "../../up"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Https,
    Proxy,
    HttpsThroughProxy,
}

const WAYS: [Way; 3] = [Way::Https, Way::Proxy, Way::HttpsThroughProxy];

/// A transport for one way, and the servers that record its requests.
struct Line {
    way: Way,
    transport: Arc<dyn HttpSend>,
    server: Server,
    proxy: Option<Proxy>,
}

impl Line {
    async fn new(way: Way, answer: &'static [u8]) -> Self {
        let mut options = ConnectOptions::default();
        let (scheme, tls) = if way == Way::Proxy {
            ("http", None)
        } else {
            let authority = Authority::new();
            options.ca_file_pem = Some(authority.pem());
            ("https", Some(authority.acceptor("IP:127.0.0.1", "1")))
        };
        let server = Server::start(tls, answer).await;
        let proxy = if way == Way::Https { None } else { Some(Proxy::start().await) };
        options.proxy =
            proxy.as_ref().map(|proxy| ProxyUrl::new(&format!("http://{}", proxy.address)).unwrap());
        options.timeouts.idle = Duration::from_secs(2);
        let transport = connect(&format!("{scheme}://{}", server.address), options).unwrap();
        Self { way, transport, server, proxy }
    }

    /// Sends a request. Asserts that it arrived unchanged, or that it was refused before anything was sent.
    async fn arrives_as_it_is(&self, request: &http::request::Parts, body: &[u8]) -> bool {
        let target = request.uri.to_string();
        let context = format!("{:?} {} {target:?}", self.way, request.method);
        let mut sent = Request::from_parts(request.clone(), Body::Bytes(Bytes::copy_from_slice(body)));
        sent.headers_mut().clone_from(&request.headers);
        let answer = self.transport.send(sent).await;
        let through = self.proxy.as_ref().map(Proxy::heard).unwrap_or_default();
        let mut heard = self.server.heard();
        if let Err(error) = answer {
            assert_eq!(error.stage, Stage::Unfaithful, "{context}: {error}");
            assert!(
                heard.is_empty() && through.is_empty(),
                "{context} was refused, and sent: {heard:?} {through:?}"
            );
            return false;
        }
        assert_eq!(heard.len(), 1, "{context}: {heard:?}");
        let heard = heard.remove(0);
        let line = |target: &str| format!("{} {target} HTTP/1.1", request.method).into_bytes();
        assert_eq!(heard.line, line(&target), "{context}: {}", String::from_utf8_lossy(&heard.line));
        assert_eq!(heard.body, body, "{context}");
        assert_eq!(names_and_values(&heard), self.expected(request, body), "{context}");
        match self.way {
            Way::Https => (),
            Way::Proxy => {
                let absolute = format!("http://{}{target}", self.server.address);
                assert_eq!((through.len(), &through[0].line), (1, &line(&absolute)), "{context}");
                assert_eq!(names_and_values(&through[0]), self.expected(request, body), "{context}");
            }
            // The connection is kept, so CONNECT is sent once. It holds nothing of a request.
            Way::HttpsThroughProxy => {
                let question = format!("CONNECT {0} HTTP/1.1", self.server.address).into_bytes();
                assert!(through.iter().all(|head| head.line == question), "{context}: {through:?}");
                assert!(through.iter().all(|head| head.header("authorization").is_none()), "{through:?}");
            }
        }
        true
    }

    /// Every header that may arrive: the signed ones, and three more.
    fn expected(&self, request: &http::request::Parts, body: &[u8]) -> BTreeSet<(String, String)> {
        let text = |value: &http::HeaderValue| String::from_utf8(value.as_bytes().to_vec()).unwrap();
        let given = request.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value)));
        let ours = [
            ("host", self.server.address.clone()),
            ("content-length", body.len().to_string()),
            ("accept", "*/*".into()),
        ];
        given.chain(ours.map(|(name, value)| (name.to_owned(), value))).collect()
    }
}

/// The headers. A repeated header is an error. `connection` is left out, since the proxy adds it.
fn names_and_values(heard: &Heard) -> BTreeSet<(String, String)> {
    let names: BTreeSet<_> = heard.headers.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), heard.headers.len(), "{heard:?}");
    heard.headers.iter().filter(|(name, _)| name != "connection").cloned().collect()
}

fn on_each_way(check: impl AsyncFn(&Line) + Copy) {
    for way in WAYS {
        block(async { check(&Line::new(way, NOTHING).await).await });
    }
}

fn request(method: Method, target: &str) -> Option<http::request::Parts> {
    Some(Request::builder().method(method).uri(target).body(()).ok()?.into_parts().0)
}

#[test]
fn every_key_arrives_as_it_was_signed_or_not_at_all() {
    on_each_way(async |line| {
        let bucket = bucket("wire");
        for name in KEYS {
            let key = key(name);
            let body = name.as_bytes();
            let put = PutObject::new(&bucket, &key, body.len() as u64, md5(body)).unwrap();
            let mut signed = put.request();
            signed.sign(&Credentials::new("AK", "SK"), SystemTime::now()).unwrap();
            let mut sent = request(Method::PUT, &signed.target()).unwrap();
            sent.headers = signed.headers;
            assert!(sent.headers.contains_key("authorization"));
            assert_eq!(
                line.arrives_as_it_is(&sent, body).await,
                !REFUSED.contains(&name),
                "{:?} {name:?}",
                line.way
            );
        }
    });
}

#[test]
fn every_target_arrives_as_it_is_or_not_at_all() {
    const PIECES: [&str; 30] = [
        ".", "..", "%2e", "%2E%2e", "/", "//", "/./", "/../", "a", "?", "?acl", "&", "=", "%", "%zz", "\"",
        "|", "{}", "'", "\u{e9}", "+", "~", ";", "@", ":", "^", "[", "`", "\\", "*",
    ];
    on_each_way(async |line| {
        let (mut passed, mut refused) = (0, 0);
        for first in PIECES {
            for second in PIECES {
                // Skips targets that are not valid in a request.
                let Some(sent) = request(Method::GET, &format!("/b/{first}{second}")) else { continue };
                *(if line.arrives_as_it_is(&sent, b"").await { &mut passed } else { &mut refused }) += 1;
            }
        }
        assert!(passed > 200 && refused > 100, "{passed} passed, {refused} refused");
        for target in ["/b/%2e", "/b/%2E%2E/x", "/b/.%2e"] {
            assert!(!line.arrives_as_it_is(&request(Method::GET, target).unwrap(), b"").await, "{target}");
        }
        for target in ["/", "/b", "/b?acl", "/b/?prefix=..%2F.&marker=%2e", "//b//x", "/b/x?"] {
            assert!(line.arrives_as_it_is(&request(Method::GET, target).unwrap(), b"").await, "{target}");
        }
    });
}

#[test]
fn no_method_makes_a_difference_and_an_empty_body_has_a_length() {
    on_each_way(async |line| {
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE] {
            assert!(line.arrives_as_it_is(&request(method, "/b/k").unwrap(), b"").await);
        }
        let large: Vec<u8> = (0..=250).cycle().take(3_000_000).collect();
        assert!(line.arrives_as_it_is(&request(Method::PUT, "/b/k").unwrap(), &large).await);
    });
}

#[test]
fn what_is_stored_with_an_object_arrives_as_it_is() {
    on_each_way(async |line| {
        let mut sent = request(Method::PUT, "/b/k").unwrap();
        for (name, value) in [
            ("x-amz-meta-a", "gr\u{fc}\u{df}e,  two  spaces"),
            ("content-encoding", "gzip"),
            ("x-amz-acl", "private"),
        ] {
            sent.headers.insert(name, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        assert!(line.arrives_as_it_is(&sent, b"x").await);
    });
}

/// Checks the answer to a GET, on each way.
fn answers(answer: &'static [u8], check: impl AsyncFn(http::Response<deis_store::http::Received>)) {
    for way in WAYS {
        block(async {
            let line = Line::new(way, answer).await;
            let sent = request(Method::GET, "/b/k").unwrap();
            let sent = Request::from_parts(sent, Body::Bytes(Bytes::new()));
            check(line.transport.send(sent).await.unwrap()).await;
            assert_eq!(line.server.heard().len(), 1, "{way:?}");
        });
    }
}

#[test]
fn a_redirect_is_an_answer_and_is_not_followed() {
    const MOVED: &[u8] =
        b"HTTP/1.1 301 Moved Permanently\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
    const SEE_OTHER: &[u8] = b"HTTP/1.1 303 See Other\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
    const TEMPORARY: &[u8] =
        b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
    for bytes in [MOVED, SEE_OTHER, TEMPORARY] {
        answers(bytes, async |answer| {
            let status = answer.status().as_u16();
            assert!(bytes.starts_with(format!("HTTP/1.1 {status} ").as_bytes()), "{status}");
            assert_eq!(answer.headers()["location"], "/elsewhere");
        });
    }
}

#[test]
fn a_compressed_object_comes_as_it_is() {
    // `printf hello | gzip -n`
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 25\r\n\r\n\
        \x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00\x00\x00";
    answers(ANSWER, async |mut answer| {
        assert_eq!(answer.headers()["content-encoding"], "gzip");
        assert_eq!(answer.headers()["content-length"], "25");
        let body = answer.body_mut().collect(1000).await.unwrap();
        assert_eq!(body, ANSWER[ANSWER.len() - 25..]);
    });
}

#[test]
fn a_body_that_breaks_off_is_an_error_of_the_body() {
    // The server sends nothing more, and the client waits two seconds.
    // Through the proxy the connection ends.
    answers(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", async |mut answer| {
        let error = answer.body_mut().collect(1000).await.unwrap_err();
        let closed = answer.headers().contains_key("connection");
        assert_eq!((error.stage, error.timed_out), (Stage::Body, !closed), "{error:?}");
    });
}

/// A body that sends its bytes one by one: their number, and the milliseconds between them.
#[derive(Debug)]
struct Slow(u64, u64);

impl Source for Slow {
    fn length_bytes(&self) -> u64 {
        self.0
    }

    fn open(&self) -> Frames {
        let pause = Duration::from_millis(self.1);
        Box::pin(futures_util::stream::unfold(self.0, move |left| async move {
            tokio::time::sleep(pause).await;
            (left > 0).then(|| (Ok(Bytes::from_static(b"x")), left - 1))
        }))
    }
}

#[test]
fn a_slow_upload_is_waited_for_and_one_that_stalls_is_not() {
    for way in WAYS {
        block(async {
            let line = Line::new(way, NOTHING).await;
            let upload = async |source| -> Result<(), SendError> {
                let sent = request(Method::PUT, "/b/k").unwrap();
                line.transport.send(Request::from_parts(sent, Body::Source(Arc::new(source)))).await.map(drop)
            };
            // Three seconds in all. The limit is two seconds without a byte.
            upload(Slow(10, 300)).await.unwrap();
            assert_eq!(line.server.heard()[0].body, b"xxxxxxxxxx");
            let error = upload(Slow(10, 60_000)).await.unwrap_err();
            assert_eq!((error.stage, error.timed_out), (Stage::Unknown, true), "{way:?}: {error:?}");
        });
    }
}

#[test]
fn a_proxy_that_is_not_there_has_sent_nothing_and_is_named() {
    block(async {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut options = ConnectOptions::default();
        options.proxy = Some(ProxyUrl::new(&format!("http://{free}")).unwrap());
        let transport = connect("http://127.0.0.1:1", options).unwrap();
        let sent = Request::from_parts(request(Method::GET, "/").unwrap(), Body::Bytes(Bytes::new()));
        let error = transport.send(sent).await.unwrap_err();
        assert_eq!(error.stage, Stage::NotSent);
        let error = error.into_error().at(At::Endpoint, transport.endpoint()).to_string();
        assert!(error.contains(&format!("through the proxy http://{free}")), "{error}");
    });
}
