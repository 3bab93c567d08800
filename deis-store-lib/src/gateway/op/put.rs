//! PUT of an object, and what is kept with it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::call::Call;
use crate::gateway::acl::Acl;
use crate::gateway::condition::WriteCondition;
use crate::gateway::failure::Failure;
use crate::gateway::parsed_request::ParsedRequest;
use crate::gateway::request_body::RequestBody;
use crate::gateway::response::Response;
use crate::gateway::store::{Bucket, Change, Content, Object};
use crate::hash::lower_hex;
use crate::s3::op::KEPT_HEADERS;

pub(super) async fn put(call: &Call<'_>, payload: &mut RequestBody) -> Result<Response, Failure> {
    let headers = kept(call.request)?.into();
    let acl = Acl::canned(call.request.header("x-amz-acl").unwrap_or_default())?;
    call.store.bucket(&call.request.bucket, |_| Ok(()))?;
    let (content, md5) = body(call, payload).await?;
    let etag = lower_hex(&md5);
    let response = stored(&etag);
    let object = Arc::new(Object { content, etag, modified: call.now, headers, acl, upload: None });
    let (condition, (name, key)) = (WriteCondition::of(call.request), call.place());
    let decide = move |bucket: &Bucket| {
        condition.check(bucket.objects.get(&key).map(AsRef::as_ref))?;
        Ok((vec![Change::PutObject { bucket: name, key, object }], ()))
    };
    call.store.change_in(&call.request.bucket, decide).await?;
    Ok(response)
}

/// The answer to an object or a part that was stored.
pub(super) fn stored(etag: &str) -> Response {
    let response = Response::empty(StatusCode::OK).with(header::ETAG, &format!("\"{etag}\""));
    response.with(header::ACCEPT_RANGES, "bytes")
}

/// Takes in the body of an object or a part, and checks it against `Content-MD5`.
pub(super) async fn body(call: &Call<'_>, payload: &mut RequestBody) -> Result<(Content, [u8; 16]), Failure> {
    let expected = call.request.header("content-md5").map(digest).transpose()?;
    let (content, md5) = call.store.receive(payload).await?;
    if expected.is_some_and(|expected| expected != md5) {
        return Err(Failure::BadDigest);
    }
    Ok((content, md5))
}

fn digest(text: &str) -> Result<[u8; 16], Failure> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"+/= ".contains(&byte);
    if !text.bytes().all(known) {
        return Err(Failure::AccessDenied);
    }
    BASE64.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(Failure::InvalidDigest)
}

/// Type, metadata and other headers that are kept with an object, verbatim.
pub(super) fn kept(request: &ParsedRequest) -> Result<Vec<(HeaderName, HeaderValue)>, Failure> {
    if request.headers.contains_key("x-amz-server-side-encryption") {
        return Err(Failure::InvalidRequest);
    }
    if request.header("x-amz-storage-class").is_some_and(|class| class != "STANDARD") {
        return Err(Failure::InvalidArgument);
    }
    let is_kept = |name: &str| {
        KEPT_HEADERS.contains(&name)
            || ["content-type", "x-amz-storage-class", "x-amz-website-redirect-location"].contains(&name)
            || name.strip_prefix("x-amz-meta-").is_some_and(|name| !name.is_empty())
    };
    let mut kept: Vec<_> = request
        .headers
        .iter()
        .filter(|(name, _)| is_kept(name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if !request.headers.contains_key(header::CONTENT_TYPE) {
        kept.push((header::CONTENT_TYPE, HeaderValue::from_static("binary/octet-stream")));
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_sixteen_bytes_in_base64() {
        assert_eq!(digest("1B2M2Y8AsgTpgAmY7PhCfg==").unwrap()[0], 0xd4);
        for wrong in ["YWJyYWNhZGFicmE=", "", "1B2M 2Y8AsgTpgAmY7PhCfg==", "d41d8cd98f00b204e9800998ecf8427e"]
        {
            assert_eq!(digest(wrong), Err(Failure::InvalidDigest), "{wrong}");
        }
        assert_eq!(digest("1B2M2Y8AsgTpgAmY7PhCf-=="), Err(Failure::AccessDenied));
    }
}
