//! The signature vectors: AWS's documented ones, botocore's, and what a live radosgw accepted or refused. For AWS's
//! dialect there are more, made with botocore 1.44.8's `HmacV1Auth`.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use super::canonical::{self, RequestLine};
use super::{Dialect, signature};
use crate::secret::Credentials;

#[derive(Deserialize)]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) access_key: String,
    pub(crate) secret: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    string_to_sign: String,
    pub(crate) signature: String,
    pub(crate) rgw_accepts: Option<bool>,
}

impl Vector {
    fn headers(&self) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().unwrap();
            map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        map
    }

    fn ours(&self, dialect: Dialect) -> (String, String) {
        let query: BTreeMap<_, _> = self.query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let expires = (self.kind == "presign").then(|| query["Expires"]);
        let line = RequestLine { method: &self.method, path: &self.path, query: &self.query };
        let text = canonical::string_to_sign(dialect, line, &self.headers(), expires);
        let credentials = Credentials::new(&self.access_key, &self.secret);
        (String::from_utf8(text.clone()).unwrap(), signature(&credentials, &text))
    }
}

/// Those whose name begins with one of these.
pub(crate) fn vectors(prefixes: &[&str]) -> Vec<Vector> {
    let all: Vec<Vector> = serde_json::from_str(include_str!("../../../fixtures/s3v2-vectors.json"))
        .expect("the vectors are JSON");
    assert_eq!(all.len(), 275);
    all.into_iter().filter(|vector| prefixes.iter().any(|prefix| vector.name.starts_with(prefix))).collect()
}

fn assert_equal(dialect: Dialect, vectors: &[Vector]) {
    for vector in vectors {
        let (text, signature) = vector.ours(dialect);
        assert_eq!(text, vector.string_to_sign, "string to sign of {}", vector.name);
        assert_eq!(signature, vector.signature, "signature of {}", vector.name);
    }
}

#[test]
fn the_vectors_of_the_aws_documentation_are_reproduced_in_awss_dialect() {
    let aws = vectors(&["aws:", "derived:"]);
    assert_eq!(aws.len(), 16);
    assert_equal(Dialect::Aws, &aws);
    // A repeated header is where radosgw differs: the two uploads have one.
    let (repeating, others): (Vec<_>, Vec<_>) =
        aws.into_iter().partition(|vector| vector.headers().keys_len() < vector.headers.len());
    assert_eq!(repeating.len(), 2);
    assert_equal(Dialect::Radosgw, &others);
    for vector in &repeating {
        assert_ne!(vector.ours(Dialect::Radosgw).1, vector.signature, "{}", vector.name);
    }
}

#[test]
fn what_both_dialects_sign_alike_is_signed_as_botocore_does() {
    let botocore = vectors(&["botocore:"]);
    assert_eq!(botocore.len(), 200);
    assert_equal(Dialect::Radosgw, &botocore);
    assert_equal(Dialect::Aws, &botocore);
}

#[test]
fn what_only_aws_signs_is_signed_as_botocore_does() {
    let aws: Vec<Vector> = serde_json::from_str(include_str!("../../../fixtures/s3v2-aws-vectors.json"))
        .expect("the vectors are JSON");
    assert_eq!(aws.len(), 106);
    assert_equal(Dialect::Aws, &aws);
    for differs in ["flag-accelerate", "value-restore", "equals", "policy-value", "duplicates", "repeated"] {
        let vector = aws.iter().find(|vector| vector.name.ends_with(differs)).unwrap();
        assert_ne!(vector.ours(Dialect::Radosgw).1, vector.signature, "{differs}");
    }
}

#[test]
fn what_radosgw_accepted_is_signed_alike_and_what_it_refused_is_not() {
    let (accepted, refused): (Vec<_>, Vec<_>) =
        vectors(&["rgw:"]).into_iter().partition(|vector| vector.rgw_accepts == Some(true));
    assert_eq!((accepted.len(), refused.len()), (48, 11));
    assert_equal(Dialect::Radosgw, &accepted);
    for vector in refused {
        let ours = vector.ours(Dialect::Radosgw).1;
        assert_ne!(ours, vector.signature, "{} must be signed otherwise", vector.name);
    }
}

#[test]
fn the_signature_of_a_request_of_http_is_that_of_its_vector() {
    let vectors = vectors(&["botocore:", "rgw:"]);
    let signed = vectors.iter().filter(|vector| vector.kind == "header" && vector.rgw_accepts != Some(false));
    let mut seen = 0;
    for vector in signed {
        let headers = vector.headers();
        let Some(date) = headers.get("date").filter(|_| !headers.contains_key("x-amz-date")) else {
            continue;
        };
        let now = httpdate::parse_http_date(date.to_str().unwrap()).unwrap();
        let mut request = http::Request::builder()
            .method(vector.method.as_str())
            .uri(format!("http://gateway.example.com:8888{}?{}", vector.path, vector.query));
        *request.headers_mut().unwrap() = headers;
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let credentials = Credentials::new(&vector.access_key, &vector.secret);
        super::sign_parts(&mut parts, &credentials, now).unwrap();
        let expected = format!("AWS {}:{}", vector.access_key, vector.signature);
        assert_eq!(parts.headers["authorization"], expected, "{}", vector.name);
        seen += 1;
    }
    assert!(seen >= 230, "{seen}");
}
