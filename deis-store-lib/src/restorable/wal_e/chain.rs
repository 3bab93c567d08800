//! Where a replay ends that begins with a base backup. Pure.

use super::database::{Database, History};
use super::order::Order;
use crate::contents::wal_e::{Segment, Switch};

/// Since this version PostgreSQL goes over to the newest timeline by itself; before it stays on the one of the base backup.
const FOLLOWS_TIMELINES: u32 = 1200;

/// Where a replay ends that begins at this segment; nothing if that is not there.
pub(super) fn end_of_replay(
    database: &Database,
    (start, version): (Segment, Option<u32>),
    order: Order,
) -> Option<Segment> {
    let number = database.logs.get(&start.timeline)?.replayed_from(start.number, order)?;
    let mut end = Segment { timeline: start.timeline, number };
    if version.is_none_or(|version| version < FOLLOWS_TIMELINES) {
        return Some(end);
    }
    for (child, begins) in way_to_newest(database, start.timeline, order) {
        let comes_there = begins <= end.number || order.next(end.number) == begins;
        let goes_on = database.logs.get(&child).and_then(|log| log.replayed_from(begins, order));
        let (true, Some(number)) = (comes_there, goes_on) else { break };
        end = Segment { timeline: child, number };
    }
    Some(end)
}

/// The timelines from this one to the newest, each with the segment in which it begins: PostgreSQL asks for the histories of one
/// after the other until there is none. Empty if the newest does not descend from this one.
fn way_to_newest(database: &Database, timeline: u32, order: Order) -> Vec<(u32, u64)> {
    let later = (timeline..u32::MAX).map(|before| before + 1);
    let newest = later.take_while(|later| database.histories.contains_key(later)).last();
    let Some((newest, switches)) = newest.and_then(|newest| Some((newest, switches_of(database, newest)?)))
    else {
        return Vec::new();
    };
    let own = switches.iter().skip_while(|switch| switch.parent != timeline);
    let children = switches.iter().skip_while(|switch| switch.parent != timeline).skip(1);
    let children = children.map(|switch| switch.parent).chain([newest]);
    own.zip(children).map(|(switch, child)| (child, order.of_place(switch.at))).collect()
}

/// The segment in which a timeline begins, by its own history.
pub(super) fn begin_of_timeline(database: &Database, timeline: u32, order: Order) -> Option<u64> {
    switches_of(database, timeline)?.last().map(|switch| order.of_place(switch.at))
}

fn switches_of(database: &Database, timeline: u32) -> Option<&[Switch]> {
    match database.histories.get(&timeline)? {
        History::Read(switches) => Some(switches),
        History::Lost | History::Broken(..) => None,
    }
}
