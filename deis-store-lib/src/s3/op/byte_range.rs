//! A part of an object, by the numbers of its bytes.

use http::HeaderValue;

use super::Head;

/// Bytes of an object, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte.
    pub first: u64,
    /// The last byte; to the end of the object without it, and also if the object ends before.
    pub last: Option<u64>,
}

impl ByteRange {
    /// As `Range` and `x-amz-copy-source-range` say it.
    pub(super) fn value(self) -> HeaderValue {
        let last = self.last.map(|last| last.to_string()).unwrap_or_default();
        HeaderValue::from_str(&format!("bytes={}-{last}", self.first))
            .unwrap_or(HeaderValue::from_static("bytes=0-"))
    }

    /// As a message says it.
    fn words(self) -> String {
        match self.last {
            Some(last) => format!("bytes {} to {last}", self.first),
            None => format!("all bytes from {} on", self.first),
        }
    }

    /// How many bytes an answer says that it is.
    pub(super) fn said(head: &Head) -> Option<u64> {
        let (first, last, _) = read(&head.text("content-range"))?;
        last.checked_sub(first)?.checked_add(1)
    }

    /// The size of the whole object in bytes, if the answer is exactly this range of it.
    ///
    /// radosgw answers 200 and the whole object to a range that it cannot read, with a `Content-Range` all the same.
    pub(super) fn check(self, head: &Head, size_bytes: u64) -> Result<u64, String> {
        let said = head.text("content-range");
        let wrong = || {
            let said = if said.is_empty() { "no Content-Range" } else { &said };
            format!(
                "asked for {}, got status {}, {said} and {size_bytes} bytes",
                self.words(),
                head.status.as_u16()
            )
        };
        let (first, last, total) = read(&said).ok_or_else(wrong)?;
        let wanted = self.last.unwrap_or(u64::MAX).min(total.saturating_sub(1));
        let right = head.status == http::StatusCode::PARTIAL_CONTENT
            && (first, last) == (self.first, wanted)
            && last.checked_sub(first).and_then(|more| more.checked_add(1)) == Some(size_bytes);
        if right { Ok(total) } else { Err(wrong()) }
    }
}

/// `bytes FIRST-LAST/TOTAL`.
fn read(content_range: &str) -> Option<(u64, u64, u64)> {
    let (range, total) = content_range.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?, total.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode, header};

    fn check(range: ByteRange, status: u16, said: &'static str, size_bytes: u64) -> Option<u64> {
        let headers = HeaderMap::from_iter([(header::CONTENT_RANGE, HeaderValue::from_static(said))]);
        let head = Head { status: StatusCode::from_u16(status).unwrap(), headers };
        range.check(&head, size_bytes).ok()
    }

    #[test]
    fn an_answer_with_other_bytes_is_told_in_words() {
        let head = Head { status: StatusCode::OK, headers: HeaderMap::new() };
        let range = ByteRange { first: 23, last: Some(99_999) };
        let error = range.check(&head, 100_000).unwrap_err();
        assert_eq!(error, "asked for bytes 23 to 99999, got status 200, no Content-Range and 100000 bytes");
    }

    #[test]
    fn only_exactly_the_bytes_that_were_asked_for_are_taken() {
        let range = ByteRange { first: 2, last: Some(5) };
        assert_eq!(check(range, 206, "bytes 2-5/10", 4), Some(10));
        assert_eq!(check(range, 206, "bytes 2-4/5", 3), Some(5), "the object ends before");
        let wrong = [
            (200, "bytes 2-5/10", 4),
            (206, "bytes 2-5/10", 10),
            (206, "bytes 1-4/10", 4),
            (206, "bytes 2-6/10", 5),
            (206, "bytes 2-4/10", 3),
            (206, "bytes 2-5/*", 4),
            (206, "", 4),
            (206, "bytes 2-1/2", 0),
        ];
        for (status, said, size_bytes) in wrong {
            assert_eq!(check(range, status, said, size_bytes), None, "{said}");
        }
    }

    #[test]
    fn a_range_without_a_last_byte_goes_to_the_end() {
        let range = ByteRange { first: 7, last: None };
        assert_eq!(range.value(), "bytes=7-");
        assert_eq!(check(range, 206, "bytes 7-9/10", 3), Some(10));
        assert_eq!(check(range, 206, "bytes 7-8/10", 2), None);
    }
}
