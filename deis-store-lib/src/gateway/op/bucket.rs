//! Buckets: list, create, delete, and their totals.

use std::net::Ipv4Addr;

use http::{HeaderName, StatusCode};
use serde::Deserialize;

use super::call::{Call, iso};
use crate::gateway::acl::{Acl, owner};
use crate::gateway::failure::Failure;
use crate::gateway::request_body::RequestBody;
use crate::gateway::response::Response;
use crate::gateway::store::{Bucket, Buckets, Change};
use crate::gateway::xml::Xml;

const ROOT: &str = "ListAllMyBucketsResult";

pub(super) fn list(call: &Call<'_>) -> Response {
    let mut xml = Xml::of(ROOT);
    owner(&mut xml);
    xml.open("Buckets");
    for (name, bucket) in call.store.buckets().iter() {
        xml.open("Bucket").text("Name", name).text("CreationDate", iso(bucket.created)).close("Bucket");
    }
    xml.close("Buckets");
    Response::xml(xml.finish(ROOT))
}

/// The same for somebody who did not sign: it looks like an empty account.
pub(in crate::gateway) fn anonymous() -> Response {
    let mut xml = Xml::of(ROOT);
    xml.open("Owner").text("ID", "anonymous").text("DisplayName", "").close("Owner");
    xml.open("Buckets").close("Buckets");
    Response::xml(xml.finish(ROOT))
}

/// The names that radosgw allows with `rgw relaxed s3 bucket names = true`.
pub(super) fn check_name(name: &str) -> Result<(), Failure> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.is_empty() {
        return Err(Failure::NoSuchBucket);
    }
    if name.contains(':') {
        // The part before the colon is another tenant.
        return Err(Failure::AccessDenied);
    }
    if (3..=255).contains(&name.len()) && name.bytes().all(legal) && name.parse::<Ipv4Addr>().is_err() {
        Ok(())
    } else {
        Err(Failure::InvalidBucketName)
    }
}

/// Creates a bucket; one's own may be there already.
pub(super) async fn create(call: &Call<'_>, payload: &mut RequestBody) -> Result<Response, Failure> {
    let acl = Acl::canned(call.request.header("x-amz-acl").unwrap_or_default())?;
    check_location(&payload.xml().await?)?;
    let (bucket, created) = (call.request.bucket.clone(), call.now);
    let decide = move |buckets: &Buckets| {
        let is_there = buckets.contains_key(&bucket);
        let create = Change::CreateBucket { bucket, created, acl };
        Ok((if is_there { Vec::new() } else { vec![create] }, ()))
    };
    call.store.change(decide).await?;
    Ok(Response::empty(StatusCode::OK))
}

fn check_location(body: &[u8]) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct Configuration {
        #[serde(rename = "LocationConstraint", default)]
        location: String,
    }
    if body.is_empty() {
        return Ok(());
    }
    let text = std::str::from_utf8(body).map_err(|_| Failure::InvalidArgument)?;
    let configuration: Configuration = quick_xml::de::from_str(text).map_err(|_| Failure::InvalidArgument)?;
    match configuration.location.as_str() {
        "" | "default" | ":default-placement" => Ok(()),
        _ => Err(Failure::InvalidLocationConstraint),
    }
}

/// Deletes an empty bucket, with the uploads that are under way in it.
pub(super) async fn delete(call: &Call<'_>) -> Result<Response, Failure> {
    let name = call.request.bucket.clone();
    let decide = move |bucket: &Bucket| {
        if !bucket.objects.is_empty() {
            return Err(Failure::BucketNotEmpty);
        }
        Ok((vec![Change::DeleteBucket { bucket: name }], ()))
    };
    call.store.change_in(&call.request.bucket, decide).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}

/// The totals. Parts of uploads under way are not counted.
pub(super) fn head(call: &Call<'_>) -> Result<Response, Failure> {
    let (objects, bytes) =
        call.store.bucket(&call.request.bucket, |bucket| Ok((bucket.objects.len(), bucket.bytes())))?;
    let mut response = Response::empty(StatusCode::OK)
        .with(HeaderName::from_static("x-rgw-object-count"), &objects.to_string())
        .with(HeaderName::from_static("x-rgw-bytes-used"), &bytes.to_string());
    for quota in [
        "x-rgw-quota-user-size",
        "x-rgw-quota-user-objects",
        "x-rgw-quota-bucket-size",
        "x-rgw-quota-bucket-objects",
    ] {
        response = response.with(HeaderName::from_static(quota), "-1");
    }
    Ok(response.with(HeaderName::from_static("x-rgw-quota-max-buckets"), "1000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_as_with_relaxed_names() {
        for name in ["db_wal", "registry", "UPPER", "-a-", "a..b", &"a".repeat(64)] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["ab", "127.0.0.1", "a b c", "büc"] {
            assert_eq!(check_name(name), Err(Failure::InvalidBucketName), "{name}");
        }
        assert_eq!(check_name("a:bc"), Err(Failure::AccessDenied));
    }
}
