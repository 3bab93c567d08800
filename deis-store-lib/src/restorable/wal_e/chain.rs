//! Where a replay ends that begins with a base backup. Pure.

use super::base::Base;
use super::database::{Database, History};
use super::order::Order;
use crate::contents::wal_e::{Segment, Switch};

/// Since this version PostgreSQL goes over to the newest timeline by itself; before it stays on the one of the base backup.
const FOLLOWS_TIMELINES: u32 = 1200;

/// Where a replay ends that begins at the start of this base backup; nothing if that is not there.
pub(super) fn end_of_replay(database: &Database, base: &Base, order: Order) -> Option<Segment> {
    let start = base.start();
    let number = database.logs.get(&start.timeline)?.replayed_from(start.number, order)?;
    let mut end = Segment { timeline: start.timeline, number };
    if !follows_timelines(base) {
        return Some(end);
    }
    for (child, begins) in way_to_newest(database, start.timeline, order) {
        let log = database.logs.get(&child);
        let comes_there = begins <= end.number || order.next(end.number) == begins;
        let goes_on = log.and_then(|log| log.replayed_from(begins, order));
        if let (true, Some(number)) = (comes_there, goes_on) {
            end = Segment { timeline: child, number };
            continue;
        }
        // Where the newer timeline has a segment, that is read, and does not go on from the older one's.
        if let Some(newer) = log.and_then(|log| log.first_from(begins)).filter(|newer| *newer <= end.number) {
            end.number = order.before(newer);
        }
        break;
    }
    Some(end)
}

/// The timeline to which PostgreSQL goes over by itself though the base backup is no part of its history: the server does not start.
pub(super) fn leads_away(database: &Database, base: &Base, order: Order) -> Option<u32> {
    let timeline = base.start().timeline;
    let newest = newest_from(database, timeline).filter(|_| follows_timelines(base))?;
    let switches = switches_of(database, newest)?;
    let is_part = switches.iter().find(|switch| switch.parent == timeline).is_some_and(|switch| {
        match base.stop_place(order) {
            Some(stop) => stop <= switch.at,
            None => base.stop() <= order.of_place(switch.at),
        }
    });
    (!is_part).then_some(newest)
}

/// The history that the server reads and cannot: it does not start.
pub(super) fn broken_history<'a>(database: &'a Database, base: &Base) -> Option<&'a str> {
    let own = base.start().timeline;
    let newest = newest_from(database, own).filter(|_| follows_timelines(base));
    match database.histories.get(&newest.unwrap_or(own))? {
        History::Broken(key, _) => Some(key),
        History::Lost | History::Read(_) => None,
    }
}

fn follows_timelines(base: &Base) -> bool {
    base.version.is_some_and(|version| version >= FOLLOWS_TIMELINES)
}

/// PostgreSQL asks for the histories of one timeline after the other until there is none.
fn newest_from(database: &Database, timeline: u32) -> Option<u32> {
    let later = (timeline..u32::MAX).map(|before| before + 1);
    later.take_while(|later| database.histories.contains_key(later)).last()
}

/// The timelines from this one to the newest, each with the segment in which it begins. Empty if the newest does not descend from
/// this one.
fn way_to_newest(database: &Database, timeline: u32, order: Order) -> Vec<(u32, u64)> {
    let newest = newest_from(database, timeline);
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

pub(super) fn switches_of(database: &Database, timeline: u32) -> Option<&[Switch]> {
    match database.histories.get(&timeline)? {
        History::Read(switches) => Some(switches),
        History::Lost | History::Broken(..) => None,
    }
}
