//! Whether a request is signed for now. Pure: the time is an argument.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::failure::Failure;
use super::parsed_request::ParsedRequest;

/// `RGW_AUTH_GRACE`.
const GRACE: Duration = Duration::from_mins(15);

/// Checks the date of a request that is signed in its header.
pub(super) fn check_date(request: &ParsedRequest, now: SystemTime) -> Result<(), Failure> {
    let text = request.header("x-amz-date").or_else(|| request.header("date")).unwrap_or_default();
    let date = parse(text).ok_or(Failure::AccessDenied)?;
    let difference = now.duration_since(date).unwrap_or_else(|ahead| ahead.duration());
    if difference > GRACE { Err(Failure::RequestTimeTooSkewed) } else { Ok(()) }
}

/// Checks that a presigned request has not expired.
pub(super) fn check_expiry(request: &ParsedRequest, now: SystemTime) -> Result<(), Failure> {
    let expires = request.parameter("Expires").parse::<u64>().map_err(|_| Failure::AccessDenied)?;
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    if now.as_secs() > expires { Err(Failure::AccessDenied) } else { Ok(()) }
}

/// A date of HTTP, in all its forms; one with a zone as numbers, as s3cmd sends; and ISO 8601's basic form.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    if let Ok(time) = httpdate::parse_http_date(text) {
        return Some(time);
    }
    let timestamp = match jiff::fmt::rfc2822::parse(text) {
        Ok(zoned) => zoned.timestamp(),
        Err(_) => {
            DateTime::strptime("%Y%m%dT%H%M%SZ", text).and_then(|time| Offset::UTC.to_timestamp(time)).ok()?
        }
    };
    if timestamp.as_second() < 0 { None } else { timestamp.try_into().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(header: &str, date: &str) -> ParsedRequest {
        let request = http::Request::get("/").header(header, date).body(()).unwrap();
        ParsedRequest::read(&request.into_parts().0).unwrap()
    }

    #[test]
    fn the_forms_of_a_date_that_radosgw_takes_are_taken() {
        let now = UNIX_EPOCH + Duration::from_secs(1_795_329_510);
        for text in [
            "Sun, 22 Nov 2026 06:38:30 GMT",
            "Sun, 22 Nov 2026 06:38:30 +0000",
            "Sun, 22 Nov 2026 01:38:30 -0500",
            "Sunday, 22-Nov-26 06:38:30 GMT",
            "Sun Nov 22 06:38:30 2026",
            "20261122T063830Z",
        ] {
            assert_eq!(parse(text), Some(now), "{text}");
        }
        for text in ["", "Bad Date", "2026-11-22T06:38:30Z", "Wed, 22 Nov 1950 06:38:30 GMT"] {
            assert_eq!(check_date(&request("date", text), now), Err(Failure::AccessDenied), "{text}");
        }
    }

    #[test]
    fn fifteen_minutes_are_allowed_in_both_directions() {
        let date = "Sun, 22 Nov 2026 06:38:30 GMT";
        let then = parse(date).unwrap();
        for (seconds, verdict) in [(899, Ok(())), (901, Err(Failure::RequestTimeTooSkewed))] {
            let off = Duration::from_secs(seconds);
            assert_eq!(check_date(&request("x-amz-date", date), then + off), verdict);
            assert_eq!(check_date(&request("x-amz-date", date), then - off), verdict);
        }
    }
}
