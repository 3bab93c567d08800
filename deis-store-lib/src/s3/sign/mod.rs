//! Signature version 2: HMAC-SHA1 over a description of the request, for any HTTP client that has the types of `http` 1.
//!
//! Pure: no I/O, and the time is an argument. It signs the text that radosgw 16.2 was seen to sign
//! (`rgw_create_s3_canonical_header` in Ceph's `src/rgw/rgw_auth_s3.cc`); [`Dialect::Aws`] has the habits of AWS.
//!
//! ```
//! use std::time::SystemTime;
//!
//! use deis_store::s3::sign::sign_parts;
//! use deis_store::secret::Credentials;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let credentials = Credentials::new("access key", "secret key");
//! let request = http::Request::get("http://10.0.0.5:8888/bucket/a%20key?acl").body(())?;
//! let (mut parts, body) = request.into_parts();
//! sign_parts(&mut parts, &credentials, SystemTime::now())?;
//! let request = http::Request::from_parts(parts, body); // Now send it, as it is.
//! # assert!(request.headers().contains_key("authorization"));
//! # Ok(())
//! # }
//! ```
//!
//! # What must hold until the request is sent
//!
//! - The path is signed as it stands, still encoded, so it must be sent so. Parsers of URLs that take `.` and `..` away,
//!   proxies that decode, and clients that encode anew break the signature.
//!   [`ObjectKey::path_in`](crate::s3::ObjectKey::path_in) encodes a key once for all.
//! - The bucket is the first segment of the path. `Host` is not signed, and a bucket in it is not found there.
//! - `Content-Type`, `Content-MD5` and all `x-amz-` headers are signed: what an HTTP client adds of them later breaks the
//!   signature. Send none of them twice.
//! - It holds for 15 minutes: sign each attempt anew.

mod canonical;
mod date;
mod dialect;
#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod vectors;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::{AUTHORIZATION, DATE};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Uri};
use sha1::Sha1;

pub(crate) use canonical::RequestLine;
pub(crate) use date::http_date;
pub use dialect::Dialect;
#[cfg(all(test, feature = "operations"))]
pub(crate) use dialect::SIGNED_SUBRESOURCES;

#[cfg(feature = "gateway")]
pub(crate) use dialect::TAKEN_FOR_AMZ;

use crate::error::{Error, ErrorKind, Result};
use crate::s3::types::percent_encode;
use crate::secret::Credentials;

/// The parameters that presign a request.
const PRESIGNED: [&str; 3] = ["AWSAccessKeyId", "Expires", "Signature"];

/// Signs a request for a radosgw: [`Dialect::sign_parts`] of [`Dialect::Radosgw`].
pub fn sign_parts(parts: &mut Parts, credentials: &Credentials, now: SystemTime) -> Result<()> {
    Dialect::Radosgw.sign_parts(parts, credentials, now)
}

/// A URI by which anybody can do the same to a radosgw until a time, without headers that are signed.
/// [`Dialect::presign_parts`] is for a request that has some.
pub fn presign_uri(
    method: &Method,
    uri: &Uri,
    credentials: &Credentials,
    expires: SystemTime,
) -> Result<Uri> {
    Dialect::Radosgw.presigned(method, uri, &HeaderMap::new(), credentials, expires)
}

impl Dialect {
    /// Signs a request for its header: sets `Date` and `Authorization`.
    ///
    /// Only one date is sent, so `x-amz-date` is taken away: Ceph before Luminous took `Date` where both were sent. A time
    /// that HTTP has no form for becomes the nearest one that it has.
    ///
    /// An [`ErrorKind::Usage`] error if the URI has no path or is presigned already, or the access key has control
    /// characters.
    pub fn sign_parts(self, parts: &mut Parts, credentials: &Credentials, now: SystemTime) -> Result<()> {
        let Parts { method, uri, headers, .. } = parts;
        self.sign(line(method, uri)?, headers, credentials, now)
    }

    /// Signs a request in its URI, which anybody can use until a time.
    ///
    /// `Content-MD5`, `Content-Type` and all `x-amz-` headers that the request has are signed: they must be sent with it.
    ///
    /// An [`ErrorKind::Usage`] error if the URI has no path, is presigned already or becomes too long, has a parameter
    /// that begins `x-amz-` (which servers sign in different ways), or if there is an `Authorization` header, with which
    /// servers refuse it.
    pub fn presign_parts(
        self,
        parts: &mut Parts,
        credentials: &Credentials,
        expires: SystemTime,
    ) -> Result<()> {
        parts.uri = self.presigned(&parts.method, &parts.uri, &parts.headers, credentials, expires)?;
        Ok(())
    }

