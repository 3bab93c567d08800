//! The numbers of headers and of pax records. Pure.

use super::entry::Modified;

const BILLION: u32 = 1_000_000_000;

/// A field of a header up to its first NUL.
pub(super) fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A field of a header that is not negative.
pub(super) fn unsigned(field: &[u8]) -> Option<u64> {
    u64::try_from(number(field)?).ok()
}

/// A field of a header that may be negative.
pub(super) fn signed(field: &[u8]) -> Option<i64> {
    i64::try_from(number(field)?).ok()
}

/// The digits of a pax record.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// A time of a pax record, `-SECONDS.FRACTION`. What is finer than a nanosecond is left off, towards the past.
pub(super) fn time(text: &[u8]) -> Option<Modified> {
    let is_negative = text.starts_with(b"-");
    let mut parts = text[usize::from(is_negative)..].splitn(2, |byte| *byte == b'.');
    let whole = i128::from(decimal(parts.next()?)?);
    let fraction = parts.next().unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = fraction.iter().map(|digit| u32::from(digit - b'0'));
    let nanoseconds = digits.chain(std::iter::repeat(0)).take(9).fold(0, |number, digit| number * 10 + digit);
    if !is_negative {
        return Some(Modified { seconds: i64::try_from(whole).ok()?, nanoseconds });
    }
    let is_finer = fraction.iter().skip(9).any(|digit| *digit != b'0');
    let back = nanoseconds + u32::from(is_finer);
    let seconds = i64::try_from(-whole - i128::from(back > 0)).ok()?;
    Some(Modified { seconds, nanoseconds: (BILLION - back) % BILLION })
}

/// Octal digits, or GNU tar's binary form, which has any length and a sign.
fn number(field: &[u8]) -> Option<i128> {
    let binary = |rest: &[u8], sign| rest.iter().fold(sign, |number, byte| number << 8 | i128::from(*byte));
    match field {
        [0x80, rest @ ..] => Some(binary(rest, 0)),
        [0xff, rest @ ..] => Some(binary(rest, -1)),
        _ => text(field).trim_ascii().iter().try_fold(0, |number, digit| match digit {
            b'0'..=b'7' => Some(number << 3 | i128::from(digit - b'0')),
            _ => None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_field_is_octal_or_binary_and_may_be_negative() {
        for (field, number) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b"    644 ", Some(0o644)),
            (b"\0\0\0\0", Some(0)),
            (b"77777777", Some(0o77_777_777)),
            (b"\x80\0\0\0\0\0\0\0\0\0\x01\0", Some(256)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", Some(-2)),
            (b"\xff\0\0\0\0\0\0\0\0\0\0\0", None),
            (b"\x80\x01\0\0\0\0\0\0\0\0\0\0", None),
            (b"\x81\0\0\0", None),
            (b"\xfe\0\0\0", None),
            (b"00008\0", None),
            (b"-1\0", None),
            (b"1 1\0", None),
        ] {
            assert_eq!(signed(field), number, "{field:?}");
        }
        assert_eq!(unsigned(b"\xff\xff\xff\xff"), None);
        assert_eq!(unsigned(b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"), Some(u64::MAX));
    }

    #[test]
    fn a_time_is_counted_forwards_before_1970_too() {
        let time = |text: &str| time(text.as_bytes()).map(|time| (time.seconds, time.nanoseconds));
        for (text, expected) in [
            ("0", Some((0, 0))),
            ("1.5", Some((1, 500_000_000))),
            ("1.", Some((1, 0))),
            ("1.0000000019", Some((1, 1))),
            ("-1", Some((-1, 0))),
            ("-1.5", Some((-2, 500_000_000))),
            ("-0.25", Some((-1, 750_000_000))),
            ("-0.0000000001", Some((-1, 999_999_999))),
            ("-0.9999999999", Some((-1, 0))),
            ("-9223372036854775808", Some((i64::MIN, 0))),
            ("-9223372036854775808.1", None),
            ("9223372036854775808", None),
        ] {
            assert_eq!(time(text), expected, "{text}");
        }
        for none in ["", "-", ".5", "1.5.5", "1,5", "--1", "+1", "1e9", "1.-5", " 1"] {
            assert_eq!(time(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn a_time_that_is_written_is_read_as_it_was(seconds: i64, nanoseconds in 0..BILLION) {
            let written = Modified { seconds, nanoseconds };
            prop_assert_eq!(time(written.to_string().as_bytes()), Some(written));
        }
    }
}
