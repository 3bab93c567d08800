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
    pub(super) fn of_xml(text: &str) -> Self {
        let time = text.parse::<jiff::Timestamp>().ok().and_then(|time| time.try_into().ok());
        Self { time, text: text.to_owned() }
    }

    /// A time of a header: a date of HTTP.
    pub(super) fn of_header(text: String) -> Self {
        Self { time: httpdate::parse_http_date(&text).ok(), text }
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
