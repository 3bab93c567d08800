//! The signature vectors: AWS's documented ones, botocore's, and what a live radosgw accepted or refused.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use super::{signature, string_to_sign};
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
    /// The vector's headers; AWS's form of a repeated one is a single one joined with commas.
    fn headers(&self, join: bool) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().unwrap();
            let joined = match map.get(&name) {
                Some(before) if join => [HeaderValue::as_bytes(before), b",", value.as_bytes()].concat(),
                _ => value.as_bytes().to_vec(),
            };
            map.insert(name, HeaderValue::from_bytes(&joined).unwrap());
        }
        map
    }

    fn ours(&self) -> (String, String) {
        let query: BTreeMap<_, _> = self.query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let expires = (self.kind == "presign").then(|| query["Expires"]);
        let headers = self.headers(self.name.starts_with("aws:"));
        let text = string_to_sign(&self.method, &self.path, &self.query, &headers, expires);
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

fn assert_equal(vectors: &[Vector]) {
    for vector in vectors {
        let (text, signature) = vector.ours();
        assert_eq!(text, vector.string_to_sign, "string to sign of {}", vector.name);
        assert_eq!(signature, vector.signature, "signature of {}", vector.name);
    }
}

#[test]
fn the_vectors_of_the_aws_documentation_are_reproduced() {
    let aws = vectors(&["aws:", "derived:"]);
    assert_eq!(aws.len(), 16);
    assert_equal(&aws);
}

#[test]
fn the_vectors_of_botocore_are_reproduced() {
    let botocore = vectors(&["botocore:"]);
    assert_eq!(botocore.len(), 200);
    assert_equal(&botocore);
}

#[test]
fn what_radosgw_accepted_is_signed_alike_and_what_it_refused_is_not() {
    let (accepted, refused): (Vec<_>, Vec<_>) =
        vectors(&["rgw:"]).into_iter().partition(|vector| vector.rgw_accepts == Some(true));
    assert_eq!((accepted.len(), refused.len()), (48, 11));
    assert_equal(&accepted);
    for vector in refused {
        assert_ne!(vector.ours().1, vector.signature, "{} must be signed otherwise", vector.name);
    }
}
