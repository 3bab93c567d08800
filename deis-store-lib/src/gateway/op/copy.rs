//! Copies within the store: of objects, and of ranges as parts. The bytes are shared.

use std::ops::Range;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use md5::{Digest as _, Md5};
use percent_encoding::percent_decode_str;

use super::call::{Call, iso};
use super::{multipart, put};
use crate::gateway::acl::Acl;
use crate::gateway::failure::Failure;
use crate::gateway::response::Response;
use crate::gateway::store::{Change, Object};
use crate::gateway::xml::Xml;
use jiff::Timestamp;

/// Copies an object, with its metadata or with that of the request. The access control list is not copied.
pub(super) async fn object(call: &Call<'_>) -> Result<Response, Failure> {
    let source = source(call)?;
    let headers = if call.request.header("x-amz-metadata-directive") == Some("REPLACE") {
        put::kept(call.request)?.into()
    } else if from(call)? == (call.request.bucket.clone(), call.request.key.clone()) {
        // A copy onto itself that changes nothing.
        return Err(Failure::InvalidRequest);
    } else {
        source.headers.clone()
    };
    let acl = Acl::canned(call.request.header("x-amz-acl").unwrap_or_default())?;
    let (content, etag) = (source.content.clone(), source.etag.clone());
    let response = result("CopyObjectResult", call.now, &etag);
    let copy = Object { content, etag, modified: call.now, headers, acl, upload: None };
    let (bucket, key) = call.place();
    let put = Change::PutObject { bucket, key, object: Arc::new(copy) };
    call.store.change_in(&call.request.bucket, |_| Ok((vec![put], ()))).await?;
    Ok(response)
}

/// Copies an object, or a range of one, as a part of an upload. Conditions are not looked at.
pub(super) async fn part(call: &Call<'_>) -> Result<Response, Failure> {
    let (bucket, key) = from(call)?;
    let source = call.store.object(&bucket, &key)?;
    let content = match call.request.header("x-amz-copy-source-range") {
        None => source.content.clone(),
        Some(range) => source.content.slice(part_range(range, source.content.length_bytes())?),
    };
    let pieces = content.open(0..content.length_bytes());
    let md5 = pieces.try_fold(Md5::new(), async |md5, piece| Ok(md5.chain_update(&piece)));
    let md5 = md5.await.map_err(|_| Failure::InternalError)?.finalize().into();
    let etag = multipart::add_part(call, content, md5).await?;
    Ok(result("CopyPartResult", call.now, &etag))
}

/// A range that a part is made of has both ends, and lies within the object.
fn part_range(header: &str, size_bytes: u64) -> Result<Range<u64>, Failure> {
    let (first, last) =
        header.strip_prefix("bytes=").and_then(|range| range.split_once('-')).ok_or(Failure::InvalidRange)?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| Failure::InvalidRange);
    let (first, last) = (number(first)?, number(last)?);
    if first <= last && last < size_bytes { Ok(first..last + 1) } else { Err(Failure::InvalidRange) }
}

/// The object to copy, if the conditions that radosgw knows allow it: AWS's names for them are ignored.
fn source(call: &Call<'_>) -> Result<Arc<Object>, Failure> {
    let (bucket, key) = from(call)?;
    let source = call.store.object(&bucket, &key)?;
    let is = |etag: &str| etag.trim_matches('"') == source.etag;
    if call.request.header("x-amz-copy-if-match").is_some_and(|etag| !is(etag)) {
        return Err(Failure::PreconditionFailed);
    }
    if call.request.header("x-amz-copy-if-none-match").is_some_and(is) {
        return Err(Failure::NotModified);
    }
    Ok(source)
}

/// `x-amz-copy-source`: encoded as a path, the leading slash may be missing.
fn from(call: &Call<'_>) -> Result<(String, String), Failure> {
    let text = call.request.header("x-amz-copy-source").unwrap_or_default();
    let (text, version_id) = text.split_once("?versionId=").unwrap_or((text, "null"));
    if version_id != "null" {
        return Err(Failure::NoSuchKey);
    }
    let path = percent_decode_str(text).decode_utf8().map_err(|_| Failure::InvalidArgument)?;
    let (bucket, key) =
        path.strip_prefix('/').unwrap_or(&path).split_once('/').ok_or(Failure::InvalidArgument)?;
    Ok((bucket.to_owned(), key.to_owned()))
}

/// The `ETag` of a copy stands without quotes.
fn result(root: &str, modified: Timestamp, etag: &str) -> Response {
    let mut xml = Xml::of(root);
    xml.text("LastModified", iso(modified)).text("ETag", etag);
    Response::xml(xml.finish(root))
}
