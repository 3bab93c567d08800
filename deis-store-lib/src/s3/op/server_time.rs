//! A time in an answer: parsed here once, and kept as the server wrote it, since reports repeat it.

use std::fmt;
use std::time::SystemTime;

use crate::error::{Error, ErrorKind, Result};

/// When something was written, as a server says it. Sorted by time.
///
/// A time that cannot be read is an error only where it is needed: a listing can still be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerTime {
    time: Option<SystemTime>,
    text: String,
}

impl ServerTime {
    /// A time of an XML answer: RFC 3339.
    pub(crate) fn of_xml(text: &str) -> Self {
        Self { time: rfc_3339(text).or_else(|| of_http(text)), text: text.to_owned() }
    }

    /// A time of a header: a date of HTTP.
    pub(super) fn of_header(text: String) -> Self {
        Self { time: of_http(&text).or_else(|| rfc_3339(&text)), text }
    }

    /// The time, if the server gave one that can be read.
    #[cfg(feature = "backup")]
    pub(crate) fn known(&self) -> Option<SystemTime> {
        self.time
    }

    /// The time; an [`ErrorKind::Protocol`] error if the server gave none that can be read.
    pub fn time(&self) -> Result<SystemTime> {
        self.time.ok_or_else(|| {
            let text = self.text.escape_debug();
            Error::new(ErrorKind::Protocol, "the gateway gives no readable time")
                .because(format!("it is `{text}`"))
        })
    }

    /// The text, as the server wrote it; empty if it wrote none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn rfc_3339(text: &str) -> Option<SystemTime> {
    text.trim().parse::<jiff::Timestamp>().ok().and_then(|time| time.try_into().ok())
}

/// A date of HTTP, or one that is written with the offset of its zone.
fn of_http(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    let with_offset = || jiff::fmt::rfc2822::parse(text).ok()?.timestamp().try_into().ok();
    httpdate::parse_http_date(text).ok().or_else(with_offset)
}

impl fmt::Display for ServerTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn both_forms_are_read_and_the_text_stays_as_it_came() {
        let milliseconds = UNIX_EPOCH + Duration::from_millis(1_795_659_519_123);
        let of_xml = ServerTime::of_xml("2026-11-26T02:18:39.123Z");
        assert_eq!((of_xml.time().unwrap(), of_xml.as_str()), (milliseconds, "2026-11-26T02:18:39.123Z"));
        let of_header = ServerTime::of_header("Thu, 26 Nov 2026 02:18:39 GMT".to_owned());
        assert_eq!(of_header.time().unwrap(), milliseconds - Duration::from_millis(123));
        assert_eq!(of_header.to_string(), "Thu, 26 Nov 2026 02:18:39 GMT");
    }

    #[test]
    fn a_time_in_the_form_of_the_other_place_or_with_an_offset_is_read_too() {
        let expected = ServerTime::of_xml("2026-11-26T02:18:39Z").time().unwrap();
        for text in [
            "Thu, 26 Nov 2026 02:18:39 GMT",
            "Thu, 26 Nov 2026 03:18:39 +0100",
            "2026-11-26T02:18:39Z",
            " 2026-11-26T03:18:39+01:00 ",
        ] {
            assert_eq!(ServerTime::of_xml(text).time().unwrap(), expected, "{text}");
            assert_eq!(ServerTime::of_header(text.to_owned()).time().unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_time_that_cannot_be_read_is_an_error_only_where_it_is_needed() {
        for text in ["", "yesterday", "2026-11-26", "2026-13-26T02:18:39.123Z"] {
            let time = ServerTime::of_xml(text);
            assert_eq!((time.as_str(), time.time().unwrap_err().kind()), (text, ErrorKind::Protocol));
            assert!(ServerTime::of_header(text.to_owned()).time().is_err());
        }
    }

    #[test]
    fn times_are_sorted_as_times_and_not_as_texts() {
        let sorted = ["unreadable", "2026-11-26T02:18:39+01:00", "2026-11-26T02:18:39.000Z"];
        let mut times = sorted.map(ServerTime::of_xml);
        times.reverse();
        times.sort();
        assert_eq!(times.each_ref().map(ServerTime::as_str), sorted);
    }
}
