//! Walks from record to record through the pages of a segment, as a server does that replays it. Pure.
//!
//! The first thing that is not as it must be is the end of the log, and no error: a server takes it for that too. It is found by
//! the headers of the pages and by the record before, which each record names. The checksums of records are not computed: what
//! was changed within an object shows in the checksums of its packing.

use super::super::fields::u32_at;
use super::page::PageHeader;
use super::record::{HEAD_BYTES, Head};

/// Places of records are multiples of it.
const ALIGN_BYTES: usize = 8;
/// No server reads or writes a longer record.
const MOST_RECORD_BYTES: u32 = 1 << 30;

/// A walk through one segment.
#[derive(Debug)]
pub(super) struct Walk {
    /// The header of the first page.
    first: PageHeader,
    segment_bytes: u64,
    page_bytes: usize,
    /// The timeline of the segment's name; pages may be of its ancestors.
    timeline: u32,
    /// The timeline of the page before.
    page_timeline: u32,
    pages: u64,
    state: State,
    /// The last whole record that began in this segment.
    previous: Option<u64>,
    end: u64,
    last_commit_us: Option<i64>,
}

#[derive(Debug)]
enum State {
    /// A record begins next.
    Between,
    Record(Begun),
    /// So many bytes of a record are still to come that began in an earlier segment.
    Earlier {
        left_bytes: u64,
    },
    /// The log has ended.
    Ended,
    /// The log goes on in the next segment.
    Switched,
}

/// A record that has begun in this segment.
#[derive(Debug)]
struct Begun {
    start: u64,
    head: Vec<u8>,
    /// How much of it is still to come.
    left_bytes: u64,
}

/// Where a walk has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Walked {
    pub(super) end: u64,
    pub(super) is_full: bool,
    pub(super) last_commit_us: Option<i64>,
}

impl Walk {
    /// A walk from the first page on.
    pub(super) fn new(first: PageHeader, (segment_bytes, page_bytes): (u64, usize), timeline: u32) -> Self {
        Self {
            first,
            segment_bytes,
            page_bytes,
            timeline,
            page_timeline: first.timeline,
            pages: 0,
            state: State::Between,
            previous: None,
            end: first.address,
            last_commit_us: None,
        }
    }

    /// Walks through the next page.
    pub(super) fn page(&mut self, page: &[u8]) {
        if matches!(self.state, State::Ended | State::Switched) {
            return;
        }
        let address = self.first.address.saturating_add(self.pages.saturating_mul(self.page_bytes as u64));
        let header = PageHeader::parse(page).filter(|header| self.continues(header, address));
        self.pages += 1;
        let Some(header) = header else {
            self.state = State::Ended;
            return;
        };
        self.page_timeline = header.timeline;
        let mut at = header.bytes();
        while at < page.len() {
            let Some(next) = self.step(page, at, address) else { return };
            at = next;
        }
    }

    /// Where it has ended.
    pub(super) fn finish(self) -> Walked {
        let segment_end = self.first.address.saturating_add(self.segment_bytes);
        let (end, is_full) = match self.state {
            State::Switched => (segment_end, true),
            State::Record(_) | State::Earlier { .. } => (self.end, true),
            State::Between => (self.end, self.end == segment_end),
            State::Ended => (self.end, false),
        };
        Walked { end, is_full, last_commit_us: self.last_commit_us }
    }

    /// Whether the page is the next one of the log, and goes on as the one before has ended.
    fn continues(&mut self, header: &PageHeader, address: u64) -> bool {
        let is_next = header.magic == self.first.magic
            && header.address == address
            && !header.has_unknown_info()
            && (self.page_timeline..=self.timeline).contains(&header.timeline)
            && header.long.is_none_or(|long| Some(long) == self.first.long);
        if !is_next {
            return false;
        }
        let remaining_bytes = u64::from(header.remaining_bytes);
        match &self.state {
            State::Between if self.pages == 0 && header.first_is_continued() => {
                self.state = State::Earlier { left_bytes: remaining_bytes };
                remaining_bytes > 0
            }
            State::Between => !header.first_is_continued(),
            State::Record(Begun { left_bytes, .. }) | State::Earlier { left_bytes }
                if header.first_is_continued() =>
            {
                *left_bytes == remaining_bytes
            }
            State::Record(_) | State::Earlier { .. } if header.first_is_overwritten() => {
                self.state = State::Between;
                true
            }
            _ => false,
        }
    }

    /// Takes what is at a place of a page. Gives the place behind it; nothing if the log has ended.
    fn step(&mut self, page: &[u8], at: usize, address: u64) -> Option<usize> {
        let available = page.len().saturating_sub(at) as u64;
        // The log has ended, unless something below says that it goes on.
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Between => {
                let total_bytes = u32_at(page, at)?;
                let least_bytes = self.first.layout.record_header_bytes() as u64;
                if u64::from(total_bytes) < least_bytes || total_bytes > MOST_RECORD_BYTES {
                    return None;
                }
                let (start, head) = (address.saturating_add(at as u64), Vec::with_capacity(HEAD_BYTES));
                self.state = State::Record(Begun { start, head, left_bytes: total_bytes.into() });
                Some(at)
            }
            State::Earlier { left_bytes } => {
                let taken = available.min(left_bytes);
                let next = behind(at, taken);
                if taken < left_bytes {
                    self.state = State::Earlier { left_bytes: left_bytes - taken };
                } else {
                    self.end = address.saturating_add(next as u64);
                    self.state = State::Between;
                }
                Some(next)
            }
            State::Record(mut record) => {
                let taken = record.take(page.get(at..)?);
                let head = Head { layout: self.first.layout, bytes: &record.head };
                if head.previous().is_some_and(|previous| !self.follows(previous)) {
                    return None;
                }
                let next = behind(at, taken);
                if record.left_bytes > 0 {
                    self.state = State::Record(record);
                    return Some(next);
                }
                self.previous = Some(record.start);
                self.end = address.saturating_add(next as u64);
                self.last_commit_us = head.commit_us().or(self.last_commit_us);
                if head.is_switch() {
                    self.state = State::Switched;
                    return None;
                }
                self.state = State::Between;
                Some(next)
            }
            state @ (State::Ended | State::Switched) => {
                self.state = state;
                None
            }
        }
    }

    /// Whether the record that a header names is the one before it. That of the first record lies in an earlier segment.
    fn follows(&self, previous: u64) -> bool {
        self.previous.map_or(previous < self.first.address, |expected| previous == expected)
    }
}

impl Begun {
    /// Takes what is of the record, and says how many bytes that are.
    fn take(&mut self, bytes: &[u8]) -> u64 {
        let taken = self.left_bytes.min(bytes.len() as u64);
        let of_head = HEAD_BYTES.saturating_sub(self.head.len());
        let record = bytes.get(..usize::try_from(taken).unwrap_or(usize::MAX)).unwrap_or(bytes);
        self.head.extend(record.iter().take(of_head));
        self.left_bytes -= taken;
        taken
    }
}

/// The place behind so many bytes, where a record may begin.
fn behind(at: usize, bytes: u64) -> usize {
    at.saturating_add(usize::try_from(bytes).unwrap_or(usize::MAX)).next_multiple_of(ALIGN_BYTES)
}
