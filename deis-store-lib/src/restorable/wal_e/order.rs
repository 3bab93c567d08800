//! How the numbers of a database's segments follow each other. Pure.
//!
//! It hangs on the size of a segment, which a server is built or initialised with. Each segment says it. Where none was read, the
//! names tell it, if anything does.

use super::database::{Database, History};
use super::log::Log;
use crate::contents::wal_e::{Lsn, SEGMENT_BYTES};

/// Since this version the last segment of each log of 4 GiB is no longer left out.
const LEAVES_OUT_NONE: u32 = 903;
/// Since this version a database can be initialised with segments of another size.
const HAS_ANY_SIZE: u32 = 1100;

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

    /// The order of a database's segments.
    pub(super) fn of(database: &Database) -> Self {
        let version = database.bases.values().filter_map(|base| base.version).max();
        if version.is_some_and(|version| version < LEAVES_OUT_NONE) {
            return Self { last_of_log: 0xfe, ..Self::USUAL };
        }
        if let Some(segment_bytes) = database.segment_bytes {
            return Self::of_size(segment_bytes);
        }
        let highest = database.logs.values().map(Log::highest_in_log).max().unwrap_or_default();
        if highest > Self::USUAL.last_of_log {
            let least = highest.saturating_add(1).checked_next_power_of_two().unwrap_or(1 << 32);
            return Self::of_size((1 << 32) / least);
        }
        // Larger segments have smaller numbers.
        let last = database.logs.values().filter_map(Log::last_before_next_log).max();
        if let Some(last) = last.filter(|last| (last + 1).is_power_of_two())
            && version.is_some_and(|version| version >= HAS_ANY_SIZE)
        {
            return Self::of_size((1 << 32) / (last + 1));
        }
        let usual_first = [24].into_iter().chain(20..=30).map(|exponent| Self::of_size(1 << exponent));
        usual_first.into_iter().find(|order| order.fits(database)).unwrap_or(Self::USUAL)
    }

    fn of_size(segment_bytes: u64) -> Self {
        let count = (1_u64 << 32).checked_div(segment_bytes).unwrap_or_default();
        Self { segment_bytes, last_of_log: count.saturating_sub(1) }
    }

    /// Whether each timeline begins where its history says, and where its parent's log ends, of those of which all is known.
    fn fits(self, database: &Database) -> bool {
        let mut children = database.histories.iter().filter_map(|(child, history)| {
            let History::Read(switches) = history else { return None };
            let switch = switches.last()?;
            let (parent, child) =
                (database.logs.get(&switch.parent)?.last()?, database.logs.get(child)?.first()?);
            let begin = self.of_place(switch.at);
            Some(child == begin && self.next(parent) >= begin)
        });
        children.next().is_some_and(|fits| fits && children.all(|fits| fits))
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
        let order = Order { last_of_log: 0xfe, ..Order::USUAL };
        assert_eq!([order.next(0xfd), order.next(0xfe)], [0xfe, 0x1_0000_0000]);
        assert_eq!([order.before(0xfe), order.before(0x1_0000_0000), order.before(0)], [0xfd, 0xfe, 0]);
        assert_eq!(order.of_place(Lsn(0x1_0200_0010)), 0x1_0000_0002);
        assert_eq!(Order::USUAL.of_place(Lsn(0xff00_0000)), 0xff);
    }

    /// A log of two timelines, the second of which begins at 0/3300000.
    fn of_two(parent: u64, child: u64) -> Order {
        let mut database = Database::default();
        (1..=parent).for_each(|number| database.log(1).see(number));
        (child..child + 3).for_each(|number| database.log(2).see(number));
        let switch = crate::contents::wal_e::Switch { parent: 1, at: Lsn(0x0330_0000) };
        database.histories.insert(2, History::Read(vec![switch]));
        Order::of(&database)
    }

    #[test]
    fn the_size_of_segments_is_told_by_the_place_at_which_a_timeline_begins_if_all_fits() {
        assert_eq!(of_two(3, 3), Order::USUAL);
        assert_eq!(of_two(0x33, 0x33), Order::of_size(1 << 20));
        assert_eq!(of_two(0x32, 0x33), Order::of_size(1 << 20));
        // With holes nothing is told.
        assert_eq!(of_two(3, 0x33), Order::USUAL);
        assert_eq!(of_two(3, 4), Order::USUAL);
    }

    #[test]
    fn the_size_of_segments_is_told_by_their_highest_number_and_first_of_all_by_themselves() {
        let mut database = Database::default();
        for base in [1, 2] {
            database.log(1).see(base);
        }
        database.log(1).see(3);
        assert_eq!(Order::of(&database), Order::USUAL);
        database.log(1).see(0x120);
        assert_eq!(Order::of(&database), Order::of_size(8 << 20));
        database.segment_bytes = Some(1 << 20);
        assert_eq!(Order::of(&database), Order::of_size(1 << 20));
        assert_eq!(Order::of(&database).next(0xfff), 0x1_0000_0000);
    }
}
