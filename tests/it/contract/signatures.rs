//! Keys, clocks and presigned requests.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use deis_store::ErrorKind;
use deis_store::http::Body;
use deis_store::run::{Clock, SystemClock};
use deis_store::s3::Client;
use deis_store::s3::op::{GetObject, PutObject, Request};
use deis_store::secret::Credentials;

use super::{Pieces, Site, client, key, made, md5, refused, rules};

rules! {
    a_wrong_secret_is_denied_by_name,
    an_unknown_access_key_is_denied_by_name,
    a_clock_that_is_off_is_learnt,
    a_clock_that_is_off_by_less_than_a_quarter_of_an_hour_does_not_matter,
    a_clock_is_learnt_with_a_body_under_way,
    a_presigned_object_needs_no_keys,
    a_presigned_object_expires_and_cannot_be_altered,
}

/// A clock that is off by some seconds.
struct Off(i64);

impl Clock for Off {
    fn now(&self) -> SystemTime {
        let by = Duration::from_secs(self.0.unsigned_abs());
        if self.0 < 0 { SystemTime::now() - by } else { SystemTime::now() + by }
    }
}

const TWENTY_MINUTES: i64 = 20 * 60;

fn off(site: &Site, seconds: i64) -> Client {
    client(&site.url, site.credentials(), Arc::new(Off(seconds)))
}

async fn denied(site: &Site, credentials: Credentials, code: &str) {
    let client = client(&site.url, credentials, Arc::new(SystemClock));
    let (refusal, key) = (format!("403 {code}"), key("k"));
    refused(client.buckets().await, ErrorKind::Denied, &refusal);
    refused(client.is_empty(&site.bucket).await, ErrorKind::Denied, &refusal);
    refused(client.get(&site.bucket, &key).await.map(drop), ErrorKind::Denied, &refusal);
    refused(client.delete(&site.bucket, &key).await, ErrorKind::Denied, &refusal);
    refused(client.head(&site.bucket, &key).await, ErrorKind::Denied, "403");
    for body in [Body::Bytes("x".into()), Body::Source(Pieces::new(b"x".to_vec()))] {
        let operation = PutObject::new(&site.bucket, &key, 1, md5(b"x")).unwrap();
        refused(client.put(&operation, &body).await, ErrorKind::Denied, &refusal);
    }
    assert_eq!(site.get("k").await.unwrap().1, b"kept");
}

async fn a_wrong_secret_is_denied_by_name(site: &Site) {
    site.put("k", b"kept").await.unwrap();
    denied(site, Credentials::new(&site.access_key, "wrong"), "SignatureDoesNotMatch").await;
    denied(site, Credentials::new(&site.access_key, ""), "SignatureDoesNotMatch").await;
}

async fn an_unknown_access_key_is_denied_by_name(site: &Site) {
    site.put("k", b"kept").await.unwrap();
    // Swift does not tell whether it knows somebody.
    let code = if site.is_swift() { "SignatureDoesNotMatch" } else { "InvalidAccessKeyId" };
    denied(site, Credentials::new("NOBODY", &site.secret_key), code).await;
}

async fn a_clock_that_is_off_is_learnt(site: &Site) {
    for seconds in [TWENTY_MINUTES, -TWENTY_MINUTES, 86_400 * 400] {
        let client = off(site, seconds);
        assert!(client.is_empty(&site.bucket).await.unwrap(), "{seconds} s");
        let learnt = client.clock_offset_ms();
        assert!((learnt + seconds * 1000).abs() < 5_000, "{seconds} s: {learnt} ms");
        client.buckets().await.unwrap();
    }
}

async fn a_clock_that_is_off_by_less_than_a_quarter_of_an_hour_does_not_matter(site: &Site) {
    for seconds in [-890, 890] {
        let client = off(site, seconds);
        assert!(client.is_empty(&site.bucket).await.unwrap());
        assert_eq!(client.clock_offset_ms(), 0, "{seconds} s");
    }
    for seconds in [-910, 910] {
        let client = off(site, seconds);
        assert!(client.is_empty(&site.bucket).await.unwrap());
        assert_ne!(client.clock_offset_ms(), 0, "{seconds} s");
    }
}

