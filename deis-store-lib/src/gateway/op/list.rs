//! Listings of a bucket, version 1 and 2.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::call::{Call, iso};
use crate::gateway::acl::owner;
use crate::gateway::failure::Failure;
use crate::gateway::response::Response;
use crate::gateway::store::{Object, Page};
use crate::gateway::xml::Xml;

const ROOT: &str = "ListBucketResult";

/// The characters that Ceph's `url_encode` escapes in keys, besides bytes beyond ASCII.
pub(super) const ESCAPED: &AsciiSet = &ESCAPED_IN_PREFIXES.add(b'/');

/// The same in folded prefixes.
pub(super) const ESCAPED_IN_PREFIXES: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b',')
    .add(b':')
    .add(b';')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?')
    .add(b'@')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'}');

/// One page. With `encoding-type=url`, the keys and the folded prefixes are encoded, these without their slashes, and
/// nothing else, as by radosgw 16.2.
pub(super) fn list(call: &Call<'_>) -> Result<Response, Failure> {
    let parameter = |name| call.request.parameter(name);
    let second = parameter("list-type") == "2";
    let marker = match (second, parameter("continuation-token")) {
        (false, _) => parameter("marker"),
        (true, "") => parameter("start-after"),
        (true, token) => token,
    };
    let encoded = match parameter("encoding-type") {
        "" => false,
        "url" => true,
        _ => return Err(Failure::InvalidArgument),
    };
    let limit = i64::try_from(call.store.limits().page_entries).unwrap_or(i64::MAX);
    let most_keys = match parameter("max-keys") {
        "" => limit,
        text => text.parse::<i64>().map_err(|_| Failure::InvalidArgument)?.min(limit),
    };
    let (prefix, delimiter) = (parameter("prefix"), parameter("delimiter"));
    let most = usize::try_from(most_keys).unwrap_or(0);
    let page =
        call.store.bucket(&call.request.bucket, |bucket| Ok(bucket.page(prefix, marker, delimiter, most)))?;

    let mut xml = Xml::of(ROOT);
    if encoded {
        xml.text("EncodingType", "url");
    }
    xml.text("Name", &call.request.bucket).text("Prefix", prefix).text("MaxKeys", most_keys);
    xml.text_if("Delimiter", delimiter).text("IsTruncated", page.next.is_some());
    for prefix in &page.prefixes {
        xml.open("CommonPrefixes");
        if encoded {
            xml.text("Prefix", utf8_percent_encode(prefix, ESCAPED_IN_PREFIXES));
        } else {
            xml.text("Prefix", prefix);
        }
        xml.close("CommonPrefixes");
    }
    for (key, object) in &page.objects {
        contents(&mut xml, key, object, encoded, !second || parameter("fetch-owner") == "true");
    }
    if second {
        end_second(&mut xml, call, &page);
    } else {
        end_first(&mut xml, marker, &page);
    }
    Ok(Response::xml(xml.finish(ROOT)))
}

fn contents(xml: &mut Xml, key: &str, object: &Object, encoded: bool, with_owner: bool) {
    xml.open("Contents");
    if encoded {
        xml.text("Key", utf8_percent_encode(key, ESCAPED));
    } else {
        xml.text("Key", key);
    }
    xml.text("LastModified", iso(object.modified)).text("ETag", format_args!("\"{}\"", object.etag));
    xml.text("Size", object.content.length_bytes()).text("StorageClass", "STANDARD");
    if with_owner {
        owner(xml);
    }
    xml.text("Type", "Normal").close("Contents");
}

fn end_first(xml: &mut Xml, marker: &str, page: &Page) {
    xml.text("Marker", marker);
    if let Some(next) = &page.next {
        xml.text("NextMarker", next);
    }
}

fn end_second(xml: &mut Xml, call: &Call<'_>, page: &Page) {
    xml.text("KeyCount", page.objects.len() + page.prefixes.len());
    xml.text_if("ContinuationToken", call.request.parameter("continuation-token"));
    xml.text_if("StartAfter", call.request.parameter("start-after"));
    if let Some(next) = &page.next {
        xml.text("NextContinuationToken", next);
    }
}
