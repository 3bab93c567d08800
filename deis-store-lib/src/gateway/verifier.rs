//! Whose signature a request bears, by s3s's code: so that our signer is checked by somebody else's verifier.
//!
//! s3s is shown a copy of the head alone, as radosgw reads it, and answers nothing but the question whether the
//! signature is right. It must not see bodies: what a request means is read by our own code.

use std::fmt;
use std::sync::Arc;

use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE};
use http::{HeaderMap, Method, Uri};
use http_body_util::BodyExt as _;
use s3s::auth::{S3Auth, SecretKey};
use s3s::route::S3Route;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::validation::NameValidation;
use s3s::{Body, S3Request, S3Response, S3Result, s3_error};

use super::failure::Failure;
use super::parsed_request::ParsedRequest;
use crate::s3::S3Error;
use crate::s3::op::Head;
use crate::secret::Credentials;

/// Checks signatures of version 2, in the header and in the query.
pub(super) struct Verifier(S3Service);

impl Verifier {
    /// A verifier that knows one user.
    pub(super) fn new(credentials: Credentials) -> Self {
        let mut builder = S3ServiceBuilder::new(NoOperations);
        builder.set_auth(OneUser(Arc::new(credentials)));
        builder.set_validation(AnyName);
        builder.set_route(Verified);
        Self(builder.build())
    }

    /// Whether the signature is the user's.
    pub(super) async fn verify(&self, asked: &ParsedRequest) -> Result<(), Failure> {
        let mut request = http::Request::new(Body::empty());
        *request.method_mut() = asked.method.clone();
        *request.uri_mut() = asked.signed_target().parse().map_err(|_| Failure::Malformed)?;
        for (name, value) in &asked.headers {
            let signs = [AUTHORIZATION, DATE, CONTENT_TYPE].contains(name) || *name == "content-md5";
            if signs || name.as_str().starts_with("x-amz-") {
                request.headers_mut().insert(name, value.clone());
            }
        }
        let answer = self.0.call(request).await.map_err(|_| Failure::InternalError)?;
        if answer.status().is_success() {
            return Ok(());
        }
        let head = Head { status: answer.status(), headers: HeaderMap::new() };
        let body = answer.into_body().collect().await.map_err(|_| Failure::InternalError)?.to_bytes();
        Err(match S3Error::read(&head, &body).code.as_str() {
            "SignatureDoesNotMatch" => Failure::SignatureDoesNotMatch,
            "InvalidAccessKeyId" => Failure::InvalidAccessKeyId,
            "AccessDenied" => Failure::AccessDenied,
            _ => Failure::InvalidArgument,
        })
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(..)")
    }
}

struct OneUser(Arc<Credentials>);

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

/// Names are judged later, as radosgw does: AWS's rules, which s3s has, allow no `db_wal`.
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
    fn is_match(&self, _: &Method, _: &Uri, _: &HeaderMap, _: &mut http::Extensions) -> bool {
        true
    }

    async fn call(&self, _: S3Request<Body>) -> S3Result<S3Response<Body>> {
        Ok(S3Response::new(Body::empty()))
    }
}

struct NoOperations;

impl s3s::S3 for NoOperations {}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;
    use crate::s3::sign::vectors::{Vector, vectors};

    fn asked(vector: &Vector) -> ParsedRequest {
        let target = if vector.query.is_empty() {
            vector.path.clone()
        } else {
            format!("{}?{}", vector.path, vector.query)
        };
        let mut request = http::Request::builder().method(vector.method.as_str()).uri(target);
        for (name, value) in &vector.headers {
            request = request.header(name.parse::<HeaderName>().unwrap(), value.as_bytes());
        }
        if vector.kind == "header" {
            request =
                request.header(AUTHORIZATION, format!("AWS {}:{}", vector.access_key, vector.signature));
        }
        ParsedRequest::read(&request.body(()).unwrap().into_parts().0).unwrap()
    }

    #[tokio::test]
    async fn its_verdicts_are_those_of_a_live_radosgw() {
        let (mut agreed, mut differs) = (0, Vec::new());
        for vector in vectors(&["botocore:", "derived:", "rgw:"]) {
            let credentials = Credentials::new(&vector.access_key, &vector.secret);
            let verdict = Verifier::new(credentials).verify(&asked(&vector)).await;
            if verdict.is_ok() == vector.rgw_accepts.unwrap_or(true) {
                agreed += 1;
            } else {
                differs.push((vector.name, verdict));
            }
        }
        // s3s signs neither, as the differences in the module's documentation say.
        let unknown = ["rgw:policyStatus", "rgw:publicAccessBlock"];
        differs.retain(|(name, _)| !unknown.contains(&name.as_str()));
        assert_eq!((agreed, differs), (258, vec![]));
    }
}
