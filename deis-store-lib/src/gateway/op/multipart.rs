//! Multipart uploads: initiate, parts, complete, abort.

use std::ops::Bound;
use std::sync::Arc;

use http::StatusCode;
use md5::{Digest as _, Md5};
use serde::Deserialize;

use super::call::{Call, iso};
use super::put;
use crate::gateway::acl::Acl;
use crate::gateway::failure::Failure;
use crate::gateway::request_body::RequestBody;
use crate::gateway::response::Response;
use crate::gateway::store::{Bucket, Change, Content, Object, Part, Upload};
use crate::gateway::xml::Xml;
use crate::hash::lower_hex;

pub(super) async fn initiate(call: &Call<'_>) -> Result<Response, Failure> {
    let headers = put::kept(call.request)?.into();
    let acl = Acl::canned(call.request.header("x-amz-acl").unwrap_or_default())?;
    let id = call.store.new_upload();
    let (bucket, key) = call.place();
    let begin = Change::BeginUpload { bucket, key, id: id.clone(), initiated: call.now, headers, acl };
    call.store.change_in(&call.request.bucket, |_| Ok((vec![begin], ()))).await?;
    let mut xml = Xml::of("InitiateMultipartUploadResult");
    xml.text("Bucket", &call.request.bucket).text("Key", &call.request.key).text("UploadId", id);
    Ok(Response::xml(xml.finish("InitiateMultipartUploadResult")))
}

pub(super) async fn upload_part(call: &Call<'_>, payload: &mut RequestBody) -> Result<Response, Failure> {
    with_upload(call, |_| Ok(()))?;
    let (content, md5) = put::body(call, payload).await?;
    let etag = add_part(call, content, md5).await?;
    Ok(put::stored(&etag))
}

/// Adds a part, or replaces it, and says its `ETag`. Numbers beyond 1 to 10,000 are taken, as radosgw does.
pub(super) async fn add_part(call: &Call<'_>, content: Content, md5: [u8; 16]) -> Result<String, Failure> {
    let number: u32 = call.request.parameter("partNumber").parse().map_err(|_| Failure::InvalidArgument)?;
    let part = Part { content, md5, modified: call.now };
    let ((bucket, key), id) = (call.place(), call.request.parameter("uploadId").to_owned());
    let decide = move |there: &Bucket| {
        upload(there, &key, &id)?;
        Ok((vec![Change::PutPart { bucket, key, id, number, part }], ()))
    };
    call.store.change_in(&call.request.bucket, decide).await?;
    Ok(lower_hex(&md5))
}

pub(super) async fn abort(call: &Call<'_>) -> Result<Response, Failure> {
    let ((bucket, key), id) = (call.place(), call.request.parameter("uploadId").to_owned());
    let decide = move |there: &Bucket| {
        upload(there, &key, &id)?;
        Ok((vec![Change::EndUpload { bucket, key, id }], ()))
    };
    call.store.change_in(&call.request.bucket, decide).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}

pub(super) fn list_parts(call: &Call<'_>) -> Result<Response, Failure> {
    let number = |name: &str, default| match call.request.parameter(name) {
        "" => Ok(default),
        text => text.parse::<u32>().map_err(|_| Failure::InvalidArgument),
    };
    let (after, most) = (number("part-number-marker", 0)?, number("max-parts", 1000)?.min(1000));
    let mut xml = Xml::of("ListPartsResult");
    xml.text("Bucket", &call.request.bucket).text("Key", &call.request.key);
    xml.text("UploadId", call.request.parameter("uploadId")).text("StorageClass", "STANDARD");
    with_upload(call, |upload| {
        let mut parts = upload.parts.range((Bound::Excluded(after), Bound::Unbounded));
        let page: Vec<_> = parts.by_ref().take(most as usize).collect();
        let last = page.last().map_or(after, |(number, _)| **number);
        xml.text("PartNumberMarker", after).text("NextPartNumberMarker", last);
        xml.text("MaxParts", most).text("IsTruncated", most > 0 && parts.next().is_some());
        xml.open("Owner").text("ID", "").text("DisplayName", "").close("Owner");
        for (number, part) in page {
            xml.open("Part").text("LastModified", iso(part.modified)).text("PartNumber", number);
            xml.text("ETag", format_args!("\"{}\"", lower_hex(&part.md5)));
            xml.text("Size", part.content.length_bytes()).close("Part");
        }
        Ok(())
    })
    .map_err(|failure| match failure {
        // radosgw looks for an object then, which it does not find in any case.
        Failure::NoSuchUpload => Failure::NoSuchKey,
        other => other,
    })?;
    Ok(Response::xml(xml.finish("ListPartsResult")))
}

