//! A date of HTTP, for any time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The end of the year 9999: `httpdate` panics at the next second, and a gateway's clock may be there.
const LAST_SECOND: Duration = Duration::from_secs(253_402_300_799);

/// A time as HTTP writes it. One that HTTP has no form for becomes the nearest one that it has.
pub(crate) fn http_date(time: SystemTime) -> String {
    httpdate::fmt_http_date(time.clamp(UNIX_EPOCH, UNIX_EPOCH + LAST_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_at_the_end_of_time_or_before_its_beginning_is_no_panic() {
        let second = Duration::from_secs(1);
        assert_eq!(http_date(UNIX_EPOCH + LAST_SECOND + second), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(http_date(UNIX_EPOCH - second), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
