//! The head of a record of the log: what it is, and when a transaction was committed. Pure.

use super::super::fields::{i64_at, u64_at};
use super::release::Layout;

/// No record's header, with what comes before the time of a commit, has more bytes.
pub(super) const HEAD_BYTES: usize = 64;

/// 2000-01-01 UTC, from which PostgreSQL counts.
const EPOCH_US: i64 = 946_684_800_000_000;

/// `RM_XLOG_ID` and its `XLOG_SWITCH`; `RM_XACT_ID`.
const LOG: u8 = 0;
const SWITCH: u8 = 0x40;
const TRANSACTION: u8 = 1;

/// What may stand before the data of a record since 9.5, by the byte with which it begins.
const DATA_SHORT: u8 = 255;
const DATA_LONG: u8 = 254;
const ORIGIN: u8 = 253;
const TOP_TRANSACTION: u8 = 252;

/// The first bytes of a record, as far as they were read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    pub(super) layout: Layout,
    pub(super) bytes: &'a [u8],
}

impl Head<'_> {
    /// The place of the record before it. Nothing if the header is not whole yet.
    pub(super) fn previous(self) -> Option<u64> {
        let at = match self.layout {
            Layout::V90 | Layout::V93 => 16,
            Layout::V95 => 8,
        };
        self.bytes.get(..self.layout.record_header_bytes())?;
        u64_at(self.bytes, at)
    }

    /// Whether the log goes on in the next segment, whatever is left of this one.
    pub(super) fn is_switch(self) -> bool {
        self.kind().is_some_and(|(manager, info)| manager == LOG && info & 0xf0 == SWITCH)
    }

    /// The time of a commit, in microseconds since 1970.
    pub(super) fn commit_us(self) -> Option<i64> {
        let (manager, info) = self.kind()?;
        if manager != TRANSACTION {
            return None;
        }
        let at = match self.layout {
            Layout::V90 => return None,
            // The transaction that was prepared stands before its time.
            Layout::V93 => match info & 0xf0 {
                0x00 | 0x60 => 32,
                0x30 => 40,
                _ => return None,
            },
            Layout::V95 => match info & 0x70 {
                0x00 | 0x30 => self.data_at()?,
                _ => return None,
            },
        };
        i64_at(self.bytes, at)?.checked_add(EPOCH_US)
    }

    /// The manager of the record, and what it is to that.
    fn kind(self) -> Option<(u8, u8)> {
        let at = match self.layout {
            Layout::V90 | Layout::V93 => 12,
            Layout::V95 => 16,
        };
        Some((*self.bytes.get(at + 1)?, *self.bytes.get(at)?))
    }

    /// Where the data begins of a record that changes no page.
    fn data_at(self) -> Option<usize> {
        let mut at = self.layout.record_header_bytes();
        loop {
            at = match *self.bytes.get(at)? {
                ORIGIN => at + 3,
                TOP_TRANSACTION => at + 5,
                DATA_SHORT => return Some(at + 2),
                DATA_LONG => return Some(at + 5),
                _ => return None,
            };
        }
    }
}