/// Makes the object. All parts that were uploaded must be named, in any order. A completion may be repeated; only
/// the repeated one says the `ETag`.
pub(super) async fn complete(call: &Call<'_>, payload: &mut RequestBody) -> Result<Response, Failure> {
    let body = payload.xml().await?;
    let text = std::str::from_utf8(&body).map_err(|_| Failure::MalformedXml)?;
    let named: Completion = quick_xml::de::from_str(text).map_err(|_| Failure::MalformedXml)?;
    if named.part.is_empty() {
        return Err(Failure::MalformedXml);
    }
    let ((name, key), id) = (call.place(), call.request.parameter("uploadId").to_owned());
    let (least_bytes, now) = (call.store.limits().least_part_bytes, call.now);
    let decide = move |bucket: &Bucket| {
        let Ok(upload) = upload(bucket, &key, &id) else {
            return Ok((Vec::new(), repeated(bucket, &key, &id)?));
        };
        let (content, etag) = assemble(upload, named.part, least_bytes)?;
        let (headers, acl) = (upload.headers.clone(), upload.acl.clone());
        let object = Object { content, etag, modified: now, headers, acl, upload: Some(id.clone()) };
        let put = Change::PutObject { bucket: name.clone(), key: key.clone(), object: Arc::new(object) };
        Ok((vec![put, Change::EndUpload { bucket: name, key, id }], String::new()))
    };
    let etag = call.store.change_in(&call.request.bucket, decide).await?;
    let mut xml = Xml::of("CompleteMultipartUploadResult");
    let host = call.request.header("host").unwrap_or_default();
    xml.text("Location", format_args!("http://{host}/{}/{}", call.request.bucket, call.request.key));
    xml.text("Bucket", &call.request.bucket).text("Key", &call.request.key).text("ETag", etag);
    Ok(Response::xml(xml.finish("CompleteMultipartUploadResult")))
}

/// The `ETag` of the object that this upload has made already.
fn repeated(bucket: &Bucket, key: &str, id: &str) -> Result<String, Failure> {
    let made = bucket.objects.get(key).filter(|object| object.upload.as_deref() == Some(id));
    // radosgw: "This multipart completion is already in progress".
    made.map(|object| object.etag.clone()).ok_or(Failure::InternalError)
}

/// The bytes of the object that an upload makes, and its `ETag`.
fn assemble(
    upload: &Upload,
    mut named: Vec<NamedPart>,
    least_bytes: u64,
) -> Result<(Content, String), Failure> {
    named.sort_by_key(|part| part.part_number);
    let numbers = named.iter().map(|part| part.part_number);
    if !numbers.eq(upload.parts.keys().copied()) || upload.parts.contains_key(&0) {
        return Err(Failure::InvalidPart);
    }
    let (mut contents, mut md5) = (Vec::with_capacity(named.len()), Md5::new());
    for (part, named) in upload.parts.values().zip(&named) {
        if named.etag.trim_matches('"') != lower_hex(&part.md5) {
            return Err(Failure::InvalidPart);
        }
        let is_last = contents.len() + 1 == upload.parts.len();
        if !is_last && part.content.length_bytes() < least_bytes {
            return Err(Failure::EntityTooSmall);
        }
        contents.push(part.content.clone());
        md5.update(part.md5);
    }
    let md5: [u8; 16] = md5.finalize().into();
    let etag = format!("{}-{}", lower_hex(&md5), contents.len());
    Ok((Content::join(contents), etag))
}

fn upload<'a>(bucket: &'a Bucket, key: &str, id: &str) -> Result<&'a Upload, Failure> {
    bucket.uploads.get(&(key.to_owned(), id.to_owned())).ok_or(Failure::NoSuchUpload)
}

fn with_upload<T>(call: &Call<'_>, work: impl FnOnce(&Upload) -> Result<T, Failure>) -> Result<T, Failure> {
    let id = call.request.parameter("uploadId");
    call.store.bucket(&call.request.bucket, |bucket| upload(bucket, &call.request.key, id).and_then(work))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Completion {
    #[serde(default)]
    part: Vec<NamedPart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NamedPart {
    part_number: u32,
    #[serde(rename = "ETag")]
    etag: String,
}
