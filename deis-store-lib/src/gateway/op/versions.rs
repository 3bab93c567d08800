//! The versions of a bucket's objects: each has one, since versioning cannot be switched on.

use percent_encoding::utf8_percent_encode;

use super::call::{Call, iso};
use super::list::ESCAPED;
use crate::gateway::acl::owner;
use crate::gateway::failure::Failure;
use crate::gateway::response::Response;
use crate::gateway::xml::Xml;

const ROOT: &str = "ListVersionsResult";

/// One page, flat. After a key alone, that key does not come again where it has no other versions.
pub(super) fn list(call: &Call<'_>) -> Result<Response, Failure> {
    let parameter = |name| call.request.parameter(name);
    if !parameter("delimiter").is_empty() {
        return Err(Failure::NotImplemented);
    }
    let (prefix, marker) = (parameter("prefix"), parameter("key-marker"));
    let encoded = parameter("encoding-type") == "url";
    let limit = i64::try_from(call.store.limits().page_entries).unwrap_or(i64::MAX);
    let most_keys = match parameter("max-keys") {
        "" => limit,
        text => text.parse::<i64>().map_err(|_| Failure::InvalidArgument)?.min(limit),
    };
    let most = usize::try_from(most_keys).unwrap_or(0);
    let page = call.store.bucket(&call.request.bucket, |bucket| Ok(bucket.page(prefix, marker, "", most)))?;
    let mut xml = Xml::of(ROOT);
    if encoded {
        xml.text("EncodingType", "url");
    }
    xml.text("Name", &call.request.bucket).text("Prefix", prefix).text("MaxKeys", most_keys);
    xml.text("IsTruncated", page.next.is_some()).text("KeyMarker", marker);
    xml.text("VersionIdMarker", parameter("version-id-marker"));
    if let Some(next) = &page.next {
        xml.text("NextKeyMarker", next).text("NextVersionIdMarker", "null");
    }
    for (key, object) in &page.objects {
        xml.open("Version");
        if encoded {
            xml.text("Key", utf8_percent_encode(key, ESCAPED));
        } else {
            xml.text("Key", key);
        }
        xml.text("VersionId", "null").text("IsLatest", true).text("LastModified", iso(object.modified));
        xml.text("ETag", format_args!("\"{}\"", object.etag)).text("Size", object.content.length_bytes());
        xml.text("StorageClass", "STANDARD");
        owner(&mut xml);
        xml.text("Type", "Normal").close("Version");
    }
    Ok(Response::xml(xml.finish(ROOT)))
}
