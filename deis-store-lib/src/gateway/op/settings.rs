//! The settings of buckets and objects that nobody here can set: what radosgw says of them while they are unset.

use super::Call;
use crate::gateway::failure::Failure;
use crate::gateway::parsed_request::ParsedRequest;
use crate::gateway::response::Answer;
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
pub(super) fn check(asked: &ParsedRequest) -> Result<(), Failure> {
    let reads_bucket = asked.key.is_empty() && asked.method == http::Method::GET;
    if asked.has_other_version() && [http::Method::PUT, http::Method::POST].contains(&asked.method) {
        return Err(Failure::NotImplemented);
    }
    match NOT_BUILT.into_iter().find(|name| asked.has(name)) {
        Some(name) if !reads_bucket || unset(name).is_none() => Err(Failure::NotImplemented),
        _ if (asked.has("versioning") || asked.has("versions")) && !reads_bucket => {
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

/// Reads a setting of a bucket; `None` if the request is not for one.
pub(super) fn read(call: &Call<'_>) -> Result<Option<Answer>, Failure> {
    // A bucket that is not there comes first.
    call.store.bucket(&call.asked.bucket, |_| Ok(()))?;
    if let Some(code) = NOT_BUILT.into_iter().filter(|name| call.asked.has(name)).find_map(unset) {
        return Err(Failure::NotSet(code));
    }
    let (root, text) = if call.asked.has("location") {
        ("LocationConstraint", "default")
    } else if call.asked.has("versioning") {
        ("VersioningConfiguration", "")
    } else if call.asked.has("requestPayment") {
        let mut xml = Xml::of("RequestPaymentConfiguration");
        xml.text("Payer", "BucketOwner");
        return Ok(Some(Answer::xml(xml.finish("RequestPaymentConfiguration"))));
    } else {
        return Ok(None);
    };
    let mut document = Xml::of(root).finish(root);
    let end = document.len() - root.len() - "</>".len();
    document.insert_str(end, text);
    Ok(Some(Answer::xml(document)))
}
