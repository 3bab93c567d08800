//! `backup_label`, which says where the replay of a base backup must begin. Pure.

use super::lsn::Lsn;
use super::segment::Segment;

/// What the label of a base backup says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BackupLabel {
    /// The segment in which replay begins.
    pub(crate) start_segment: Segment,
}

impl BackupLabel {
    /// Reads the lines of a label. The error is a plain sentence.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let (start, start_segment) = field("START WAL LOCATION")
            .and_then(start)
            .ok_or("backup_label does not say where the backup starts")?;
        if field("CHECKPOINT LOCATION").and_then(|place| Lsn::parse(place.trim_end())).is_none() {
            return Err("backup_label does not say where the checkpoint is".to_owned());
        }
        if start.0 >> 32 != start_segment.number >> 32 {
            return Err(format!("backup_label says that {start} is in the segment {}", start_segment.name()));
        }
        // Since PostgreSQL 11.
        if field("START TIMELINE")
            .is_some_and(|number| number.trim_end().parse() != Ok(start_segment.timeline))
        {
            return Err(format!(
                "backup_label names another timeline than the segment {}",
                start_segment.name()
            ));
        }
        Ok(Self { start_segment })
    }
}

/// `0/2000028 (file 000000010000000000000002)`
fn start(value: &str) -> Option<(Lsn, Segment)> {
    let (place, file) = value.split_once(" (file ")?;
    Some((Lsn::parse(place)?, Segment::of_name(file.trim_end().strip_suffix(')')?)?))
}
