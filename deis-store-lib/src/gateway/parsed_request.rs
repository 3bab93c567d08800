//! A request, read as radosgw reads it. Pure. It must not judge the signature.

use std::collections::BTreeMap;

use http::request::Parts;
use http::{HeaderMap, HeaderName, Method};
use percent_encoding::percent_decode;

use super::failure::Failure;
use crate::s3::sign::TAKEN_FOR_AMZ;

/// A request's head.
#[derive(Debug)]
pub(super) struct ParsedRequest {
    pub(super) method: Method,
    /// The bucket; empty at the service's level.
    pub(super) bucket: String,
    /// The key; empty at the bucket's level.
    pub(super) key: String,
    /// The headers, each once.
    pub(super) headers: HeaderMap,
    /// The path as it stands on the wire.
    pub(super) path: String,
    /// The query as it stands on the wire.
    pub(super) query: String,
    parameters: BTreeMap<String, String>,
}

impl ParsedRequest {
    /// Reads a head.
    pub(super) fn read(head: &Parts) -> Result<Self, Failure> {
        let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
        let (bucket, key) = names(path)?;
        Ok(Self {
            method: head.method.clone(),
            bucket,
            key,
            headers: headers(&head.headers),
            path: path.to_owned(),
            query: query.to_owned(),
            parameters: parameters(query),
        })
    }

    /// A header as text; `None` also if it is not UTF-8.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
    }

    /// A parameter of the query, decoded; empty if it is not there.
    pub(super) fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// Whether the query has a parameter.
    pub(super) fn has(&self, name: &str) -> bool {
        self.parameters.contains_key(name)
    }

    /// Whether it is for a version that is not there: without versioning, all there is is `null`.
    pub(super) fn has_other_version(&self) -> bool {
        !["", "null"].contains(&self.parameter("versionId"))
    }

    /// Whether the path is the service's own.
    pub(super) fn is_service(&self) -> bool {
        self.bucket.is_empty() && self.key.is_empty()
    }
}

/// The decoded path, split at its second slash. Nothing is normalised: `//`, `.` and `..` are parts of keys.
fn names(path: &str) -> Result<(String, String), Failure> {
    if !escapes_are_whole(path) {
        // radosgw's URI becomes empty then, and the service has only GET.
        return Err(Failure::MethodNotAllowed);
    }
    let decoded: Vec<u8> = percent_decode(path.as_bytes()).collect();
    if decoded.contains(&0) || decoded.first() != Some(&b'/') {
        return Err(Failure::Malformed);
    }
    let decoded = String::from_utf8(decoded).map_err(|_| Failure::InvalidObjectName)?;
    let (bucket, key) = decoded[1..].split_once('/').unwrap_or((&decoded[1..], ""));
    if key.len() > 1024 {
        return Err(Failure::InvalidObjectName);
    }
    Ok((bucket.to_owned(), key.to_owned()))
}

fn escapes_are_whole(path: &str) -> bool {
    path.split('%')
        .skip(1)
        .all(|rest| rest.len() >= 2 && rest.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit))
}

/// Each token is decoded whole and split at its first `=` then; of duplicates the last one wins.
fn parameters(query: &str) -> BTreeMap<String, String> {
    let tokens = query.split('&').filter(|token| !token.is_empty());
    let decoded = tokens.map(|token| {
        let plain = token.replace('+', " ");
        percent_decode(plain.as_bytes()).decode_utf8_lossy().into_owned()
    });
    decoded
        .map(|token| match token.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (token, String::new()),
        })
        .collect()
}

/// radosgw reads headers through CGI's variables: `_` becomes `-`, and of a repeated header the last value is kept.
/// Some prefixes it takes for `x-amz-`.
fn headers(received: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(received.len());
    for (name, value) in received {
        let mut name = name.as_str().replace('_', "-");
        if let Some(rest) = TAKEN_FOR_AMZ.iter().find_map(|prefix| name.strip_prefix(prefix)) {
            name = format!("x-amz-{rest}");
        }
        if let Ok(name) = HeaderName::try_from(name) {
            headers.insert(name, value.clone());
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(target: &str) -> Result<ParsedRequest, Failure> {
        ParsedRequest::read(&http::Request::get(target).body(()).unwrap().into_parts().0)
    }

    #[test]
    fn a_path_is_decoded_once_and_never_normalised() {
        for (path, bucket, key) in [
            ("/", "", ""),
            ("/b", "b", ""),
            ("/b/", "b", ""),
            ("//b", "", "b"),
            ("/b//lead", "b", "/lead"),
            ("/b/e/../k", "b", "e/../k"),
            ("/b/e/./k//x/", "b", "e/./k//x/"),
            ("/b/lit%252Fx", "b", "lit%2Fx"),
            ("/b/d%2Fg+h%20i%0A", "b", "d/g+h i\n"),
        ] {
            let parsed = parsed(path).unwrap();
            assert_eq!((parsed.bucket.as_str(), parsed.key.as_str()), (bucket, key), "{path}");
        }
    }

    #[test]
    fn what_cannot_be_a_key_is_refused() {
        for (path, failure) in [
            ("/b/%zz", Failure::MethodNotAllowed),
            ("/b/%0", Failure::MethodNotAllowed),
            ("/b/%00", Failure::Malformed),
            ("/b/%FF", Failure::InvalidObjectName),
        ] {
            assert_eq!(parsed(path).unwrap_err(), failure, "{path}");
        }
    }

    #[test]
    fn a_parameter_is_decoded_whole_and_of_duplicates_the_last_one_wins() {
        let parsed = parsed("/b/k?prefix=a&acl=&uploadId=2~a%2Bb+c&uploadId=2~d%2F&x%3Dy").unwrap();
        assert_eq!((parsed.parameter("uploadId"), parsed.parameter("x")), ("2~d/", "y"));
        assert!(parsed.has("acl") && parsed.parameter("acl").is_empty() && !parsed.has("y"));
    }

    #[test]
    fn headers_are_read_as_cgi_would() {
        let mut request = http::Request::get("/b/k");
        for (name, value) in [("x-amz-meta-a", "1"), ("x-amz-meta-a", "2"), ("x-amz-meta-b_c", "3")] {
            request = request.header(name, value);
        }
        let parsed = ParsedRequest::read(&request.body(()).unwrap().into_parts().0).unwrap();
        assert_eq!((parsed.header("x-amz-meta-a"), parsed.header("x-amz-meta-b-c")), (Some("2"), Some("3")));
    }
}
