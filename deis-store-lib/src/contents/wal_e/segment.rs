//! Segments of PostgreSQL's write-ahead log, by their names. Pure.

use super::fields::is_upper_hex;
use crate::contents::directory::split_at_directory;

/// Where the write-ahead log is.
pub(crate) const LOG: &str = "wal_005/";

/// A segment of the log: its timeline, and its number, which grows along the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Segment {
    pub(crate) timeline: u32,
    pub(crate) number: u64,
}

impl Segment {
    /// The segment of a name of 24 hex digits, as PostgreSQL writes them: timeline, log and segment.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        if name.len() != 24 || !is_upper_hex(name) {
            return None;
        }
        let number = u64::from_str_radix(&name[8..], 16).ok()?;
        Some(Self { timeline: u32::from_str_radix(&name[..8], 16).ok()?, number })
    }

    /// Its name.
    pub(crate) fn name(self) -> String {
        format!("{:08X}{:016X}", self.timeline, self.number)
    }
}

/// The prefix and the segment of a key of the log; nothing for the labels and histories beside the segments.
pub(crate) fn segment_of(key: &str) -> Option<(&str, Segment)> {
    let (prefix, name) = split_at_directory(key, LOG)?;
    let (name, suffix) = name.split_at_checked(24)?;
    let packed = suffix.is_empty() || (suffix.starts_with('.') && !suffix[1..].contains(['.', '/']));
    Segment::of_name(name).filter(|_| packed).map(|segment| (prefix, segment))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "0000000200000001000000FE";

    #[test]
    fn a_segment_is_known_by_its_name_below_any_prefix_whatever_it_is_packed_with() {
        for prefix in ["", "pg/", "/", "a/b/"] {
            for suffix in ["", ".lzo", ".gz", ".zst"] {
                let key = format!("{prefix}wal_005/{NAME}{suffix}");
                let (found, segment) = segment_of(&key).unwrap();
                assert_eq!((found, segment.timeline, segment.number), (prefix, 2, 0x1_0000_00FE), "{key}");
                assert_eq!(segment.name(), NAME);
            }
        }
    }

    #[test]
    fn what_is_no_segment_is_none() {
        for key in [
            "wal_005/00000002.history.lzo",
            "wal_005/0000000200000001000000FE.00000028.backup.lzo",
            "wal_005/0000000200000001000000FE.lzo/x",
            "wal_005/0000000200000001000000fe.lzo",
            "wal_005/0000000200000001000000F.lzo",
            "wal_005/0000000200000001000000FE0.lzo",
            "wal_005/é000000200000001000000FE.lzo",
            "my_wal_005/0000000200000001000000FE.lzo",
            "0000000200000001000000FE.lzo",
            "wal_005/",
        ] {
            assert_eq!(segment_of(key), None, "{key}");
        }
    }
}
