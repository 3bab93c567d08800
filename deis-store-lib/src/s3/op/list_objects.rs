//! `GET /BUCKET`: one page of a listing, version 1, which every Ceph release knows.
//!
//! `encoding-type=url` is always asked for: without it radosgw writes control characters into XML. radosgw 16.2 then
//! encodes keys and folded prefixes and nothing else, newer ones more; so pages follow the last decoded key, never
//! `NextMarker`.

use percent_encoding::percent_decode_str;

use super::request::{OfBucket, Parameter};
use super::{About, Head, Operation, Request, ServerTime, Target};
use crate::s3::{BucketName, ObjectKey, S3Error, etag, xml};

/// One page of a listing.
#[derive(Clone, Debug)]
pub struct ListObjects<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
    /// Only keys that begin so.
    pub prefix: &'a str,
    /// Only keys after this one, bytewise.
    pub marker: &'a str,
    /// Keys that have this after the prefix are folded into one prefix each.
    pub delimiter: Option<&'a str>,
    /// How many at most: 1 to 1000.
    pub max_keys: u16,
}

/// A page, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The objects, sorted bytewise by key.
    pub objects: Vec<ListedObject>,
    /// The folded prefixes, with a delimiter.
    pub prefixes: Vec<String>,
    /// The marker of the next page, if there is one.
    pub next: Option<String>,
}

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// The key, whatever it looks like.
    pub key: ObjectKey,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The `ETag` without quotes.
    pub etag: String,
    /// When it was written, to the millisecond.
    pub modified: ServerTime,
}

impl Operation for ListObjects<'_> {
    type Output = Page;

    fn request(&self) -> Request {
        OfBucket::LIST
            .request(self.bucket)
            .with(Parameter::ENCODING_TYPE, "url")
            .with(Parameter::MAX_KEYS, &self.max_keys.clamp(1, 1000).to_string())
            .with(Parameter::PREFIX, self.prefix)
            .with(Parameter::MARKER, self.marker)
            .with(Parameter::DELIMITER, self.delimiter.unwrap_or_default())
    }

    fn parse(&self, head: &Head, body: &[u8]) -> Result<Page, S3Error> {
        let page = self.parse_gap(head, body)?;
        if page.objects.is_empty() && page.prefixes.is_empty() && page.next.is_some() {
            return Err(S3Error::unexpected(head, "the page is empty and yet not the last"));
        }
        Ok(page)
    }
}

impl About for ListObjects<'_> {
    fn target(&self) -> Target<'_> {
        Target::Bucket(self.bucket)
    }
}

impl ListObjects<'_> {
    /// The same, and a page may be empty and not the last one, if its own marker goes on: a gateway skips entries that it does
    /// not show.
    pub(crate) fn parse_gap(&self, head: &Head, body: &[u8]) -> Result<Page, S3Error> {
        let unexpected = |text: String| S3Error::unexpected(head, text);
        let answer = Answer::read(body).map_err(unexpected)?;
        if answer.name != self.bucket.as_str() {
            return Err(unexpected(format!("the answer lists the bucket {}", answer.name)));
        }
        if !echoes(answer.prefix.as_deref(), self.prefix) || !echoes(answer.marker.as_deref(), self.marker) {
            return Err(unexpected("the answer is another page than was asked for".to_owned()));
        }
        let mut page = Page { objects: answer.objects, prefixes: answer.prefixes, next: None };
        if answer.encoded {
            for name in page.prefixes.iter_mut().filter(|name| is_encoded(name)) {
                *name = decode(name).map_err(unexpected)?;
            }
            for key in page.objects.iter_mut().map(|object| &mut object.key) {
                if is_encoded(key) {
                    *key = ObjectKey::listed(decode(key).map_err(unexpected)?);
                }
            }
        }
        self.check(&page).map_err(unexpected)?;
        if answer
            .is_truncated
            .ok_or_else(|| unexpected("the page does not say whether it is the last".to_owned()))?
        {
            let last_object = page.objects.last().map(|object| object.key.as_str());
            let last = last_object.max(page.prefixes.last().map(String::as_str)).map(str::to_owned);
            let next = last.or_else(|| self.advanced(answer.next_marker.as_deref(), answer.encoded));
            let empty = "the page is empty, does not go on, and is yet not the last";
            page.next = Some(next.ok_or_else(|| unexpected(empty.to_owned()))?);
        }
        Ok(page)
    }

    /// The `NextMarker` of a page without keys, if it is behind the marker that was asked for. Releases encode it or not: of
    /// the two meanings the first one skips no key.
    fn advanced(&self, next_marker: Option<&str>, encoded: bool) -> Option<String> {
        let said = next_marker?;
        let decoded = if encoded { decode(said).ok() } else { None };
        let meanings = [Some(said.to_owned()), decoded].into_iter().flatten();
        meanings.filter(|meaning| meaning.as_str() > self.marker).min()
    }

    /// A page that is not sorted, or does not advance, would make a listing that loses keys or never ends.
    fn check(&self, page: &Page) -> Result<(), String> {
        let mut before = self.marker;
        for object in &page.objects {
            if object.key.as_str() <= before {
                return Err(format!("the page does not go on after `{}`", before.escape_debug()));
            }
            if !object.key.as_str().starts_with(self.prefix) {
                return Err("the page lists keys of another prefix".to_owned());
            }
            before = object.key.as_str();
        }
        Ok(())
    }
}