async fn a_clock_is_learnt_with_a_body_under_way(site: &Site) {
    let (bytes, key) = (made(6 << 20), key("k"));
    let source = Pieces::new(bytes.clone());
    let operation = PutObject::new(&site.bucket, &key, bytes.len() as u64, md5(&bytes)).unwrap();
    off(site, TWENTY_MINUTES).put(&operation, &Body::Source(source.clone())).await.unwrap();
    assert_eq!(source.opened(), 2, "once for the refusal, once for good");
    assert!(site.get("k").await.unwrap().1 == bytes);
}

/// Sends a request as it is. Returns the status and the whole answer.
fn raw(site: &Site, method: &str, target: &str) -> (u16, String) {
    let mut stream = std::net::TcpStream::connect(site.address()).unwrap();
    let request =
        format!("{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", site.address());
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("{answer}")), answer)
}

fn presigned(site: &Site, name: &str, query: &str, seconds: i64) -> String {
    let key = key(name);
    let request = GetObject::new(&site.bucket, &key).request();
    let request = Request::bare(request.method, request.path, query.to_owned());
    request.presigned(&site.credentials(), Off(seconds).now())
}

async fn a_presigned_object_needs_no_keys(site: &Site) {
    for name in ["a b+c%2F\n\u{1}é/../x//", "plain", "q?acl&x=y"] {
        site.put(name, b"presigned").await.unwrap();
        let (status, answer) = raw(site, "GET", &presigned(site, name, "", 60));
        assert!(status == 200 && answer.ends_with("\r\n\r\npresigned"), "{name:?}: {answer}");
    }
    let ten_years = 3650 * 86_400;
    let other_type = "response-content-type=text%2Fplain%3B%20charset%3Dx";
    let (status, answer) = raw(site, "GET", &presigned(site, "plain", other_type, ten_years));
    assert_eq!(status, 200, "{answer}");
    assert!(answer.to_ascii_lowercase().contains("\r\ncontent-type: text/plain; charset=x\r\n"), "{answer}");
}

async fn a_presigned_object_expires_and_cannot_be_altered(site: &Site) {
    site.put("k", b"presigned").await.unwrap();
    site.put("l", b"another").await.unwrap();
    let good = presigned(site, "k", "response-content-type=text%2Fplain", 60);
    let signature = good.split_once("&Signature=").unwrap().1;
    // Swift knows no time as late as that, and takes what has no signature for a request of nobody.
    let swift = site.is_swift();
    let later = if swift { "AccessDenied" } else { "SignatureDoesNotMatch" };
    let (unsigned, no_signature) = if swift { (403, "AccessDenied") } else { (400, "InvalidArgument") };
    for (what, method, target, status, code) in [
        ("late", "GET", presigned(site, "k", "", -60), 403, "AccessDenied"),
        ("another method", "DELETE", good.clone(), 403, "SignatureDoesNotMatch"),
        ("another key", "GET", good.replace("/k?", "/l?"), 403, "SignatureDoesNotMatch"),
        ("another type", "GET", good.replace("plain", "html"), 403, "SignatureDoesNotMatch"),
        ("longer", "GET", good.replace("Expires=", "Expires=9"), 403, later),
        ("no signature", "GET", good.replace(&format!("&Signature={signature}"), ""), unsigned, no_signature),
    ] {
        let (got, answer) = raw(site, method, &target);
        assert!(got == status && answer.contains(&format!("<Code>{code}</Code>")), "{what}: {answer}");
    }
    assert_eq!(raw(site, "HEAD", &good).0, 403);
    assert_eq!(raw(site, "GET", &good).0, 200);
    assert_eq!(site.get("k").await.unwrap().1, b"presigned");
}
