//! The last commit that a replay brings back. Pure.

use jiff::Timestamp;

use super::chain::switches_of;
use super::database::{Commit, Database};
use super::order::Order;
use crate::contents::wal_e::Segment;

/// The time of the last commit up to the end of this segment. Nothing if a segment was not read that may have a later one.
pub(super) fn last_commit(database: &Database, end: Segment, order: Order) -> Option<Timestamp> {
    let mut segment = end;
    loop {
        match database.commit_of(segment) {
            Commit::At(microseconds) => return Timestamp::from_microsecond(microseconds).ok(),
            Commit::Unknown => return None,
            Commit::None => segment = before(database, segment, order)?,
        }
    }
}

/// The segment before this one. The first one of a timeline begins with what the one of its parent has up to there.
fn before(database: &Database, Segment { timeline, number }: Segment, order: Order) -> Option<Segment> {
    let begin = switches_of(database, timeline).and_then(<[_]>::last);
    let timeline = match begin.map(|switch| (order.of_place(switch.at), switch.parent)) {
        Some((begins, parent)) if begins == number => Some(parent).filter(|parent| *parent < timeline)?,
        // A history of another timeline of this number.
        Some((begins, _)) if begins > number => return None,
        _ => timeline,
    };
    (number > 0).then(|| Segment { timeline, number: order.before(number) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contents::wal_e::{Lsn, SegmentHeld, Switch};
    use crate::restorable::wal_e::database::History;

    /// The commits of the segments that were read, each with its timeline, its number and the microsecond of its last commit.
    fn database(read: &[(u32, u64, Option<i64>)]) -> Database {
        let mut database = Database::default();
        for &(timeline, number, last_commit_us) in read {
            let (end, segment_bytes) = (Lsn(0), 16 << 20);
            let held = SegmentHeld { system_id: 7, segment_bytes, end, is_full: true, last_commit_us };
            database.log(timeline).see(number);
            database.learn_segment(Segment { timeline, number }, &held);
        }
        let switches = vec![Switch { parent: 1, at: Lsn(0x900_0100) }];
        database.histories.insert(2, History::Read(switches));
        database
    }

    fn last(read: &[(u32, u64, Option<i64>)], timeline: u32, number: u64) -> Option<i64> {
        let time = last_commit(&database(read), Segment { timeline, number }, Order::USUAL);
        time.map(Timestamp::as_microsecond)
    }

    #[test]
    fn the_last_commit_is_found_behind_segments_without_one_and_on_the_timeline_before() {
        let read = [
            (1, 7, Some(7)),
            (1, 8, None),
            (1, 9, Some(9)),
            (1, 10, Some(10)),
            (2, 9, None),
            (2, 10, None),
            (2, 11, Some(11)),
        ];
        assert_eq!(last(&read, 2, 11), Some(11));
        assert_eq!(last(&read, 2, 10), Some(7), "what the parent has behind the switch is not replayed");
        assert_eq!([last(&read, 1, 8), last(&read, 1, 9), last(&read, 1, 10)], [Some(7), Some(9), Some(10)]);
    }

    #[test]
    fn a_segment_that_was_not_read_may_have_a_later_commit() {
        let read = [(1, 7, Some(7)), (1, 9, None), (2, 8, None), (2, 9, None), (2, 11, None)];
        assert_eq!(last(&read, 2, 8), None, "the history says that it begins later");
        assert_eq!([last(&read, 1, 9), last(&read, 1, 8), last(&read, 1, 6)], [None; 3]);
        assert_eq!([last(&read, 2, 9), last(&read, 2, 11), last(&read, 3, 9)], [None; 3]);
    }

    #[test]
    fn a_commit_that_is_not_kept_is_not_taken_for_none() {
        let many: Vec<_> =
            (0..1000).map(|number| (1, number, Some(i64::try_from(number).unwrap()))).collect();
        assert_eq!(
            [last(&many, 1, 999), last(&many, 1, 940), last(&many, 1, 9)],
            [Some(999), Some(940), None]
        );
        let none: Vec<_> = (0..1000).map(|number| (1, number, (number == 0).then_some(0))).collect();
        assert_eq!(last(&none, 1, 999), Some(0));
    }

    #[test]
    fn a_segment_that_was_read_and_is_none_of_the_database_ends_it() {
        let mut database = database(&[(1, 5, Some(5)), (1, 6, None)]);
        database.log(1).break_segment(5, "k");
        assert_eq!(last_commit(&database, Segment { timeline: 1, number: 6 }, Order::USUAL), None);
    }

    #[test]
    fn it_ends_at_the_first_segment_and_where_a_history_leads_to_itself() {
        assert_eq!(last(&[(1, 0, None), (1, 1, None)], 1, 1), None);
        for switch in [Switch { parent: 2, at: Lsn(0x900_0100) }, Switch { parent: 1, at: Lsn(0) }] {
            let mut database = database(&[(1, 8, Some(8)), (2, 0, None), (2, 8, None), (2, 9, None)]);
            database.histories.insert(2, History::Read(vec![switch]));
            assert_eq!(last_commit(&database, Segment { timeline: 2, number: 9 }, Order::USUAL), None);
        }
    }
}
