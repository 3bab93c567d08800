//! A segment of the write-ahead log, as its bytes come by: whether it is whole and the one that its name says, and where its records
//! end. Pure.
//!
//! No more than a page is held. Of PostgreSQL 9.0 to 9.2 only the header of the segment is read, and its records are taken to fill it.

mod page;
mod record;
mod release;
mod walk;

use self::page::{LONG_HEADER_BYTES, PageHeader};
use self::release::Layout;
use self::walk::{Walk, Walked};
use super::fields::u16_at;
use super::lsn::Lsn;
use super::segment::Segment;

/// The sizes of segments and pages with which a server can be built or initialised.
const SEGMENT_SIZES: std::ops::RangeInclusive<u32> = 1 << 20..=1 << 30;
const PAGE_SIZES: std::ops::RangeInclusive<u32> = 1 << 10..=1 << 16;

/// A segment that was read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeld {
    /// The database's system identifier.
    pub(crate) system_id: u64,
    /// The size of each segment of the database.
    pub(crate) segment_bytes: u64,
    /// Where the last record ends that is whole by the end of this segment: what `pg_last_wal_replay_lsn` says if no other segment
    /// follows. The beginning of the segment, if no record ends in it. The beginning of the next one after a switch.
    pub(crate) end: Lsn,
    /// Whether the log goes on in the next segment: a record does, or the last one ends with this segment or says so.
    pub(crate) is_full: bool,
    /// The time of the last commit whose record is whole in this segment, in microseconds since 1970.
    pub(crate) last_commit_us: Option<i64>,
}

/// A segment that is being read. Errors are plain sentences that say what is broken.
#[derive(Debug)]
pub(super) struct LogSegment {
    named: Segment,
    read_bytes: u64,
    page: Vec<u8>,
    opened: Option<Opened>,
}

/// What the first page has said.
#[derive(Debug)]
struct Opened {
    header: PageHeader,
    system_id: u64,
    segment_bytes: u64,
    page_bytes: usize,
    walk: Walk,
}

impl LogSegment {
    /// A segment of which nothing was read yet.
    pub(super) fn new(named: Segment) -> Self {
        Self { named, read_bytes: 0, page: Vec::new(), opened: None }
    }

    /// Reads the next bytes.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        while !bytes.is_empty() {
            let page_bytes = self.opened.as_ref().map_or(LONG_HEADER_BYTES, |opened| opened.page_bytes);
            let wanted = page_bytes.saturating_sub(self.page.len()).min(bytes.len());
            let (now, later) = bytes.split_at(wanted);
            self.page.extend_from_slice(now);
            self.read_bytes = self.read_bytes.saturating_add(wanted as u64);
            bytes = later;
            if self.page.len() < page_bytes {
                continue;
            }
            match &mut self.opened {
                None => self.opened = Some(Opened::of(&self.page, self.named)?),
                Some(opened) if self.read_bytes > opened.segment_bytes => {
                    return Err(format!("the segment has more than {} bytes", opened.segment_bytes));
                }
                Some(opened) => {
                    if opened.header.layout != Layout::V90 {
                        opened.walk.page(&self.page);
                    }
                    self.page.clear();
                }
            }
        }
        Ok(())
    }

    /// What was read of a segment with these bytes and no others.
    pub(super) fn finish(self) -> Result<SegmentHeld, String> {
        let Some(opened) = self.opened else {
            return Err(format!("the segment has {} bytes, which is less than a header", self.read_bytes));
        };
        let Opened { header, system_id, segment_bytes, walk, .. } = opened;
        if self.read_bytes != segment_bytes {
            return Err(format!("the segment has {} bytes and not {segment_bytes}", self.read_bytes));
        }
        let Walked { end, is_full, last_commit_us } = match header.layout {
            Layout::V90 => Walked {
                end: header.address.saturating_add(segment_bytes),
                is_full: true,
                last_commit_us: None,
            },
            Layout::V93 | Layout::V95 => walk.finish(),
        };
        Ok(SegmentHeld { system_id, segment_bytes, end: Lsn(end), is_full, last_commit_us })
    }
}

impl Opened {
    /// Reads the header of the first page, and holds it against the name.
    fn of(page: &[u8], named: Segment) -> Result<Self, String> {
        let magic = u16_at(page, 0).unwrap_or_default();
        let header = PageHeader::parse(page).ok_or_else(|| {
            format!("the segment begins as that of an unknown release of PostgreSQL ({magic:#06x})")
        })?;
        let long = header.long.ok_or("the segment begins with a page from its middle")?;
        if !long.segment_bytes.is_power_of_two() || !SEGMENT_SIZES.contains(&long.segment_bytes) {
            return Err(format!(
                "the segment says that it has {} bytes, which cannot be",
                long.segment_bytes
            ));
        }
        if !long.page_bytes.is_power_of_two() || !PAGE_SIZES.contains(&long.page_bytes) {
            return Err(format!(
                "the segment says that its pages have {} bytes, which cannot be",
                long.page_bytes
            ));
        }
        let segment_bytes = u64::from(long.segment_bytes);
        if header.address % segment_bytes != 0 {
            return Err(format!("the segment begins at {}, where no segment does", Lsn(header.address)));
        }
        let is =
            Segment { timeline: header.timeline, number: Lsn(header.address).segment_number(segment_bytes) };
        // The first segment of a timeline is a copy of its parent's, with the pages of that up to the switch.
        if is.number != named.number || is.timeline > named.timeline {
            return Err(format!("the object is the segment {}, not {}", is.name(), named.name()));
        }
        let page_bytes = usize::try_from(long.page_bytes).unwrap_or(usize::MAX);
        let walk = Walk::new(header, (segment_bytes, page_bytes), named.timeline);
        Ok(Self { header, system_id: long.system_id, segment_bytes, page_bytes, walk })
    }
}
