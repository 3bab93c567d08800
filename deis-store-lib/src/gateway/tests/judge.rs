//! Signatures before a judge that is not ours: s3s's verifier of version 2. It must say of our signer's requests what
//! our own verifier says, since that one computes what is signed with the signer's own code.

use http::request::Parts;
use http::{Extensions, HeaderMap, Method, Uri};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use s3s::auth::{S3Auth, SecretKey};
use s3s::route::S3Route;
use s3s::service::S3ServiceBuilder;
use s3s::validation::NameValidation;
use s3s::{Body, S3Request, S3Response, S3Result, s3_error};

use super::*;
use crate::gateway::verifier::tests::{request as of_vector, verdict};
use crate::s3::sign::SIGNED_SUBRESOURCES;
use crate::s3::sign::vectors::vectors;
use crate::s3::types::percent_encode;

/// radosgw signs these and s3s does not.
const UNKNOWN_TO_S3S: [&str; 2] = ["policyStatus", "publicAccessBlock"];

/// Whether s3s takes the signature.
fn judge(head: &Parts, credentials: &Credentials) -> bool {
    let mut builder = S3ServiceBuilder::new(NoOperations);
    builder.set_auth(OneUser(credentials.clone()));
    builder.set_validation(AnyName);
    builder.set_route(Verified);
    let service = builder.build();
    let request = http::Request::from_parts(head.clone(), Body::empty());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(service.call(request)).unwrap().status().is_success()
}

/// Both verdicts: s3s's and ours.
fn verdicts(head: &Parts, credentials: &Credentials) -> (bool, bool) {
    (judge(head, credentials), verdict(head, credentials).is_ok())
}

struct OneUser(Credentials);

#[async_trait::async_trait]
impl S3Auth for OneUser {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.0.access_key() {
            Ok(String::from_utf8_lossy(self.0.secret_key()).into_owned().into())
        } else {
            Err(s3_error!(InvalidAccessKeyId))
        }
    }
}

/// AWS's rules for names, which s3s has, allow no `db_wal`.
struct AnyName;

impl NameValidation for AnyName {
    fn validate_bucket_name(&self, _: &str) -> bool {
        true
    }
}

/// The one route: it is reached when the signature is right.
struct Verified;

#[async_trait::async_trait]
impl S3Route for Verified {
    fn is_match(&self, _: &Method, _: &Uri, _: &HeaderMap, _: &mut Extensions) -> bool {
        true
    }

    async fn call(&self, _: S3Request<Body>) -> S3Result<S3Response<Body>> {
        Ok(S3Response::new(Body::empty()))
    }
}

struct NoOperations;

impl s3s::S3 for NoOperations {}

/// The head of a request as it is sent.
fn head(method: &Method, target: &str, headers: &HeaderMap) -> Parts {
    let mut request = http::Request::new(());
    *request.method_mut() = method.clone();
    *request.uri_mut() = target.parse().unwrap();
    *request.headers_mut() = headers.clone();
    request.into_parts().0
}

/// A request as our signer makes it: signed in the header, or presigned for a minute.
fn signed(mut request: Request, presigned: bool) -> Parts {
    let now = SystemTime::now();
    if presigned {
        let target = request.presigned(&credentials(), now + Duration::from_mins(1));
        head(&request.method, &target, &request.headers)
    } else {
        request.sign(&credentials(), now).unwrap();
        head(&request.method, &request.target(), &request.headers)
    }
}

/// A request with a random key, random headers and random sub-resources.
fn requests() -> impl Strategy<Value = Request> {
    let known: Vec<&str> =
        SIGNED_SUBRESOURCES.into_iter().filter(|name| !UNKNOWN_TO_S3S.contains(name)).collect();
    let methods = select(vec![Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE]);
    let query = subsequence(known, 0..4).prop_flat_map(|names| {
        let count = names.len();
        (Just(names), prop::collection::vec("\\PC{0,8}", count), any::<bool>())
    });
    let metas = prop::collection::btree_map("[a-z][a-z0-9-]{0,8}", "([!-~]([ -~]{0,12}[!-~])?)?", 0..4);
    let content_type = prop::option::of("[a-z]{1,8}/[a-z]{1,8}(; charset=[a-z0-9-]{1,5})?");
    (methods, "\\PC{1,24}", query, metas, content_type).prop_map(
        |(method, key, (names, values, other), metas, content_type)| {
            let mut query: Vec<String> = Vec::new();
            for (name, value) in names.into_iter().zip(values) {
                // radosgw drops the value of `policy`; s3s signs it.
                let value = if name == "policy" { String::new() } else { percent_encode(&value, false) };
                query.push(if value.is_empty() { name.to_owned() } else { format!("{name}={value}") });
            }
            if other {
                query.push("prefix=not%20signed".to_owned());
            }
            let path = format!("/db_wal/{}", percent_encode(&key, true));
            let mut request = Request::bare(method, path, query.join("&"));
            for (name, value) in &metas {
                let name = HeaderName::from_bytes(format!("x-amz-meta-{name}").as_bytes()).unwrap();
                request.headers.insert(name, HeaderValue::from_str(value).unwrap());
            }
            if let Some(content_type) = content_type {
                request.headers.insert("content-type", HeaderValue::from_str(&content_type).unwrap());
            }
            request
        },
    )
}

