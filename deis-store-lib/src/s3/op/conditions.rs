//! Conditions on the object that a request is about: what the server is to find, or else it answers 412 or 304.

use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::s3::sign::http_date;

/// Conditions on an object, without which a request is not carried out. Dates count to the second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions<'a> {
    /// The object still has this `ETag` (without quotes), or the answer is 412.
    pub if_match: Option<&'a str>,
    /// The object no longer has this `ETag` (without quotes), or the answer is 304.
    pub if_none_match: Option<&'a str>,
    /// The object was written after this time, or the answer is 304.
    pub if_modified_since: Option<SystemTime>,
    /// The object was not written after this time, or the answer is 412.
    pub if_unmodified_since: Option<SystemTime>,
}

impl Conditions<'_> {
    /// Writes them into the header of a request for the object itself.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        let etags = [(header::IF_MATCH, self.if_match), (header::IF_NONE_MATCH, self.if_none_match)];
        for (name, etag) in etags {
            write(headers, name, etag.map(etag_value));
        }
        write(headers, header::IF_MODIFIED_SINCE, self.if_modified_since.map(date_value));
        write(headers, header::IF_UNMODIFIED_SINCE, self.if_unmodified_since.map(date_value));
    }
}

fn write(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    if let Some(value) = value {
        headers.insert(name, value);
    }
}

/// An `ETag` that no header can hold is that of no object: what is sent for it matches none, so that the condition is
/// never dropped.
pub(super) fn etag_value(etag: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{etag}\"")).unwrap_or(HeaderValue::from_static("\"?\""))
}

fn date_value(time: SystemTime) -> HeaderValue {
    HeaderValue::from_str(&http_date(time))
        .unwrap_or(HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn written(conditions: Conditions<'_>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        conditions.write(&mut headers);
        headers
    }

    #[test]
    fn each_condition_has_its_header() {
        let time = UNIX_EPOCH + Duration::from_secs(1_795_329_510);
        let headers = written(Conditions {
            if_match: Some("a"),
            if_none_match: Some("b"),
            if_modified_since: Some(time),
            if_unmodified_since: Some(UNIX_EPOCH),
        });
        assert_eq!(headers["if-match"], "\"a\"");
        assert_eq!(headers["if-none-match"], "\"b\"");
        assert_eq!(headers["if-modified-since"], "Sun, 22 Nov 2026 06:38:30 GMT");
        assert_eq!(headers["if-unmodified-since"], "Thu, 01 Jan 1970 00:00:00 GMT");
        assert!(written(Conditions::default()).is_empty());
    }

    #[test]
    fn an_etag_that_no_header_can_hold_becomes_a_condition_that_nothing_meets() {
        assert_eq!(
            written(Conditions { if_match: Some("a\nb"), ..Conditions::default() })["if-match"],
            "\"?\""
        );
    }

    #[test]
    fn a_time_beyond_what_a_date_can_say_is_the_nearest_one() {
        let late = UNIX_EPOCH + Duration::from_secs(1 << 40);
        let early = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(date_value(late), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(date_value(early), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
