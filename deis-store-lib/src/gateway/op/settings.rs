//! The settings of buckets and objects that nobody here can set: what radosgw says of them while they are unset.

use super::call::Call;
use crate::gateway::failure::Failure;
use crate::gateway::parsed_request::ParsedRequest;
use crate::gateway::response::Response;
use crate::gateway::xml::Xml;

/// Sub-resources that are not built. radosgw ignores names it does not know, and does the base operation; that
/// would be a trap where it knows them and we do not.
const NOT_BUILT: [&str; 10] = [
    "cors",
    "lifecycle",
    "logging",
    "notification",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "tagging",
    "torrent",
    "website",
];

/// Refuses what is not built.
pub(super) fn check(request: &ParsedRequest) -> Result<(), Failure> {
    let reads_bucket = request.key.is_empty() && request.method == http::Method::GET;
    if request.has_other_version() && [http::Method::PUT, http::Method::POST].contains(&request.method) {
        return Err(Failure::NotImplemented);
    }
    match NOT_BUILT.into_iter().find(|name| request.has(name)) {
        Some(name) if !reads_bucket || unset(name).is_none() => Err(Failure::NotImplemented),
        _ if (request.has("versioning") || request.has("versions")) && !reads_bucket => {
            Err(Failure::NotImplemented)
        }
        _ => Ok(()),
    }
}

/// The code of a setting that is not set.
fn unset(name: &str) -> Option<&'static str> {
    match name {
        "cors" => Some("NoSuchCORSConfiguration"),
        "lifecycle" => Some("NoSuchLifecycleConfiguration"),
        "policy" => Some("NoSuchBucketPolicy"),
        "tagging" => Some("NoSuchTagSetError"),
        "website" => Some("NoSuchWebsiteConfiguration"),
        _ => None,
    }
}

/// Reads a setting of a bucket.
pub(super) fn read(call: &Call<'_>) -> Result<Response, Failure> {
    // A bucket that is not there comes first.
    call.store.bucket(&call.request.bucket, |_| Ok(()))?;
    if let Some(code) = NOT_BUILT.into_iter().filter(|name| call.request.has(name)).find_map(unset) {
        return Err(Failure::NotSet(code));
    }
    let (root, text) = if call.request.has("location") {
        ("LocationConstraint", "default")
    } else if call.request.has("versioning") {
        ("VersioningConfiguration", "")
    } else if call.request.has("requestPayment") {
        let mut xml = Xml::of("RequestPaymentConfiguration");
        xml.text("Payer", "BucketOwner");
        return Ok(Response::xml(xml.finish("RequestPaymentConfiguration")));
    } else {
        return Err(Failure::NotImplemented);
    };
    let mut document = Xml::of(root).finish(root);
    let end = document.len() - root.len() - "</>".len();
    document.insert_str(end, text);
    Ok(Response::xml(document))
}