/// Changes something that is signed.
fn tampered(head: &Parts, which: Index) -> Parts {
    let target = head.uri.to_string();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut changed = head.clone();
    match which.index(6) {
        0 => changed.method = Method::PATCH,
        1 => changed.uri = format!("{path}x?{query}").parse().unwrap(),
        2 => {
            changed.headers.insert("x-amz-meta-added-later", HeaderValue::from_static("x"));
        }
        3 => {
            changed.headers.insert("content-md5", HeaderValue::from_static("1B2M2Y8AsgTpgAmY7PhCfg=="));
        }
        // Of duplicates the last one counts for radosgw, and none for s3s.
        4 => changed.uri = format!("{path}?{query}&versionId=tampered").parse().unwrap(),
        _ if query.contains("Signature=") => {
            changed.uri = target.replace("Signature=", "Signature=A").parse().unwrap();
        }
        _ => {
            let text = head.headers["authorization"].to_str().unwrap();
            let (user, signature) = text.rsplit_once(':').unwrap();
            let first = if signature.starts_with('A') { "B" } else { "A" };
            let text = format!("{user}:{first}{}", &signature[1..]);
            changed.headers.insert("authorization", HeaderValue::from_str(&text).unwrap());
        }
    }
    changed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_our_signer_signs_is_right_for_both(request in requests(), presigned: bool) {
        let head = signed(request, presigned);
        prop_assert_eq!(verdicts(&head, &credentials()), (true, true), "{:?}", head);
    }

    #[test]
    fn what_was_tampered_with_is_wrong_for_both(request in requests(), presigned: bool, which: Index) {
        let head = tampered(&signed(request, presigned), which);
        prop_assert_eq!(verdicts(&head, &credentials()), (false, false), "{:?}", head);
    }

    #[test]
    fn the_keys_of_another_are_wrong_for_both(request in requests(), presigned: bool) {
        let head = signed(request, presigned);
        for other in [Credentials::new("AKIDEIS", "wrong"), Credentials::new("OTHER", "SECRETDEIS")] {
            prop_assert_eq!(verdicts(&head, &other), (false, false), "{:?}", head);
        }
    }
}

#[test]
fn every_subresource_is_signed_alike_but_for_two_that_s3s_does_not_know() {
    for name in SIGNED_SUBRESOURCES {
        let value = if name == "policy" { "" } else { "=a%2Fb%2Bc%20d" };
        for query in [name.to_owned(), format!("{name}{value}"), format!("x=1&{name}=&y")] {
            let request = request(Method::GET, &format!("/db_wal/k?{query}"), &[]);
            let both = verdicts(&signed(request, false), &credentials());
            assert_eq!(both, (!UNKNOWN_TO_S3S.contains(&name), true), "{query}");
        }
    }
}

/// s3s signs after AWS's page: these sub-resources are signed there and not by radosgw, a repeated header is joined
/// with commas, where radosgw takes its last value, and `_` stays in names, where radosgw makes `-` of it.
const DIFFERENT: [&str; 9] = [
    "rgw:accelerate-unsigned",
    "rgw:object-lock-unsigned",
    "rgw:restore-unsigned",
    "rgw:policyStatus",
    "rgw:publicAccessBlock",
    "rgw:meta-repeat-comma",
    "rgw:meta-repeat-last",
    "rgw:meta-underscore",
    "rgw:meta-underscore-as-dash",
];

/// The vectors are requests as they were sent, some of them made by hand.
#[test]
fn the_vectors_are_judged_alike_but_for_known_differences() {
    let mut differ = Vec::new();
    let all = vectors(&["botocore:", "derived:", "rgw:"]);
    for vector in &all {
        let (head, credentials) = (of_vector(vector), Credentials::new(&vector.access_key, &vector.secret));
        let (theirs, ours) = verdicts(&head, &credentials);
        assert_eq!(ours, vector.rgw_accepts.unwrap_or(true), "{}", vector.name);
        if theirs != ours {
            differ.push(vector.name.as_str());
        }
    }
    assert_eq!((all.len(), differ), (260, DIFFERENT.to_vec()));
}
