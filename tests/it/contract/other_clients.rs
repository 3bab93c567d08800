//! Requests of other HTTP clients, which our signer signs.

use std::process::Command;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use deis_store::http::{Body, Timeouts, connect};
use deis_store::s3::sign::{Dialect, presign_uri, sign_parts};
use http::request::Parts;
use http::{Method, Request, Uri};

use super::{Site, key, rules};
use crate::program::path;

rules! {
    the_example_signs_for_a_client_that_is_not_ours,
    headers_are_signed_as_the_gateway_reads_them,
    what_aws_signs_in_another_way_is_refused_in_awss_dialect_and_taken_in_radosgws,
    a_presigned_request_takes_its_headers_along,
}

async fn the_example_signs_for_a_client_that_is_not_ours(site: &Site) {
    let example = path().with_file_name("examples").join("sign");
    let output = Command::new(example)
        .args([&site.url, site.bucket.as_str()])
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", &site.access_key)
        .env("AWS_SECRET_ACCESS_KEY", &site.secret_key)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(said, "PUT 200\nGET 200 Hello, radosgw.\nDELETE 204\n", "{output:?}");
}

/// A request for an object of the site, whose query is given.
fn parts(site: &Site, method: Method, query: &str, headers: &[(&str, &str)]) -> Parts {
    let target = format!("{}{query}", key("a b/../k").path_in(&site.bucket));
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, value.as_bytes());
    }
    request.body(()).unwrap().into_parts().0
}

/// The status and the body of the answer.
async fn sent(site: &Site, parts: Parts, body: &'static [u8]) -> (u16, String) {
    let request = Request::from_parts(parts, Body::Bytes(Bytes::from_static(body)));
    let mut answer = connect(&site.url, Timeouts::default()).unwrap().send(request).await.unwrap();
    let body = answer.body_mut().collect(64 << 20).await.unwrap();
    (answer.status().as_u16(), String::from_utf8_lossy(&body).into_owned())
}

async fn headers_are_signed_as_the_gateway_reads_them(site: &Site) {
    // Ceph up to 16 reads `_` as `-`, and so do we. Ceph 18 and 20 sign it as it is, as AWS does.
    let underscored = if site.keeps_underscores() { "x-amz-meta-a-b" } else { "x-amz-meta-a_b" };
    // civetweb takes no tabs.
    let inner = if site.is_civetweb() { "a  b c" } else { "a  b\tc" };
    for headers in [
        &[(underscored, "1"), ("x-amz-meta-utf", "é€"), ("x-amz-meta-empty", "")][..],
        &[("x-amz-meta-inner", inner), ("x-amz-acl", "private"), ("content-type", "text/plain; charset=x")],
        &[("x-amz-meta-twice", "one"), ("x-amz-meta-twice", "two")],
        &[("x-amz-date", "Tue, 07 Jul 2010 21:53:04 GMT"), ("expires", "x"), ("cache-control", "no-cache")],
        &[("x-rgw-foo", "1")],
        &[("x-goog-meta-foo", "1"), ("x-amz-meta-bar", "2")],
        &[("x-dho-foo", "1")],
        &[("x-object-foo", "1")],
        &[("x-container-foo", "1")],
        &[("x-account-foo", "1")],
    ] {
        let mut parts = parts(site, Method::PUT, "", headers);
        sign_parts(&mut parts, &site.credentials(), SystemTime::now()).unwrap();
        assert_eq!(sent(site, parts, b"x").await, (200, String::new()), "{headers:?}");
    }
}

async fn what_aws_signs_in_another_way_is_refused_in_awss_dialect_and_taken_in_radosgws(site: &Site) {
    site.put("a b/../k", b"x").await.unwrap();
    for (method, query, headers) in [
        (Method::GET, "?accelerate", &[][..]),
        (Method::GET, "?object-lock", &[]),
        (Method::GET, "?acl=", &[]),
        (Method::GET, "?response-content-type=text/plain+a", &[]),
        (Method::GET, "?response-expires=a&response-expires=b", &[]),
        (Method::PUT, "", &[("x-amz-meta-a", "one"), ("x-amz-meta-a", "two")]),
        (Method::PUT, "", &[("x-amz-meta-a_b", "1")]),
        (Method::PUT, "", &[("x-rgw-foo", "1")]),
    ] {
        let is_awss = site.keeps_underscores() && headers.iter().any(|(name, _)| name.contains('_'));
        let (aws, radosgw) = if is_awss { (200, 403) } else { (403, 200) };
        for (dialect, expected) in [(Dialect::Aws, aws), (Dialect::Radosgw, radosgw)] {
            let mut parts = parts(site, method.clone(), query, headers);
            dialect.sign_parts(&mut parts, &site.credentials(), SystemTime::now()).unwrap();
            let body: &[u8] = if method == Method::PUT { b"x" } else { b"" };
            let (status, answer) = sent(site, parts, body).await;
            assert_eq!(status, expected, "{dialect:?} {query} {headers:?}: {answer}");
            if expected == 403 {
                assert!(answer.contains("<Code>SignatureDoesNotMatch</Code>"), "{answer}");
            }
        }
    }
}

async fn a_presigned_request_takes_its_headers_along(site: &Site) {
    let (credentials, until) = (site.credentials(), SystemTime::now() + Duration::from_mins(1));
    let headers = [("content-type", "text/x"), ("x-amz-meta-note", site.note())];
    let mut put = parts(site, Method::PUT, "", &headers);
    Dialect::Radosgw.presign_parts(&mut put, &credentials, until).unwrap();
    let mut without = put.clone();
    without.headers.remove("x-amz-meta-note");
    assert_eq!(sent(site, without, b"bytes").await.0, 403);
    assert_eq!(sent(site, put, b"bytes").await.0, 200);
    let plain: Uri = parts(site, Method::GET, "?response-content-type=a%2Fb", &[]).uri;
    let mut get = parts(site, Method::GET, "", &[]);
    get.uri = presign_uri(&Method::GET, &plain, &credentials, until).unwrap();
    assert_eq!(sent(site, get, b"").await, (200, "bytes".to_owned()));
    let info = site.head("a b/../k").await.unwrap();
    assert_eq!((info.content_type.as_str(), info.meta["note"].as_str()), ("text/x", site.note()));
}
