//! What an object of WAL-E holds, read from its beginning to its end: whether its bytes are what its name says.
//!
//! It reads from a plain reader and holds little of it: a block of lzop and a page. It knows neither files nor snapshots.

use std::io::Read;

use super::base_backup::packing_of_partition;
use super::fields::is_upper_hex;
use super::history;
use super::log_segment::LogSegment;
pub(crate) use super::log_segment::SegmentHeld;
use super::packing::Packing;
use super::partition::Partition;
pub(crate) use super::partition::PartitionHeld;
use super::segment::{LOG, Segment, segment_of};
pub(crate) use super::unreadable::Unreadable;
use crate::contents::directory::split_at_directory;

/// What an object holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    Segment(SegmentHeld),
    Partition(PartitionHeld),
    /// The label of a base backup beside the log, which a server has written at the backup's end.
    Label,
    /// The history of a timeline.
    History,
    /// It was not read, and why: a plain sentence.
    Unread(&'static str),
}

/// What an object is by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Segment(Segment),
    Partition,
    Label,
    History { timeline: u32 },
}

/// Reads an object from its beginning to its end. Gives nothing, and reads nothing, if the key does not say what the bytes are:
/// a sentinel, `extended_version.txt`, or what is not WAL-E's. Nothing is read of what gives [`Held::Unread`] either.
pub(crate) fn read(key: &str, bytes: &mut dyn Read) -> Result<Option<Held>, Unreadable> {
    let Some((kind, packing)) = kind_of(key) else { return Ok(None) };
    if let Packing::Unread(why) = packing {
        return Ok(Some(Held::Unread(why)));
    }
    let held = match kind {
        Kind::Segment(named) => {
            let mut segment = LogSegment::new(named);
            packing.each_piece(bytes, |piece| segment.push(piece))?;
            Held::Segment(segment.finish().map_err(Unreadable::Broken)?)
        }
        Kind::Partition => {
            let mut partition = Partition::new();
            packing.each_piece(bytes, |piece| partition.push(piece))?;
            Held::Partition(partition.finish().map_err(Unreadable::Broken)?)
        }
        Kind::Label => {
            packing.text(bytes)?;
            Held::Label
        }
        Kind::History { timeline } => {
            history::switches(timeline, &packing.text(bytes)?).map_err(Unreadable::Broken)?;
            Held::History
        }
    };
    Ok(Some(held))
}

/// Whether the bytes of an object are read here that holds a part of a base backup or of the log.
pub(crate) fn is_read(key: &str) -> bool {
    kind_of(key).is_some_and(|(_, packing)| !matches!(packing, Packing::Unread(_)))
}

fn kind_of(key: &str) -> Option<(Kind, Packing)> {
    if let Some(packing) = packing_of_partition(key) {
        return Some((Kind::Partition, packing));
    }
    if let Some((_, timeline, packing)) = history::named(key) {
        return Some((Kind::History { timeline }, packing));
    }
    let (_, name) = split_at_directory(key, LOG)?;
    let (name, suffix) = name.split_at_checked(24)?;
    if let Some((_, segment)) = segment_of(key) {
        return Some((Kind::Segment(segment), Packing::of(suffix)));
    }
    // SEGMENT.OFFSET.backup, with the offset in 8 digits.
    let (offset, suffix) = suffix.strip_prefix('.')?.split_at_checked(8)?;
    let suffix = suffix.strip_prefix(".backup")?;
    let is_packing = suffix.is_empty() || suffix.starts_with('.') && !suffix.contains('/');
    let is_label = Segment::of_name(name).is_some() && is_upper_hex(offset);
    (is_label && is_packing).then(|| (Kind::Label, Packing::of(suffix)))
}
