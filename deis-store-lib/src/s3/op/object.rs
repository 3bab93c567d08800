//! The header of an answer to GET or HEAD, and what it says about an object.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Head, ServerTime};
use crate::error::{At, Error, ErrorKind, Result};
use crate::s3::S3Error;
use crate::s3::etag::{self, ETag};

/// The headers that radosgw stores with an object and gives back verbatim, besides `Content-Type`.
pub const KEPT_HEADERS: [&str; 5] =
    ["cache-control", "content-disposition", "content-encoding", "content-language", "expires"];

const META: &str = "x-amz-meta-";

/// All that is stored with an object besides its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectInfo {
    /// The length of the body that was announced, in bytes.
    pub size_bytes: u64,
    /// The size of the whole object in bytes: more than `size_bytes` where a range was asked for.
    pub total_bytes: u64,
    /// The `ETag` without quotes.
    pub etag: String,
    /// When it was written: `Last-Modified`.
    pub modified: ServerTime,
    /// `Content-Type`.
    pub content_type: String,
    /// Those of [`KEPT_HEADERS`] that are set, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The user's metadata, by name without `x-amz-meta-`.
    pub meta: BTreeMap<String, String>,
    /// Those of the headers and metadata, by the header's name, that are not UTF-8: they stand here as if they were
    /// ISO 8859-1, and would be stored as UTF-8.
    pub recoded: Vec<String>,
}

impl ObjectInfo {
    /// Reads the head of an answer to GET or HEAD. One without an `ETag`, which every object has, is a page of
    /// something in between.
    pub(super) fn read(head: &Head) -> Result<Self, String> {
        match Self::read_unmeasured(head)? {
            (info, Some(_)) => Ok(info),
            (_, None) => Err("there is no Content-Length".to_owned()),
        }
    }

    /// The same of an answer that may leave `Content-Length` out, as proxies do. Without it the sizes are 0.
    pub(super) fn read_unmeasured(head: &Head) -> Result<(Self, Option<u64>), String> {
        let (size, etag) = (head.text("content-length"), head.text("etag"));
        if etag.is_empty() {
            return Err("there is no ETag".to_owned());
        }
        // RFC 9110, 8.8.3: no ETag has such characters, so a page of something in between has made it.
        if etag::value(&etag).contains(|char: char| char.is_whitespace() || char.is_control() || char == '"')
        {
            return Err("its ETag has characters that none can have".to_owned());
        }
        let size_bytes = match size.as_str() {
            // It would be that of the compressed bytes.
            _ if is_compressed(head) => None,
            "" => None,
            size => Some(size.parse().map_err(|_| format!("the Content-Length is `{size}`"))?),
        };
        let mut info = Self {
            size_bytes: size_bytes.unwrap_or_default(),
            total_bytes: size_bytes.unwrap_or_default(),
            etag: etag::value(&etag).to_owned(),
            modified: ServerTime::of_header(head.text("last-modified")),
            ..Self::default()
        };
        for (name, value) in &head.headers {
            let name = name.as_str();
            let stored = name.strip_prefix(META);
            if stored.is_none() && name != "content-type" && !KEPT_HEADERS.contains(&name) {
                continue;
            }
            let (text, is_utf8) = text(value);
            if !is_utf8 {
                info.recoded.push(name.to_owned());
            }
            match stored {
                Some(stored) => drop(info.meta.insert(stored.to_owned(), text)),
                None if name == "content-type" => info.content_type = text,
                None => drop(info.headers.insert(name.to_owned(), text)),
            }
        }
        Ok((info, size_bytes))
    }
}

impl ObjectInfo {
    /// The names of metadata that are sent with `-` in place of `_`.
    #[cfg(feature = "client")]
    pub(crate) fn renamed(&self) -> impl Iterator<Item = &str> {
        self.meta.keys().map(String::as_str).filter(|name| name.contains('_'))
    }
}

/// Whether a proxy says that it has compressed the bytes of the object.
pub(super) fn is_compressed(head: &Head) -> bool {
    etag::says_compressed(&head.text("etag"), !head.text("content-encoding").is_empty())
}

/// The text of a header, and whether it is UTF-8. Of other bytes each is taken for a character, so that none is lost.
fn text(value: &HeaderValue) -> (String, bool) {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => (text.to_owned(), true),
        Err(_) => (value.as_bytes().iter().map(|byte| char::from(*byte)).collect(), false),
    }
}

/// Whether the answer is about the version that was asked for: a server that does not know versions gives the newest.
/// `null` is what there is without versions.
pub(super) fn check_version(head: &Head, version_id: Option<&str>) -> Result<(), String> {
    let given = head.text("x-amz-version-id");
    match version_id {
        Some("null") if given.is_empty() => Ok(()),
        Some(asked) if asked != given => Err(format!("asked for version `{asked}`, got `{given}`")),
        _ => Ok(()),
    }
}

