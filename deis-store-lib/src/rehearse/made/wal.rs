//! Made write-ahead log, as PostgreSQL 9.3 lays it out: segments of 16 MiB with true page headers, and the small
//! files beside them. Pure.
//!
//! Only the headers of the pages are true, and the first record of each segment, which says that the log goes on in the next one.
//! The rest holds no records, so no server can replay them. A test of replay must not use these segments.

use super::lzop::Packer;
use super::sequence::Sequence;
use crate::contents::wal_e::{Lsn, SEGMENT_BYTES};

const PAGE_BYTES: usize = 8192;
/// `XLOG_PAGE_MAGIC` of 9.3.
const MAGIC: u16 = 0xd075;
/// `XLP_LONG_HEADER`: the header of a segment's first page also describes the segment.
const LONG_HEADER: u16 = 2;

/// The distance of a place from the beginning of its segment.
pub(super) fn offset_of(place: Lsn) -> u64 {
    place.0 % SEGMENT_BYTES
}

/// A segment of a timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment {
    pub(super) timeline: u32,
    /// The number from the beginning of the log. Unlike the name, it counts without a jump.
    pub(super) number: u64,
}

impl Segment {
    /// The segment that holds a place.
    pub(super) fn of(timeline: u32, lsn: Lsn) -> Self {
        Self { timeline, number: lsn.0 / SEGMENT_BYTES }
    }

    /// The name of 24 hexadecimal digits: timeline, log, segment.
    pub(super) fn name(self) -> String {
        format!("{:08X}{:08X}{:08X}", self.timeline, self.number >> 8, self.number & 0xff)
    }

    fn page_address(self, page: usize) -> u64 {
        self.number * SEGMENT_BYTES + (page * PAGE_BYTES) as u64
    }
}

/// The source of a segment's pages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content {
    /// The segment for which the pages were written. After a switch, the new timeline's first segment is a copy of the
    /// old one.
    pub(super) written_as: Segment,
    /// The cluster's system identifier.
    pub(super) system: u64,
    /// The seed from which the pages are made.
    pub(super) seed: u64,
}

/// A segment, packed.
pub(super) fn packed(content: Content, packed_at: i64) -> Vec<u8> {
    let mut noise = Sequence::new(content.seed, &content.written_as.name());
    let pages = usize::try_from(SEGMENT_BYTES).unwrap_or(0) / PAGE_BYTES;
    let used_pages = usize::try_from(10 + noise.below(20)).unwrap_or(0);
    let mut packer = Packer::new(packed_at);
    for number in 0..pages {
        let mut page = header(&content, number);
        if number == 0 {
            page.extend_from_slice(&switch(&content));
        }
        let header_bytes = page.len();
        page.resize(PAGE_BYTES, 0);
        if number < used_pages {
            noise.fill(&mut page[header_bytes..]);
        }
        packer.push(&page);
    }
    packer.finish()
}

/// `XLogPageHeaderData`, and for the first page of a segment `XLogLongPageHeaderData`.
fn header(content: &Content, page: usize) -> Vec<u8> {
    let mut header = Vec::with_capacity(PAGE_BYTES);
    let info = if page == 0 { LONG_HEADER } else { 0 };
    header.extend_from_slice(&MAGIC.to_le_bytes());
    header.extend_from_slice(&info.to_le_bytes());
    header.extend_from_slice(&content.written_as.timeline.to_le_bytes());
    header.extend_from_slice(&content.written_as.page_address(page).to_le_bytes());
    // No record continues from the page before; then padding.
    header.extend_from_slice(&[0; 8]);
    if page == 0 {
        header.extend_from_slice(&content.system.to_le_bytes());
        header.extend_from_slice(&(16_u32 << 20).to_le_bytes());
        header.extend_from_slice(&8192_u32.to_le_bytes());
    }
    header
}

/// `XLogRecord` of an `XLOG_SWITCH`: what follows in the segment is no part of the log.
fn switch(content: &Content) -> [u8; 32] {
    const BYTES: u8 = 32;
    const XLOG_SWITCH: u8 = 0x40;
    let mut record = [0; BYTES as usize];
    record[0] = BYTES;
    record[12] = XLOG_SWITCH;
    let previous = content.written_as.page_address(0).saturating_sub(u64::from(BYTES));
    record[16..24].copy_from_slice(&previous.to_le_bytes());
    record
}

/// The file with the place at which a timeline left its parent.
pub(super) fn history(parent: u32, switch: Lsn) -> String {
    format!("{parent}\t{switch}\tno recovery target specified\n")
}

#[cfg(test)]
mod tests {
    use super::super::unpack;
    use super::*;

    #[test]
    fn a_name_goes_on_after_ff_with_the_next_log() {
        let name = |number| Segment { timeline: 10, number }.name();
        assert_eq!(name(0xff), "0000000A00000000000000FF");
        assert_eq!(name(0x100), "0000000A0000000100000000");
        assert_eq!(Segment::of(1, Lsn(0x1_0200_0028)).number, 0x102);
    }

    #[test]
    fn every_page_of_a_segment_has_a_true_header() {
        let segment = Segment { timeline: 2, number: 0x101 };
        let raw = unpack::file(&packed(Content { written_as: segment, system: 7, seed: 1 }, 0));
        assert_eq!(raw.len(), 16 << 20);
        let u64_at = |place: usize| u64::from_le_bytes(raw[place..place + 8].try_into().unwrap());
        for (number, page) in raw.chunks(8192).enumerate() {
            assert_eq!(page[..2], [0x75, 0xd0]);
            assert_eq!(page[2..8], [if number == 0 { 2 } else { 0 }, 0, 2, 0, 0, 0]);
            assert_eq!(u64_at(number * 8192 + 8), 0x1_0100_0000 + number as u64 * 8192);
            assert_eq!(page[16..20], [0; 4], "no record goes on from the page before");
        }
        assert_eq!(u64_at(24), 7);
        assert_eq!(raw[32..40], [0, 0, 0, 1, 0, 32, 0, 0]);
    }
}
