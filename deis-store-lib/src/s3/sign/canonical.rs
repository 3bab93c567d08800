//! The two canonical parts of the text that is signed: `x-amz-` headers and the resource.

use std::collections::BTreeMap;

use http::HeaderMap;
use percent_encoding::percent_decode;

/// The sub-resources and overrides that radosgw 16.2 signs, sorted. AWS signs others too (`accelerate`, `restore`,
/// `object-lock`, …), which radosgw answers with `SignatureDoesNotMatch`.
pub const SIGNED_SUBRESOURCES: [&str; 26] = [
    "acl",
    "cors",
    "delete",
    "lifecycle",
    "location",
    "logging",
    "notification",
    "partNumber",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

/// Appends `name:value\n` of each `x-amz-` header, sorted by name.
///
/// radosgw reads headers through CGI's variables: `_` becomes `-`, and of a repeated header only the last value is
/// kept (AWS joins them with commas).
pub(super) fn amz_headers(headers: &HeaderMap, text: &mut Vec<u8>) {
    let mut sorted = BTreeMap::new();
    for (name, value) in headers {
        let name = name.as_str().replace('_', "-");
        if name.starts_with("x-amz-") {
            sorted.insert(name, value.as_bytes().trim_ascii());
        }
    }
    for (name, value) in sorted {
        text.extend_from_slice(name.as_bytes());
        text.push(b':');
        text.extend_from_slice(value);
        text.push(b'\n');
    }
}

/// Appends the resource: the path exactly as on the wire, then the signed sub-resources with decoded values.
pub(super) fn resource(path: &str, query: &str, text: &mut Vec<u8>) {
    text.extend_from_slice(path.as_bytes());
    let mut signed = BTreeMap::new();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        // The whole token is decoded first and split at its first `=` then.
        let token: Vec<u8> = percent_decode(parameter.replace('+', " ").as_bytes()).collect();
        let (name, value) = match token.iter().position(|byte| *byte == b'=') {
            Some(at) => (token[..at].to_vec(), token[at + 1..].to_vec()),
            None => (token, Vec::new()),
        };
        if SIGNED_SUBRESOURCES.iter().any(|known| known.as_bytes() == name) {
            // radosgw drops the value of `policy`, and of duplicates the last one wins.
            let value = if name == b"policy" { Vec::new() } else { value };
            signed.insert(name, value);
        }
    }
    for (index, (name, value)) in signed.into_iter().enumerate() {
        text.push(if index == 0 { b'?' } else { b'&' });
        text.extend_from_slice(&name);
        if !value.is_empty() {
            text.push(b'=');
            text.extend_from_slice(&value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical_resource(query: &str) -> String {
        let mut text = Vec::new();
        resource("/b/k", query, &mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn an_empty_value_is_signed_without_its_equals_sign() {
        assert_eq!(canonical_resource("acl="), "/b/k?acl");
    }

    #[test]
    fn values_are_signed_decoded_and_names_sorted() {
        assert_eq!(
            canonical_resource("response-expires=x&response-content-type=text%2Fplain+a"),
            "/b/k?response-content-type=text/plain a&response-expires=x"
        );
    }

    #[test]
    fn what_is_no_subresource_is_not_signed() {
        assert_eq!(canonical_resource("prefix=a&marker=b&restore&encoding-type=url"), "/b/k");
    }
}