/// The headers that store this with an object: type, kept headers and metadata.
pub(super) fn headers(
    content_type: Option<&str>,
    kept: &BTreeMap<String, String>,
    meta: &BTreeMap<String, String>,
) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    let mut insert = |name: &str, value: &str| -> Result<()> {
        let bad = || {
            Error::new(ErrorKind::Usage, "not a header that can be stored with an object")
                .at(At::Header, name)
        };
        let header: HeaderName = name.parse().map_err(|_| bad())?;
        // Outer spaces are no part of a value. civetweb takes them for one, and then the signature is wrong.
        let value = value.trim_matches([' ', '\t']);
        if headers.insert(header, HeaderValue::from_bytes(value.as_bytes()).map_err(|_| bad())?).is_some() {
            let error = Error::new(
                ErrorKind::Usage,
                "two names of metadata would become one: `_` is sent as `-`, and capitals as small letters",
            );
            return Err(error.at(At::Header, name));
        }
        Ok(())
    };
    if let Some(content_type) = content_type {
        insert("content-type", content_type)?;
    }
    for (name, value) in kept {
        if !KEPT_HEADERS.contains(&name.as_str()) {
            let error =
                Error::new(ErrorKind::Usage, "radosgw does not store this header").at(At::Header, name);
            return Err(error.todo("store it as metadata"));
        }
        insert(name, value)?;
    }
    for (name, value) in meta {
        // Ceph up to 16 reads `_` as `-`, and signs so. Ceph 18 and 20 read it as it is, and sign so: only `-` goes with all.
        insert(&format!("{META}{}", name.replace('_', "-")), value)?;
    }
    Ok(headers)
}

/// The header that makes the gateway check a body.
pub(super) fn content_md5(headers: &mut HeaderMap, md5: [u8; 16]) {
    if let Ok(value) = HeaderValue::from_str(&BASE64.encode(md5)) {
        headers.insert(HeaderName::from_static("content-md5"), value);
    }
}

/// Whether what was stored is what was sent: the `ETag` of the answer must be its MD5.
pub(super) fn stored(head: &Head, md5: [u8; 16]) -> std::result::Result<(), S3Error> {
    let etag = head.text("etag");
    if ETag::parse(&etag) == ETag::Md5(md5) {
        Ok(())
    } else {
        Err(S3Error::unexpected(head, format!("the gateway stored something else: its ETag is {etag}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_goes_out_and_comes_back_as_it_was() {
        let meta =
            BTreeMap::from([("note".to_owned(), "café €".to_owned()), ("empty".to_owned(), String::new())]);
        let kept = BTreeMap::from([("content-encoding".to_owned(), "gzip".to_owned())]);
        let mut headers = headers(Some("text/plain"), &kept, &meta).unwrap();
        headers.insert("content-length", 3.into());
        headers.insert("etag", HeaderValue::from_static("\"e\""));
        let info = ObjectInfo::read(&Head { status: http::StatusCode::OK, headers }).unwrap();
        assert_eq!((info.meta, info.headers, info.content_type.as_str()), (meta, kept, "text/plain"));
    }

    #[test]
    fn headers_that_are_not_utf_8_do_not_hide_the_object_and_are_named() {
        let headers: [(&str, &[u8]); 5] = [
            ("content-length", b"3"),
            ("etag", b"W/\"E\""),
            ("x-amz-meta-note", b"caf\xe9"),
            ("content-disposition", b"attachment; filename=\xfc"),
            ("x-amz-meta-plain", "café".as_bytes()),
        ];
        let headers = headers
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap()));
        let head = Head { status: http::StatusCode::OK, headers: HeaderMap::from_iter(headers) };
        let info = ObjectInfo::read(&head).unwrap();
        assert_eq!((info.meta["note"].as_str(), info.meta["plain"].as_str()), ("café", "café"));
        assert_eq!(info.headers["content-disposition"], "attachment; filename=ü");
        assert_eq!(info.recoded, ["x-amz-meta-note", "content-disposition"]);
        assert_eq!(info.etag, "E");
    }

    #[test]
    fn a_page_of_a_captive_portal_is_not_an_object() {
        let portal = [("content-length", "80"), ("last-modified", "x"), ("content-type", "text/html")];
        let headers =
            portal.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let head = Head { status: http::StatusCode::OK, headers: HeaderMap::from_iter(headers) };
        assert!(ObjectInfo::read(&head).is_err());
        let mut head = head;
        for (etag, taken) in
            [("\"GET / HTTP/1.1\"", false), ("\"a\"b\"", false), ("\"abc\"", true), ("W/\"x-y_z\"", true)]
        {
            head.headers.insert("etag", HeaderValue::from_static(etag));
            assert_eq!(ObjectInfo::read(&head).is_ok(), taken, "{etag}");
        }
    }

    #[test]
    fn two_names_that_would_become_one_are_refused_and_outer_spaces_are_not_sent() {
        let meta = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let sent = headers(None, &BTreeMap::new(), &meta(&[("a_b", " \t1 2 ")])).unwrap();
        assert_eq!(sent["x-amz-meta-a-b"], "1 2");
        for two in [[("a_b", "1"), ("a-b", "2")], [("A", "1"), ("a", "2")]] {
            let error = headers(None, &BTreeMap::new(), &meta(&two)).unwrap_err();
            assert!(error.to_string().contains("would become one"), "{error}");
        }
    }

    #[test]
    fn a_header_that_radosgw_would_drop_is_refused() {
        let kept = BTreeMap::from([("x-rgw-foo".to_owned(), "1".to_owned())]);
        assert!(headers(None, &kept, &BTreeMap::new()).is_err());
    }
}
