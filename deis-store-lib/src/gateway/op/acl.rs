//! Access control lists of buckets and objects.

use std::sync::Arc;

use http::StatusCode;

use super::call::Call;
use crate::gateway::acl::Acl;
use crate::gateway::failure::Failure;
use crate::gateway::request_body::RequestBody;
use crate::gateway::response::Response;
use crate::gateway::store::{Bucket, Change, Object};

pub(super) fn of_bucket(call: &Call<'_>) -> Result<Response, Failure> {
    call.store.bucket(&call.request.bucket, |bucket| Ok(Response::xml(bucket.acl.to_xml())))
}

pub(super) fn of_object(call: &Call<'_>) -> Result<Response, Failure> {
    let object = call.store.object(&call.request.bucket, &call.request.key)?;
    Ok(Response::xml(object.acl.to_xml()))
}

/// Sets the list: as XML, or by `x-amz-acl` with an empty body.
pub(super) async fn put(call: &Call<'_>, payload: &mut RequestBody) -> Result<Response, Failure> {
    if payload.length_bytes().is_none() {
        return Err(Failure::MissingContentLength);
    }
    let body = payload.xml().await?;
    let acl = match call.request.header("x-amz-acl") {
        Some(name) => Acl::canned(name)?,
        None => Acl::parse(&body)?,
    };
    let (name, key) = call.place();
    let decide = move |bucket: &Bucket| {
        if key.is_empty() {
            return Ok((vec![Change::SetBucketAcl { bucket: name, acl }], ()));
        }
        let object = bucket.objects.get(&key).ok_or(Failure::NoSuchKey)?;
        let changed = Object {
            content: object.content.clone(),
            etag: object.etag.clone(),
            modified: object.modified,
            headers: object.headers.clone(),
            acl,
            upload: object.upload.clone(),
        };
        Ok((vec![Change::PutObject { bucket: name, key, object: Arc::new(changed) }], ()))
    };
    call.store.change_in(&call.request.bucket, decide).await?;
    Ok(Response::empty(StatusCode::OK))
}
