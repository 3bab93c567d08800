//! Replays the vectors that were seen on a radosgw, live and with a fresh date. The test sends raw bytes over a socket,
//! so that nothing stands between the signer and the gateway.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::SystemTime;

use deis_store::s3::sign::{signature, string_to_sign};
use deis_store::secret::Credentials;
use deis_store_tests::environment::Environment;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use crate::clusters::{a, client};
use crate::main_job::{block, bucket};

const BUCKET: &str = "helper-vec";

#[derive(Deserialize)]
struct Vector {
    name: String,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    string_to_sign: String,
    rgw_accepts: Option<bool>,
    rgw_result: Option<String>,
}

#[test]
fn a_live_gateway_accepts_our_signature_of_every_vector_and_refuses_the_wrong_ones() {
    assert_eq!(otherwise_on(&a()), [""; 0]);
}

/// The vectors of which a gateway thinks otherwise than that of Ceph 16 from which they are, and its status.
pub(crate) fn otherwise_on(cluster: &Environment) -> Vec<String> {
    block(client(cluster).create_bucket(&bucket(BUCKET))).unwrap();
    let all: Vec<Vector> =
        serde_json::from_str(include_str!("../../deis-store-lib/fixtures/s3v2-vectors.json")).unwrap();
    let live: Vec<Vector> = all.into_iter().filter(|vector| vector.name.starts_with("rgw:")).collect();
    assert_eq!(live.len(), 59);
    let first = Vector {
        name: "k1".to_owned(),
        method: "PUT".to_owned(),
        path: format!("/{BUCKET}/k1"),
        query: String::new(),
        headers: vec![
            ("Date".to_owned(), OLD_DATE.to_owned()),
            ("Content-Length".to_owned(), "1".to_owned()),
        ],
        string_to_sign: String::new(),
        rgw_accepts: Some(true),
        rgw_result: Some("200".to_owned()),
    };
    assert_eq!(status(cluster, &first, true), 200);
    let mut otherwise = Vec::new();
    for vector in &live {
        let expected: u16 = vector.rgw_result.as_deref().unwrap()[..3].parse().unwrap();
        let ours = status(cluster, vector, true);
        let is_as_expected = if vector.rgw_accepts == Some(true) {
            ours == expected
        } else {
            let wrong = status(cluster, vector, false);
            if wrong != 403 {
                otherwise.push(format!("{} signed wrongly: {wrong}", vector.name));
            }
            (200..300).contains(&ours)
        };
        if !is_as_expected {
            otherwise.push(format!("{}: {ours}", vector.name));
        }
    }
    otherwise
}

const OLD_DATE: &str = "Sun, 22 Nov 2026 06:38:30 GMT";

/// The status of the gateway's answer, with our signature or the vector's own string signed.
fn status(cluster: &Environment, vector: &Vector, ours: bool) -> u16 {
    let now = httpdate::fmt_http_date(SystemTime::now());
    let credentials = Credentials::new(&cluster.access_key, &cluster.secret_key);
    let mut headers = HeaderMap::new();
    let mut wire = String::new();
    for (name, value) in &vector.headers {
        let value = value.replace(OLD_DATE, &now);
        let header: HeaderName = name.parse().unwrap();
        // As on the wire: if a header is repeated, the gateway sees the last one.
        headers.insert(header, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        wire.push_str(&format!("{name}: {value}\r\n"));
    }
    let text = if ours {
        string_to_sign(&vector.method, &vector.path, &vector.query, &headers, None)
    } else {
        vector.string_to_sign.replace(OLD_DATE, &now).into_bytes()
    };
    let target = if vector.query.is_empty() {
        vector.path.clone()
    } else {
        format!("{}?{}", vector.path, vector.query)
    };
    let length = headers.get("content-length").map_or(0, |value| value.to_str().unwrap().parse().unwrap());
    let body = body(vector, length);
    let host = cluster.gateways[0].trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).unwrap();
    let request = format!(
        "{} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{wire}Authorization: AWS {}:{}\r\n\r\n",
        vector.method,
        cluster.access_key,
        signature(&credentials, &text)
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream.write_all(&body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    answer.split_whitespace().nth(1).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("{answer}"))
}

fn body(vector: &Vector, length: usize) -> Vec<u8> {
    if vector.query == "delete" {
        let text = b"<Delete><Object><Key>k9</Key></Object></Delete>".to_vec();
        assert_eq!(text.len(), length, "the body of the multi-delete");
        return text;
    }
    // `ndTkYSaMgDT1yFZOFVxnpg==`, in one of the vectors, is the MD5 of this body.
    b"x".repeat(length)
}