/// Whether an answer repeats what was asked. The page of another prefix or marker, from a cache that ignores queries,
/// would otherwise read as a short list. Releases encode it or not, and XML changes white space: that counts for
/// nothing here.
fn echoes(answered: Option<&str>, asked: &str) -> bool {
    let letters = |text: &str| -> String {
        text.chars()
            .filter(|letter| !letter.is_whitespace() && !letter.is_control() && *letter != '+')
            .collect()
    };
    answered.is_none_or(|answered| {
        let decoded = percent_decode_str(answered).decode_utf8_lossy();
        letters(answered) == letters(asked) || letters(&decoded) == letters(asked)
    })
}

/// Whether decoding changes a key.
pub(super) fn is_encoded(text: &str) -> bool {
    // Each of the two searches takes many bytes at once; one search for either of them would take each byte.
    text.as_bytes().contains(&b'%') || text.as_bytes().contains(&b'+')
}

/// A key that an answer has encoded as a URL. radosgw writes a space as `%20` and a plus as `%2B`; AWS and servers that take
/// after it write a space as `+`.
pub(super) fn decode(text: &str) -> Result<String, String> {
    match percent_decode_str(&text.replace('+', " ")).decode_utf8() {
        Ok(decoded) => Ok(decoded.into_owned()),
        Err(_) => Err("a key is not UTF-8".to_owned()),
    }
}

/// A page as it stands in the answer.
#[derive(Default)]
struct Answer {
    name: String,
    prefix: Option<String>,
    marker: Option<String>,
    next_marker: Option<String>,
    encoded: bool,
    is_truncated: Option<bool>,
    objects: Vec<ListedObject>,
    prefixes: Vec<String>,
}

impl Answer {
    fn read(body: &[u8]) -> Result<Self, String> {
        let (mut answer, mut entry) = (Self::default(), Entry::default());
        xml::each_element(body, "ListBucketResult", |path, text| {
            match path {
                "Contents/Key" => entry.key = Some(text.to_owned()),
                "Contents/LastModified" => entry.modified = Some(ServerTime::of_xml(text)),
                "Contents/ETag" => entry.etag = Some(etag::value(text).to_owned()),
                "Contents/Size" => entry.size_bytes = text.parse().ok(),
                "Contents" => answer.objects.push(std::mem::take(&mut entry).object()?),
                "CommonPrefixes/Prefix" => answer.prefixes.push(text.to_owned()),
                "Name" => text.clone_into(&mut answer.name),
                "Prefix" => answer.prefix = Some(text.to_owned()),
                "Marker" => answer.marker = Some(text.to_owned()),
                "NextMarker" => answer.next_marker = Some(text.to_owned()),
                "EncodingType" => answer.encoded = text == "url",
                "IsTruncated" => answer.is_truncated = text.parse().ok(),
                _ => {}
            }
            Ok(())
        })?;
        Ok(answer)
    }
}

#[derive(Default)]
struct Entry {
    key: Option<String>,
    size_bytes: Option<u64>,
    etag: Option<String>,
    modified: Option<ServerTime>,
}

impl Entry {
    fn object(self) -> Result<ListedObject, String> {
        let Self { key: Some(key), size_bytes: Some(size_bytes), etag: Some(etag), modified: Some(modified) } =
            self
        else {
            return Err("an object of the page has no key, size, ETag or time".to_owned());
        };
        Ok(ListedObject { key: ObjectKey::listed(key), size_bytes, etag, modified })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};

    fn parse_after(marker: &str, body: &str) -> Result<Page, S3Error> {
        let bucket = BucketName::new("db_wal").unwrap();
        let op = ListObjects { bucket: &bucket, prefix: "", marker, delimiter: None, max_keys: 1000 };
        op.parse(&Head { status: StatusCode::OK, headers: HeaderMap::new() }, body.as_bytes())
    }

    fn gap_after(marker: &str, body: &str) -> Result<Page, S3Error> {
        let bucket = BucketName::new("db_wal").unwrap();
        let op = ListObjects { bucket: &bucket, prefix: "", marker, delimiter: None, max_keys: 1000 };
        op.parse_gap(&Head { status: StatusCode::OK, headers: HeaderMap::new() }, body.as_bytes())
    }