    fn presigned(
        self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        credentials: &Credentials,
        expires: SystemTime,
    ) -> Result<Uri> {
        if headers.contains_key(AUTHORIZATION) {
            return Err(usage("a presigned request has no Authorization header"));
        }
        let line = line(method, uri)?;
        if has_parameter(line.query, |name| name.to_ascii_lowercase().starts_with("x-amz-")) {
            return Err(usage("an x-amz- parameter in a query cannot be signed").todo("send it as a header"));
        }
        let target = self.presign(line, headers, credentials, expires);
        let too_long = |error: http::Error| usage("the presigned URI is none").because(error);
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::try_from(target).map_err(|error| too_long(error.into()))?);
        Uri::from_parts(parts).map_err(|error| too_long(error.into()))
    }

    /// Sets `Date` and `Authorization`.
    pub(crate) fn sign(
        self,
        line: RequestLine<'_>,
        headers: &mut HeaderMap,
        credentials: &Credentials,
        now: SystemTime,
    ) -> Result<()> {
        headers.remove("x-amz-date");
        // A date is ASCII.
        headers.insert(DATE, HeaderValue::from_str(&http_date(now)).unwrap_or(HeaderValue::from_static("")));
        let text = canonical::string_to_sign(self, line, headers, None);
        let value = format!("AWS {}:{}", credentials.access_key(), signature(credentials, &text));
        let mut value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| usage("the access key has control characters").todo("check the access key"))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        Ok(())
    }

    /// The path and query of a presigned request.
    pub(crate) fn presign(
        self,
        line: RequestLine<'_>,
        headers: &HeaderMap,
        credentials: &Credentials,
        expires: SystemTime,
    ) -> String {
        let expires = expires.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs().to_string();
        let text = canonical::string_to_sign(self, line, headers, Some(&expires));
        let separator = if line.query.is_empty() { "" } else { "&" };
        format!(
            "{}?{}{separator}AWSAccessKeyId={}&Expires={expires}&Signature={}",
            line.path,
            line.query,
            percent_encode(credentials.access_key(), false),
            percent_encode(&signature(credentials, &text), false),
        )
    }
}

/// The text that radosgw signs. `path` and `query` are as on the wire; `expires` is set for a presigned request.
#[must_use]
pub fn string_to_sign(
    method: &str,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    expires: Option<&str>,
) -> Vec<u8> {
    canonical::string_to_sign(Dialect::Radosgw, RequestLine { method, path, query }, headers, expires)
}

/// The signature of a text: base64 of its HMAC-SHA1.
#[must_use]
pub fn signature(credentials: &Credentials, text: &[u8]) -> String {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(credentials.secret_key()) else { return String::new() };
    mac.update(text);
    BASE64.encode(mac.finalize().into_bytes())
}

/// Whether this is the signature of a text. It takes the same time wherever two signatures begin to differ.
#[cfg(feature = "gateway")]
pub(crate) fn is_signature(credentials: &Credentials, text: &[u8], signature: &str) -> bool {
    let (Ok(mut mac), Ok(signature)) =
        (Hmac::<Sha1>::new_from_slice(credentials.secret_key()), BASE64.decode(signature))
    else {
        return false;
    };
    mac.update(text);
    mac.verify_slice(&signature).is_ok()
}

fn line<'a>(method: &'a Method, uri: &'a Uri) -> Result<RequestLine<'a>> {
    let line =
        RequestLine { method: method.as_str(), path: uri.path(), query: uri.query().unwrap_or_default() };
    if !line.path.starts_with('/') {
        return Err(usage("the URI has no path").todo("use `http://HOST/BUCKET/KEY` or `/BUCKET/KEY`"));
    }
    if has_parameter(line.query, |name| PRESIGNED.contains(&name)) {
        return Err(usage("the URI is presigned already").todo("sign it as it was before"));
    }
    Ok(line)
}

fn has_parameter(query: &str, is_wanted: impl Fn(&str) -> bool) -> bool {
    query.split('&').any(|token| {
        let name = token.split('=').next().unwrap_or_default();
        is_wanted(&percent_encoding::percent_decode_str(name).decode_utf8_lossy())
    })
}

fn usage(what: &str) -> Error {
    Error::new(ErrorKind::Usage, what)
}
