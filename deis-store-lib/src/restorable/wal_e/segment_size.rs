//! The size of a database's segments, by which their numbers follow each other. Pure.
//!
//! A server is built or initialised with it, and each segment says it. Where none was read, the names tell it, if anything does.

use super::database::{Database, History};
use super::log::Log;
use super::order::Order;

/// Since this version the last segment of each log of 4 GiB is no longer left out.
const LEAVES_OUT_NONE: u32 = 903;
/// Since this version a database can be initialised with segments of another size.
const HAS_ANY_SIZE: u32 = 1100;

/// The order of a database's segments.
pub(super) fn order_of(database: &Database) -> Order {
    let version = database.bases.values().filter_map(|base| base.version).max();
    if version.is_some_and(|version| version < LEAVES_OUT_NONE) {
        return Order::BEFORE_9_3;
    }
    if let Some(segment_bytes) = database.segment_bytes {
        return Order::of_size(segment_bytes);
    }
    // Larger segments have smaller numbers.
    let last = database.logs.values().filter_map(Log::last_before_next_log).max();
    if let Some(last) = last.filter(|last| (last + 1).is_power_of_two())
        && version.is_some_and(|version| version >= HAS_ANY_SIZE)
    {
        return Order::of_size((1 << 32) / (last + 1));
    }
    let highest = database.logs.values().map(Log::highest_in_log).max().unwrap_or_default();
    let usual_first =
        [24, 23, 22, 21, 20, 25, 26, 27, 28, 29, 30].map(|exponent| Order::of_size(1 << exponent));
    let mut possible = usual_first.into_iter().filter(|order| order.has(highest));
    let first = possible.clone().next().unwrap_or(Order::USUAL);
    possible.find(|order| fits(*order, database)).unwrap_or(first)
}

/// Whether each timeline begins where its history says, and where its parent's log ends, of those of which all is known.
fn fits(order: Order, database: &Database) -> bool {
    let mut children = database.histories.iter().filter_map(|(child, history)| {
        let History::Read(switches) = history else { return None };
        let switch = switches.last()?;
        let (parent, child) =
            (database.logs.get(&switch.parent)?.last()?, database.logs.get(child)?.first()?);
        let begin = order.of_place(switch.at);
        Some(child == begin && order.next(parent) >= begin)
    });
    children.next().is_some_and(|fits| fits && children.all(|fits| fits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contents::wal_e::{Lsn, Switch};

    /// A log of two timelines, the second of which begins at 0/3300000.
    fn of_two(parent: u64, child: u64) -> Order {
        let mut database = Database::default();
        (1..=parent).for_each(|number| database.log(1).see(number));
        (child..child + 3).for_each(|number| database.log(2).see(number));
        let switch = Switch { parent: 1, at: Lsn(0x0330_0000) };
        database.histories.insert(2, History::Read(vec![switch]));
        order_of(&database)
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
        assert_eq!(order_of(&database), Order::USUAL);
        database.log(1).see(0x120);
        assert_eq!(order_of(&database), Order::of_size(8 << 20));
        database.segment_bytes = Some(1 << 20);
        assert_eq!(order_of(&database), Order::of_size(1 << 20));
        assert_eq!(order_of(&database).next(0xfff), 0x1_0000_0000);
    }
}
