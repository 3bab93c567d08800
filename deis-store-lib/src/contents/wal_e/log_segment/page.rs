//! The headers of the log's pages. Pure.

use super::super::fields::{u16_at, u32_at, u64_at};
use super::release::Layout;

/// The longest header of a page: that of a segment's first one.
pub(super) const LONG_HEADER_BYTES: usize = 40;

/// The page begins with the rest of a record of the page before.
const FIRST_IS_CONTINUED: u16 = 0x1;
const LONG_HEADER: u16 = 0x2;
/// The record that the page before has begun has no rest (since PostgreSQL 14).
const FIRST_IS_OVERWRITTEN: u16 = 0x8;
const KNOWN_INFO: u16 = 0xf;

/// The header of a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageHeader {
    pub(super) magic: u16,
    pub(super) layout: Layout,
    info: u16,
    pub(super) timeline: u32,
    /// The place of the page in the log.
    pub(super) address: u64,
    /// How much of a record that began before the page is still to come.
    pub(super) remaining_bytes: u32,
    /// Only the first page of a segment must have it.
    pub(super) long: Option<LongHeader>,
}

/// The part of a header that describes the segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LongHeader {
    pub(super) system_id: u64,
    pub(super) segment_bytes: u32,
    pub(super) page_bytes: u32,
}

impl PageHeader {
    /// Reads the beginning of a page. Nothing if no known release has written it.
    pub(super) fn parse(page: &[u8]) -> Option<Self> {
        let (magic, info) = (u16_at(page, 0)?, u16_at(page, 2)?);
        let layout = Layout::of(magic)?;
        // Until 9.2 a place has its upper half first, and no length of a rest follows.
        let (address, remaining_bytes, long_at) = match layout {
            Layout::V90 => (u64::from(u32_at(page, 8)?) << 32 | u64::from(u32_at(page, 12)?), 0, 16),
            Layout::V93 | Layout::V95 => (u64_at(page, 8)?, u32_at(page, 16)?, 24),
        };
        let long = if info & LONG_HEADER == 0 { None } else { Some(LongHeader::parse(page, long_at)?) };
        Some(Self { magic, layout, info, timeline: u32_at(page, 4)?, address, remaining_bytes, long })
    }

    /// The size of the header, since 9.3.
    pub(super) fn bytes(&self) -> usize {
        if self.long.is_some() { LONG_HEADER_BYTES } else { 24 }
    }

    pub(super) fn has_unknown_info(&self) -> bool {
        self.info & !KNOWN_INFO != 0
    }

    pub(super) fn first_is_continued(&self) -> bool {
        self.info & FIRST_IS_CONTINUED != 0
    }

    pub(super) fn first_is_overwritten(&self) -> bool {
        self.info & FIRST_IS_OVERWRITTEN != 0
    }
}

impl LongHeader {
    fn parse(page: &[u8], at: usize) -> Option<Self> {
        Some(Self {
            system_id: u64_at(page, at)?,
            segment_bytes: u32_at(page, at + 8)?,
            page_bytes: u32_at(page, at + 12)?,
        })
    }
}
