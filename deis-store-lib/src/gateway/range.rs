//! `Range` as radosgw reads it. Pure.

use std::ops;

use super::failure::Failure;

/// The bytes of an object that are wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Whole,
    /// The whole, since the unit is not known; `Content-Range` comes along all the same.
    WholeInRange,
    Part(ops::Range<u64>),
}

/// Reads the header for an object of this size. Of several ranges the first is taken.
pub(super) fn wanted(header: Option<&str>, size_bytes: u64) -> Result<Wanted, Failure> {
    let Some(header) = header else { return Ok(Wanted::Whole) };
    if size_bytes == 0 {
        return Err(Failure::InvalidRange);
    }
    let Some(range) = header.trim().strip_prefix("bytes=") else { return Ok(Wanted::WholeInRange) };
    let (first, last) = range.split_once('-').ok_or(Failure::InvalidRange)?;
    let (first, last) = (first.trim(), number(last));
    let (from, to) = match (first.is_empty(), last) {
        // `-0` is the whole.
        (true, None | Some(0)) => (0, size_bytes),
        (true, Some(suffix)) => (size_bytes.saturating_sub(suffix), size_bytes),
        (false, None) => (number(first).unwrap_or(0), size_bytes),
        (false, Some(last)) => (number(first).unwrap_or(0), last.saturating_add(1).min(size_bytes)),
    };
    if from >= to { Err(Failure::InvalidRange) } else { Ok(Wanted::Part(from..to)) }
}

/// C's `atoll`: the digits in front; nothing at all is no number.
fn number(text: &str) -> Option<u64> {
    let text = text.trim_start();
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    if text.is_empty() {
        None
    } else {
        Some(text[..end].parse().unwrap_or(if end == 0 { 0 } else { u64::MAX }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_what_a_real_radosgw_was_seen_to_make_of_them() {
        for (header, part) in [
            ("bytes=0-3", 0..4),
            ("bytes=5-", 5..10),
            ("bytes=-3", 7..10),
            ("bytes=-0", 0..10),
            ("bytes=-99", 0..10),
            ("bytes=8-99", 8..10),
            ("bytes=1-2,5-6", 1..3),
        ] {
            assert_eq!(wanted(Some(header), 10), Ok(Wanted::Part(part)), "{header}");
        }
        for header in ["items=0-3", "0-3"] {
            assert_eq!(wanted(Some(header), 10), Ok(Wanted::WholeInRange), "{header}");
        }
        for header in ["bytes=10-", "bytes=10-12", "bytes=5-3", "bytes=abc"] {
            assert_eq!(wanted(Some(header), 10), Err(Failure::InvalidRange), "{header}");
        }
        assert_eq!(wanted(Some("bytes=0-"), 0), Err(Failure::InvalidRange));
        assert_eq!(wanted(None, 0), Ok(Wanted::Whole));
    }
}
