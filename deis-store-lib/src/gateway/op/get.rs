//! GET and HEAD of an object.

use std::time::UNIX_EPOCH;

use http::{HeaderName, StatusCode, header};

use super::call::Call;
use crate::gateway::condition;
use crate::gateway::failure::Failure;
use crate::gateway::range::{Wanted, wanted};
use crate::gateway::response::Response;
use crate::s3::sign::http_date;

/// The headers that a signed query may put in place of the stored ones.
const OVERRIDES: [(&str, HeaderName); 6] = [
    ("response-cache-control", header::CACHE_CONTROL),
    ("response-content-disposition", header::CONTENT_DISPOSITION),
    ("response-content-encoding", header::CONTENT_ENCODING),
    ("response-content-language", header::CONTENT_LANGUAGE),
    ("response-content-type", header::CONTENT_TYPE),
    ("response-expires", header::EXPIRES),
];

pub(super) fn get(call: &Call<'_>) -> Result<Response, Failure> {
    let object = call.store.object(&call.request.bucket, &call.request.key)?;
    condition::check_read(call.request, &object)?;
    let size_bytes = object.content.length_bytes();
    let whole = 0..size_bytes;
    let (status, range, ranged) = match wanted(call.request.header("range"), size_bytes)? {
        Wanted::Whole => (StatusCode::OK, whole, false),
        Wanted::WholeInRange => (StatusCode::OK, whole, true),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range, true),
    };
    let content_range = format!("bytes {}-{}/{size_bytes}", range.start, range.end.saturating_sub(1));
    let length_bytes = range.end - range.start;
    let mut response = Response::stream(status, object.content.open(range), length_bytes)
        .with(header::ACCEPT_RANGES, "bytes")
        .with(header::ETAG, &format!("\"{}\"", object.etag))
        .with(header::LAST_MODIFIED, &http_date(object.modified.try_into().unwrap_or(UNIX_EPOCH)))
        .with(HeaderName::from_static("x-rgw-object-type"), "Normal");
    for (name, value) in &*object.headers {
        response.headers.insert(name, value.clone());
    }
    for (parameter, name) in OVERRIDES {
        if call.request.has(parameter) {
            response = response.with(name, call.request.parameter(parameter));
        }
    }
    if !call.request.parameter("versionId").is_empty() {
        response = response.with(HeaderName::from_static("x-amz-version-id"), "null");
    }
    if ranged {
        response = response.with(header::CONTENT_RANGE, &content_range);
    }
    Ok(response)
}
