//! Signatures, and requests that only somebody who signs by hand can make.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

#[tokio::test]
async fn headers_are_signed_as_radosgw_reads_them() {
    let harness = Harness::with_bucket().await;
    for headers in [
        &[("x-amz-meta-a", "one"), ("x-amz-meta-a", "two")][..],
        &[("x-amz-meta-a_b", "1"), ("x-amz-meta-a.b", "2"), ("x-amz-meta-ab", "3"), ("x-amz-meta-a", "")],
        &[("x-amz-meta-utf", "é€"), ("x-amz-acl", "private"), ("content-type", "text/plain; charset=x")],
    ] {
        let got = harness.ask(Method::PUT, "/db_wal/k", headers, "x").await;
        assert_eq!((got.status(), got.code()), (200, ""), "{headers:?}");
    }
    harness.ask(Method::PUT, "/db_wal/k", &[("x-amz-meta-a", "one"), ("x-amz-meta-a", "two")], "x").await;
    assert_eq!(harness.ask(Method::HEAD, "/db_wal/k", &[], "").await.head.text("x-amz-meta-a"), "two");
}

#[tokio::test]
async fn a_presigned_request_ends_by_the_gateways_clock_and_no_other() {
    let ahead = Duration::from_hours(3);
    let harness = Harness::of(Store::in_memory(), Arc::new(Off(ahead))).await;
    let now = SystemTime::now() + ahead;
    for (expires, status) in [(now - Duration::from_hours(1), 403), (now + Duration::from_hours(1), 200)] {
        let url = request(Method::GET, "/", &[]).presigned(&credentials(), expires);
        assert_eq!(harness.send(request(Method::GET, &url, &[]), "").await.status(), status);
    }
}

#[tokio::test]
async fn an_object_may_have_the_type_of_a_form() {
    let harness = Harness::with_bucket().await;
    let form = [("content-type", "multipart/form-data; boundary=x")];
    let got = harness.ask(Method::POST, "/db_wal/k?uploads", &form, "").await;
    assert_eq!((got.status(), got.element("Key")), (200, "k"));
    assert_eq!(harness.ask(Method::POST, "/db_wal", &form, "").await.code(), "MethodNotAllowed");
}

#[tokio::test]
async fn what_is_no_authorization_is_refused_as_by_radosgw() {
    let harness = Harness::with_bucket().await;
    let date = httpdate::fmt_http_date(SystemTime::now());
    for (authorization, code) in [
        ("AWS HAHAHA", "InvalidArgument"),
        ("aws AKIDEIS:x", "InvalidArgument"),
        ("Bearer x", "InvalidArgument"),
        ("AWS  AKIDEIS:x", "InvalidAccessKeyId"),
        ("AWS AKIDEIS:x", "SignatureDoesNotMatch"),
        ("", "AccessDenied"),
    ] {
        let headers = [("authorization", authorization), ("date", &date)];
        let got = harness.send(request(Method::GET, "/db_wal", &headers), "").await;
        assert_eq!(got.code(), code, "{authorization}");
    }
    let got = harness.send(request(Method::GET, "/db_wal", &[("authorization", "AWS AKIDEIS:x")]), "").await;
    assert_eq!(got.code(), "AccessDenied", "without a date");
    let url = request(Method::GET, "/db_wal", &[]).presigned(&credentials(), SystemTime::now());
    assert_eq!(harness.ask(Method::GET, &url, &[], "").await.code(), "AccessDenied", "signed twice");
}

/// Sends bytes as they are, and returns the answer to the end of the connection.
async fn raw(harness: &Harness, text: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(harness.gateway.address()).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

fn signed(method: Method, path: &str) -> String {
    let mut request = request(method, path, &[]);
    request.sign(&credentials(), SystemTime::now()).unwrap();
    let header = |name: &str| request.headers[name].to_str().unwrap().to_owned();
    format!(
        "{} {path} HTTP/1.1\r\nHost: h\r\nDate: {}\r\nAuthorization: {}\r\n",
        request.method,
        header("date"),
        header("authorization")
    )
}

#[tokio::test]
async fn paths_as_no_client_sends_them_are_verified_as_on_the_wire() {
    let harness = Harness::with_bucket().await;
    for (path, key) in [
        ("/db_wal/%c3%a8", "è"),
        ("/db_wal/%61bc", "abc"),
        ("/db_wal/raw-é", "raw-é"),
        ("/db_wal/a&b=c;d,e:f@g$h!i*j(k)l'm~", "a&b=c;d,e:f@g$h!i*j(k)l'm~"),
        ("/%64b_wal/x%2Fy", "x/y"),
        ("/db_wal/../up", "../up"),
    ] {
        let answer = raw(&harness, &format!("{}Content-Length: 1\r\n\r\nx", signed(Method::PUT, path))).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        assert_eq!(harness.get(key).await, b"x");
    }
    let absolute = signed(Method::GET, "/db_wal/abc").replace("GET /", "GET http://elsewhere/");
    assert!(raw(&harness, &format!("{absolute}\r\n")).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn bodies_without_a_length_or_cut_off_are_not_stored() {
    let harness = Harness::with_bucket().await;
    let put = signed(Method::PUT, "/db_wal/k");
    let chunked = raw(&harness, &format!("{put}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n")).await;
    assert!(chunked.starts_with("HTTP/1.1 411") && chunked.contains("MissingContentLength"), "{chunked}");
    let cut = raw(&harness, &format!("{put}Content-Length: 9\r\n\r\nabc")).await;
    assert!(cut.is_empty() || cut.contains("<Code>NoSuchKey</Code>"), "{cut}");
    let waiting = format!("{put}Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc");
    let answer = raw(&harness, &waiting).await;
    assert!(answer.to_ascii_lowercase().starts_with("http/1.1 100 continue"), "{answer}");
    assert_eq!(harness.get("k").await, b"abc");
}
