//! How the numbers of a database's segments follow each other. Pure.

use crate::contents::wal_e::{Lsn, SEGMENT_BYTES};

/// The order of segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    segment_bytes: u64,
    /// The highest number within a log of 4 GiB.
    last_of_log: u64,
}

impl Order {
    /// The one of nearly all databases.
    pub(super) const USUAL: Self = Self { segment_bytes: SEGMENT_BYTES, last_of_log: 0xff };

    /// The one before 9.3: the last segment of each log is left out.
    pub(super) const BEFORE_9_3: Self = Self { segment_bytes: SEGMENT_BYTES, last_of_log: 0xfe };

    /// The one of segments of this size.
    pub(super) fn of_size(segment_bytes: u64) -> Self {
        let count = (1_u64 << 32).checked_div(segment_bytes).unwrap_or_default();
        Self { segment_bytes, last_of_log: count.saturating_sub(1) }
    }

    /// Whether there is such a number within a log of 4 GiB.
    pub(super) fn has(self, number: u64) -> bool {
        number <= self.last_of_log
    }

    /// The number after this one.
    pub(super) fn next(self, number: u64) -> u64 {
        if number & 0xffff_ffff >= self.last_of_log {
            (number >> 32).saturating_add(1) << 32
        } else {
            number.saturating_add(1)
        }
    }

    /// The number before this one.
    pub(super) fn before(self, number: u64) -> u64 {
        match number.checked_sub(1) {
            Some(before) if before & 0xffff_ffff > self.last_of_log => {
                before & !0xffff_ffff | self.last_of_log
            }
            Some(before) => before,
            None => 0,
        }
    }

    /// The number of the segment in which a place of the log is.
    pub(super) fn of_place(self, place: Lsn) -> u64 {
        place.segment_number(self.segment_bytes)
    }

    /// The place of the log at which a segment begins.
    pub(super) fn begin_of(self, number: u64) -> Option<Lsn> {
        Lsn::of_segment(number, self.segment_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_9_3_the_last_segment_of_each_log_is_left_out() {
        let order = Order::BEFORE_9_3;
        assert_eq!([order.next(0xfd), order.next(0xfe)], [0xfe, 0x1_0000_0000]);
        assert_eq!([order.before(0xfe), order.before(0x1_0000_0000), order.before(0)], [0xfd, 0xfe, 0]);
        assert_eq!(order.of_place(Lsn(0x1_0200_0010)), 0x1_0000_0002);
        assert_eq!(Order::USUAL.of_place(Lsn(0xff00_0000)), 0xff);
    }
}