    fn page(keys: &[&str], truncated: bool) -> String {
        let contents: Vec<String> = keys
            .iter()
            .map(|key| {
                format!(
                    "<Contents><Key>{key}</Key><LastModified>2026-11-22T06:38:30.123Z</LastModified>\
                     <ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>0</Size>\
                     <StorageClass>STANDARD</StorageClass><Owner><ID>deis</ID><DisplayName/></Owner><Type>Normal</Type>\
                     </Contents>"
                )
            })
            .collect();
        let contents = contents.concat();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <EncodingType>url</EncodingType><Name>db_wal</Name><Prefix></Prefix><MaxKeys>1000</MaxKeys>\
             <IsTruncated>{truncated}</IsTruncated>{contents}<Marker></Marker><NextMarker>a%20&#x01;</NextMarker>\
             </ListBucketResult>"
        )
    }

    #[test]
    fn the_next_page_follows_the_last_decoded_key_and_not_the_next_marker() {
        let page = parse_after("", &page(&["a%20b", "lit%252Fx"], true)).unwrap();
        assert_eq!(page.objects[0].key, "a b");
        assert_eq!(page.objects[0].etag, "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(page.next.as_deref(), Some("lit%2Fx"));
    }

    #[test]
    fn a_plus_of_an_encoded_listing_is_a_space_and_of_any_other_a_plus() {
        let listed = |body: &str| -> Vec<String> {
            parse_after("", body).unwrap().objects.into_iter().map(|object| object.key.into()).collect()
        };
        let body = page(&["a+b", "a%2Bb"], false);
        assert_eq!(listed(&body), ["a b", "a+b"]);
        let body = page(&["a+b"], false).replace("<EncodingType>url</EncodingType>", "");
        assert_eq!(listed(&body), ["a+b"]);
    }

    #[test]
    fn an_empty_page_goes_on_where_its_own_marker_advances() {
        let body = |next: &str| page(&[], true).replace("a%20&#x01;", next);
        let next = |marker: &str, text: &str| gap_after(marker, &body(text)).ok().and_then(|page| page.next);
        assert_eq!(next("", "b").as_deref(), Some("b"));
        assert_eq!(next("", "b%20c").as_deref(), Some("b c"), "no key between the two is skipped");
        assert_eq!(next("", ""), None);
        let after_b = body("a").replace("<Marker></Marker>", "<Marker>b</Marker>");
        assert!(gap_after("b", &after_b).is_err());
        assert!(gap_after("", &page(&[], true).replace("<NextMarker>a%20&#x01;</NextMarker>", "")).is_err());
    }

    #[test]
    fn a_page_that_lacks_something_is_an_error_and_never_a_short_list() {
        for missing in ["Key", "LastModified", "ETag", "Size", "IsTruncated", "Name"] {
            let body = page(&["a"], false).replace(&format!("{missing}>"), "Other>");
            assert!(parse_after("", &body).is_err(), "{missing}");
        }
        assert!(parse_after("", &page(&["a"], false).replace("<Size>0", "<Size>-1")).is_err());
    }

    #[test]
    fn a_page_that_does_not_advance_is_an_error() {
        let after_a = page(&["a", "b"], true).replace("<Marker></Marker>", "<Marker>a</Marker>");
        assert!(parse_after("a", &after_a).is_err());
        assert!(parse_after("", &page(&["b", "a"], false)).is_err());
        assert!(parse_after("", &page(&[], true)).is_err());
    }

    #[test]
    fn the_answer_for_another_bucket_is_an_error() {
        assert!(parse_after("", &page(&[], false).replace("db_wal", "other")).is_err());
    }

    #[test]
    fn a_page_of_another_prefix_or_marker_is_an_error_and_never_a_short_list() {
        let page = page(&["b"], false);
        assert!(parse_after("", &page.replace("<Prefix></Prefix>", "<Prefix>b</Prefix>")).is_err());
        assert!(parse_after("a", &page.replace("<Marker></Marker>", "<Marker>aa</Marker>")).is_err());
        assert!(parse_after("", &page.replace("<Prefix></Prefix>", "")).is_ok());
    }

    #[test]
    fn what_was_asked_is_recognised_encoded_and_as_it_is() {
        let asked = "a +b%2Fä\u{1}\r\n ";
        for answered in [asked, "a%20%2Bb%252F%C3%A4%01%0D%0A%20", "a+%2Bb%252F%C3%A4", "a +b%2Fä\u{1}\n"] {
            assert!(echoes(Some(answered), asked), "{answered:?}");
        }
        assert!(!echoes(Some("a +b/ä"), asked) && !echoes(Some(""), asked));
    }

    #[test]
    fn an_empty_bucket_is_an_empty_page() {
        assert_eq!(parse_after("", &page(&[], false)).unwrap(), Page::default());
    }
}
