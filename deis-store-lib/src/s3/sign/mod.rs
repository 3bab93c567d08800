//! Signature version 2: HMAC-SHA1 over a description of the request.
//!
//! Pure: no I/O, and the time is an argument. What is signed is what radosgw 16.2 was seen to sign
//! (`rgw_create_s3_canonical_header` in Ceph's `src/rgw/rgw_auth_s3.cc`); where that differs from AWS's page "Signing
//! and authenticating REST requests", radosgw is followed and the difference named.

mod canonical;
mod date;
#[cfg(test)]
pub(crate) mod vectors;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::{AUTHORIZATION, DATE};
use http::{HeaderMap, HeaderValue};
use sha1::Sha1;

pub use canonical::SIGNED_SUBRESOURCES;
pub(crate) use date::http_date;

use crate::s3::op::Request;
use crate::s3::types::percent_encode;
use crate::secret::Credentials;

/// Signs a request for its header: sets `Date` and `Authorization`.
///
/// Only one date is sent: Ceph before Luminous took `Date` where `x-amz-date` was sent too. A time that HTTP has no
/// form for becomes the nearest one that it has.
pub fn sign(request: &mut Request, credentials: &Credentials, now: SystemTime) {
    request.headers.insert(DATE, ascii(&http_date(now)));
    let text =
        string_to_sign(request.method.as_str(), &request.path, request.query(), &request.headers, None);
    let mut value = ascii(&format!("AWS {}:{}", credentials.access_key(), signature(credentials, &text)));
    value.set_sensitive(true);
    request.headers.insert(AUTHORIZATION, value);
}

/// The path and query of a presigned request, which holds until `expires`.
///
/// Every `x-amz-` header, `Content-Type` and `Content-MD5` of the request is signed, so its user must send them too.
#[must_use]
pub fn presign(request: &Request, credentials: &Credentials, expires: SystemTime) -> String {
    let expires = expires.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs().to_string();
    let text = string_to_sign(
        request.method.as_str(),
        &request.path,
        request.query(),
        &request.headers,
        Some(&expires),
    );
    let separator = if request.query().is_empty() { "" } else { "&" };
    format!(
        "{}?{}{separator}AWSAccessKeyId={}&Expires={expires}&Signature={}",
        request.path,
        request.query(),
        percent_encode(credentials.access_key(), false),
        percent_encode(&signature(credentials, &text), false),
    )
}

/// The text that is signed. `path` and `query` are as on the wire; `expires` is set for a presigned request.
#[must_use]
pub fn string_to_sign(
    method: &str,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    expires: Option<&str>,
) -> Vec<u8> {
    let header = |name: &str| headers.get(name).map_or(&b""[..], |value| value.as_bytes().trim_ascii());
    let date = match expires {
        Some(expires) => expires.as_bytes(),
        None if headers.contains_key("x-amz-date") => b"",
        None => header("date"),
    };
    let mut text = Vec::with_capacity(256);
    for line in [method.as_bytes(), header("content-md5"), header("content-type"), date] {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    canonical::amz_headers(headers, &mut text);
    canonical::resource(path, query, &mut text);
    text
}

/// The signature of a text: base64 of its HMAC-SHA1.
#[must_use]
pub fn signature(credentials: &Credentials, text: &[u8]) -> String {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(credentials.secret_key()) else { return String::new() };
    mac.update(text);
    BASE64.encode(mac.finalize().into_bytes())
}

/// Dates and signatures are ASCII; an access key that is not would be refused by the server as unknown.
fn ascii(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}
