//! Places in PostgreSQL's write-ahead log. Pure.

use std::fmt;

/// The size of a segment, unless its server was built or initialised with another one.
pub(crate) const SEGMENT_BYTES: u64 = 16 << 20;

/// A place in the log: the number of bytes before it. 0 is no place, as in PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lsn(pub(crate) u64);

impl Lsn {
    /// The place that PostgreSQL prints as `X/Y`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (high, low) = text.split_once('/')?;
        let half = |digits: &str| {
            let is_hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)
        };
        Some(Self(u64::from(half(high)?) << 32 | u64::from(half(low)?)))
    }

    /// The first place of a segment, by the number that [`Segment::number`](super::Segment::number) is.
    pub(crate) fn of_segment(number: u64, segment_bytes: u64) -> Option<Self> {
        let (log, within) = (number & !0xffff_ffff, number & 0xffff_ffff);
        let at = within.checked_mul(segment_bytes).filter(|at| *at <= 0xffff_ffff)?;
        Some(Self(log | at))
    }

    /// The number of the segment that holds the place, as in the segment's name.
    pub(crate) fn segment_number(self, segment_bytes: u64) -> u64 {
        let (log, at) = (self.0 & !0xffff_ffff, self.0 & 0xffff_ffff);
        log | at.checked_div(segment_bytes).unwrap_or_default()
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_printed_and_read_as_postgresql_prints_it() {
        for (text, place) in [("0/2000028", 0x0200_0028), ("1A/FF0000B0", 0x1a_ff00_00b0), ("0/0", 0)] {
            assert_eq!(Lsn(place).to_string(), text);
            assert_eq!(Lsn::parse(text), Some(Lsn(place)));
        }
        for none in ["", "/", "1/", "/1", "1", "+1/0", "0/100000000", "0/0/0", "0/ 1", "x/1"] {
            assert_eq!(Lsn::parse(none), None, "{none}");
        }
    }

    #[test]
    fn a_segment_s_number_is_the_one_of_its_name() {
        assert_eq!(Lsn(0x1_ff00_0028).segment_number(SEGMENT_BYTES), 0x1_0000_00ff);
        assert_eq!(Lsn::of_segment(0x1_0000_00ff, SEGMENT_BYTES), Some(Lsn(0x1_ff00_0000)));
        assert_eq!(Lsn(0x1_ff00_0028).segment_number(1 << 20), 0x1_0000_0ff0);
        assert_eq!(Lsn::of_segment(0x1_0000_0ff0, 1 << 20), Some(Lsn(0x1_ff00_0000)));
        assert_eq!(Lsn::of_segment(0x1_0000_0100, SEGMENT_BYTES), None);
        assert_eq!(Lsn::of_segment(0xffff_ffff, u64::MAX), None);
    }
}
