//! The histories of timelines, which lie beside the segments: where each of a timeline's ancestors was left. Pure.

use super::fields::is_upper_hex;
use super::lsn::{Lsn, SEGMENT_BYTES};
use super::packing::Packing;
use super::segment::{LOG, Segment};
use super::unreadable::Unreadable;
use crate::contents::directory::split_at_directory;

/// The end of a timeline that has a successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Switch {
    /// The timeline that was left.
    pub(crate) parent: u32,
    /// Where it was left. Before PostgreSQL 9.3 a history names the segment alone, and this is the segment's beginning.
    pub(crate) at: Lsn,
}

/// The lines of a timeline's history, oldest first, from the bytes of its object. The error is a plain sentence.
pub(crate) fn history(key: &str, object: &[u8]) -> Result<Vec<Switch>, String> {
    let (_, timeline, packing) = named(key).ok_or("the object is no history of a timeline")?;
    if let Packing::Unread(why) = packing {
        return Err(why.to_owned());
    }
    let mut object = object;
    match packing.text(&mut object) {
        Ok(text) => switches(timeline, &text),
        Err(Unreadable::Broken(sentence)) => Err(sentence),
        Err(Unreadable::Io(error)) => Err(error.to_string()),
    }
}

/// The prefix and the timeline of a history that can be read.
pub(crate) fn timeline_of_history(key: &str) -> Option<(&str, u32)> {
    let (prefix, timeline, packing) = named(key)?;
    (!matches!(packing, Packing::Unread(_))).then_some((prefix, timeline))
}

/// The prefix, the timeline and the packing of a history.
pub(super) fn named(key: &str) -> Option<(&str, u32, Packing)> {
    let (prefix, name) = split_at_directory(key, LOG)?;
    let (timeline, suffix) = name.split_at_checked(8)?;
    let suffix = suffix.strip_prefix(".history")?;
    let is_packing = suffix.is_empty() || suffix.starts_with('.') && !suffix.contains('/');
    let timeline = u32::from_str_radix(timeline, 16).ok().filter(|_| is_upper_hex(timeline) && is_packing)?;
    Some((prefix, timeline, Packing::of(suffix)))
}

/// Reads the text of a history as PostgreSQL does: an ancestor, a place and a reason a line, with growing ancestors.
pub(super) fn switches(timeline: u32, text: &str) -> Result<Vec<Switch>, String> {
    let mut switches: Vec<Switch> = Vec::new();
    let lines = text.lines().map(str::trim_start).filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        let switch = switch(line).ok_or("the history has a line without a timeline and a place")?;
        if switches.last().is_some_and(|last| last.parent >= switch.parent) {
            return Err("the timelines of the history do not grow".to_owned());
        }
        if switch.parent >= timeline {
            return Err(format!(
                "the history of timeline {timeline} names timeline {} before it",
                switch.parent
            ));
        }
        switches.push(switch);
    }
    Ok(switches)
}

fn switch(line: &str) -> Option<Switch> {
    let mut words = line.split_ascii_whitespace();
    let (parent, place) = (words.next()?, words.next()?);
    let of_segment = || Lsn::of_segment(Segment::of_name(place)?.number, SEGMENT_BYTES);
    Some(Switch { parent: parent.parse().ok()?, at: Lsn::parse(place).or_else(of_segment)? })
}
