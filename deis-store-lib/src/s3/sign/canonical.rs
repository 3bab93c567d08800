//! The text that is signed: four lines, the `x-amz-` headers, and the resource. Pure; nothing here can fail.

use std::borrow::Cow;

use http::HeaderMap;
use percent_encoding::percent_decode;

use super::dialect::{Dialect, TAKEN_FOR_AMZ};

/// The signed parts of a request's first line, as it is on the wire.
#[derive(Clone, Copy)]
pub(crate) struct RequestLine<'a> {
    pub(crate) method: &'a str,
    /// Percent-encoded, from the first slash on.
    pub(crate) path: &'a str,
    /// Percent-encoded, without `?`.
    pub(crate) query: &'a str,
}

/// The text that is signed; `expires` is set for a presigned request.
pub(super) fn string_to_sign(
    dialect: Dialect,
    line: RequestLine<'_>,
    headers: &HeaderMap,
    expires: Option<&str>,
) -> Vec<u8> {
    let header = |name: &str| headers.get(name).map_or(&b""[..], |value| value.as_bytes().trim_ascii());
    let date = match expires {
        Some(expires) => expires.as_bytes(),
        None if headers.contains_key("x-amz-date") => b"",
        None => header("date"),
    };
    let mut text = Vec::with_capacity(256);
    for line in [line.method.as_bytes(), header("content-md5"), header("content-type"), date] {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    amz_headers(dialect, headers, &mut text);
    resource(dialect, line, &mut text);
    text
}

/// Appends `name:value\n` of each `x-amz-` header, sorted by name. Values are bytes: nothing says that they are UTF-8.
fn amz_headers(dialect: Dialect, headers: &HeaderMap, text: &mut Vec<u8>) {
    let mut lines: Vec<(Cow<'_, str>, &[u8])> = Vec::new();
    for (name, value) in headers {
        if let Some(name) = amz_name(dialect, name.as_str()) {
            lines.push((name, value.as_bytes().trim_ascii()));
        }
    }
    // It keeps the order of those that are equal.
    lines.sort_by(|a, b| a.0.cmp(&b.0));
    for of_one_name in lines.chunk_by(|a, b| a.0 == b.0) {
        let signed = match dialect {
            Dialect::Radosgw => &of_one_name[of_one_name.len() - 1..],
            Dialect::Aws => of_one_name,
        };
        for (index, (name, value)) in signed.iter().enumerate() {
            if index == 0 {
                text.extend_from_slice(name.as_bytes());
                text.push(b':');
            } else {
                text.push(b',');
            }
            text.extend_from_slice(value);
        }
        text.push(b'\n');
    }
}

/// The name by which a header is signed, if it is. radosgw reads headers through CGI's variables: `_` becomes `-`.
pub(super) fn amz_name(dialect: Dialect, name: &str) -> Option<Cow<'_, str>> {
    const AMZ: &str = "x-amz-";
    let name = match dialect {
        Dialect::Radosgw if name.contains('_') => Cow::Owned(name.replace('_', "-")),
        _ => Cow::Borrowed(name),
    };
    if name.starts_with(AMZ) {
        return Some(name);
    }
    let rest = match dialect {
        Dialect::Radosgw => TAKEN_FOR_AMZ.iter().find_map(|prefix| name.strip_prefix(prefix))?,
        Dialect::Aws => return None,
    };
    Some(Cow::Owned(format!("{AMZ}{rest}")))
}

/// Appends the resource: the path exactly as on the wire, then the signed sub-resources with decoded values.
fn resource(dialect: Dialect, line: RequestLine<'_>, text: &mut Vec<u8>) {
    text.extend_from_slice(line.path.as_bytes());
    let mut signed: Vec<Parameter> = Vec::new();
    for token in line.query.split('&').filter(|token| !token.is_empty()) {
        let parameter = match dialect {
            Dialect::Radosgw => Parameter::of_radosgw(token),
            Dialect::Aws => Parameter::of_aws(token),
        };
        let known = dialect.signed_subresources();
        if known.binary_search_by(|known| known.as_bytes().cmp(&parameter.name[..])).is_ok() {
            signed.push(parameter);
        }
    }
    // It keeps the order of those that are equal.
    signed.sort_by(|a, b| a.name.cmp(&b.name));
    let mut separator = b'?';
    for of_one_name in signed.chunk_by(|a, b| a.name == b.name) {
        let signed = match dialect {
            Dialect::Radosgw => &of_one_name[of_one_name.len() - 1..],
            Dialect::Aws => of_one_name,
        };
        for parameter in signed {
            text.push(separator);
            separator = b'&';
            text.extend_from_slice(&parameter.name);
            if let Some(value) = &parameter.value {
                text.push(b'=');
                text.extend_from_slice(value);
            }
        }
    }
}

/// A parameter of a query, as it is signed.
struct Parameter {
    name: Vec<u8>,
    /// `None` where no `=` is signed.
    value: Option<Vec<u8>>,
}

impl Parameter {
    /// radosgw decodes the whole token and splits it at its first `=` then. An empty value counts as none, and the value
    /// of `policy` is dropped.
    fn of_radosgw(token: &str) -> Self {
        let mut name: Vec<u8> = percent_decode(token.replace('+', " ").as_bytes()).collect();
        let value = name.iter().position(|byte| *byte == b'=').map(|at| {
            let value = name.split_off(at + 1);
            name.truncate(at);
            value
        });
        let value = value.filter(|value| !value.is_empty() && name != b"policy");
        Self { name, value }
    }

    /// botocore splits at the first `=` and decodes the value.
    fn of_aws(token: &str) -> Self {
        let (name, value) = match token.split_once('=') {
            Some((name, value)) => (name, Some(percent_decode(value.as_bytes()).collect())),
            None => (token, None),
        };
        Self { name: name.as_bytes().to_vec(), value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical_resource(query: &str) -> String {
        let mut text = Vec::new();
        resource(Dialect::Radosgw, RequestLine { method: "GET", path: "/b/k", query }, &mut text);
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
