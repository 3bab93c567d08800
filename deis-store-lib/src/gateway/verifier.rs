//! Whose signature a request bears. Pure: the time is an argument.
//!
//! The text to sign is computed by our signer, over the request as it was received.

use std::time::SystemTime;

use super::date;
use super::failure::Failure;
use super::parsed_request::ParsedRequest;
use crate::s3::sign::{is_signature, string_to_sign};
use crate::secret::Credentials;

/// The parameters of a presigned request.
const PRESIGNED: [&str; 3] = ["AWSAccessKeyId", "Expires", "Signature"];

/// Checks signatures of version 2, in the header and in the query, for one user.
#[derive(Debug)]
pub(super) struct Verifier {
    credentials: Credentials,
}

impl Verifier {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self { credentials }
    }

    /// Whether the request is the user's, and for now; `false` if it bears no signature at all.
    pub(super) fn is_signed(&self, request: &ParsedRequest, now: SystemTime) -> Result<bool, Failure> {
        let presigned = PRESIGNED.iter().any(|name| *name != "Expires" && request.has(name));
        match request.header("authorization").unwrap_or_default() {
            "" if presigned && !PRESIGNED.iter().all(|name| request.has(name)) => {
                return Err(if request.has("Expires") {
                    Failure::InvalidArgument
                } else {
                    Failure::AccessDenied
                });
            }
            "" if presigned => date::check_expiry(request, now)?,
            "" if request.has("X-Amz-Signature") => return Err(Failure::NotImplemented),
            "" => return Ok(false),
            _ if presigned => return Err(Failure::AccessDenied),
            text if text.starts_with("AWS4-") => return Err(Failure::NotImplemented),
            text if !text.starts_with("AWS ") || !text.contains(':') => return Err(Failure::InvalidArgument),
            _ => date::check_date(request, now)?,
        }
        self.check(request).map(|()| true)
    }

    /// Checks access key and signature, at whatever time.
    fn check(&self, request: &ParsedRequest) -> Result<(), Failure> {
        let in_header = request.header("authorization").and_then(|text| text.strip_prefix("AWS "));
        let (access_key, signature, expires) = if let Some(text) = in_header {
            let (access_key, signature) = text.rsplit_once(':').ok_or(Failure::InvalidArgument)?;
            (access_key, signature, None)
        } else {
            let [access_key, expires, signature] = PRESIGNED.map(|name| request.parameter(name));
            (access_key, signature, Some(expires))
        };
        if access_key != self.credentials.access_key() {
            return Err(Failure::InvalidAccessKeyId);
        }
        let text =
            string_to_sign(request.method.as_str(), &request.path, &request.query, &request.headers, expires);
        if is_signature(&self.credentials, &text, signature) {
            Ok(())
        } else {
            Err(Failure::SignatureDoesNotMatch)
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use http::HeaderName;
    use http::header::AUTHORIZATION;

    use super::*;
    use crate::s3::sign::vectors::Vector;

    /// The request that a vector describes.
    pub(in crate::gateway) fn request(vector: &Vector) -> http::request::Parts {
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
        request.body(()).unwrap().into_parts().0
    }

    /// The verdict on a request, at whatever time.
    pub(in crate::gateway) fn verdict(
        request: &http::request::Parts,
        credentials: &Credentials,
    ) -> Result<(), Failure> {
        Verifier::new(credentials.clone()).check(&ParsedRequest::read(request)?)
    }
}
