//! One base backup, as far as it was seen. Pure.

use jiff::Timestamp;
use serde::Deserialize;

use super::order::Order;
use crate::contents::wal_e::{BackupLabel, Control, Lsn, PartitionHeld, Segment};
use crate::restorable::ranges::Ranges;

/// How much less than its sentinel says a base backup may hold, of a hundred. The number there is a sum over the files as they
/// were when WAL-E began: a file that is deleted meanwhile is left out, and the log tells what became of it.
const MOST_DELETED_PERCENT: u64 = 5;

/// Files of this size come and go in any database.
const MOST_DELETED_BYTES: u64 = 1 << 20;

#[derive(Clone, Debug)]
pub(super) struct Base {
    /// The segment and the number of its name.
    named: (Segment, u32),
    start: Segment,
    pub(super) sentinel: Sentinel,
    pub(super) sentinel_is_lost: bool,
    /// When its sentinel was written.
    pub(super) modified: Option<Timestamp>,
    /// The version of its PostgreSQL as a number: 903 for 9.3, 1500 for 15.
    pub(super) version: Option<u32>,
    /// The numbers of the partitions that are there.
    pub(super) partitions: Ranges,
    /// An object of it that is lost.
    pub(super) lost: Option<String>,
    /// Objects that were written so that nothing can be made of them, and why.
    pub(super) broken: Vec<(String, String)>,
    /// What was read of its partitions.
    pub(super) read: Option<Read>,
}

/// A sentinel, as far as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Sentinel {
    /// There is none.
    #[default]
    None,
    /// It is there; its bytes are not what they were, or were not shown.
    Unread,
    /// WAL-E itself cannot read it.
    Broken,
    Whole {
        stop: Segment,
        /// The digits with the segment: the place within it, in decimal.
        stop_offset: Option<String>,
        expanded_size_bytes: Option<u64>,
    },
}

/// What was read of the partitions of a base backup.
#[derive(Clone, Debug, Default)]
pub(super) struct Read {
    partitions: Ranges,
    file_bytes: u64,
    labels: u64,
    label: Option<BackupLabel>,
    controls: u64,
    pub(super) control: Option<Control>,
}

#[derive(Deserialize)]
struct Text {
    wal_segment_backup_stop: String,
    wal_segment_offset_backup_stop: Option<String>,
    expanded_size_bytes: Option<u64>,
}

impl Base {
    pub(super) fn of_name(named: (Segment, u32)) -> Self {
        Self {
            named,
            start: named.0,
            sentinel: Sentinel::None,
            sentinel_is_lost: false,
            modified: None,
            version: None,
            partitions: Ranges::default(),
            lost: None,
            broken: Vec::new(),
            read: None,
        }
    }

    pub(super) fn lose(&mut self, key: &str) {
        self.lost.get_or_insert_with(|| key.to_owned());
    }

    pub(super) fn break_object(&mut self, key: &str, why: String) {
        self.broken.push((key.to_owned(), why));
    }

    pub(super) fn learn(&mut self, number: u32, held: &PartitionHeld) {
        let read = self.read.get_or_insert_with(Read::default);
        read.partitions.insert(u64::from(number));
        read.file_bytes = read.file_bytes.saturating_add(held.file_bytes);
        read.labels += u64::from(held.label.is_some());
        read.controls += u64::from(held.control.is_some());
        read.label = held.label.or(read.label.take());
        read.control = held.control.or(read.control.take());
    }

    pub(super) fn see_sentinel(&mut self, modified: Option<Timestamp>) {
        self.modified = modified;
        self.sentinel = Sentinel::Unread;
    }

    pub(super) fn show_sentinel(&mut self, bytes: Option<&[u8]>) {
        let Some(bytes) = bytes else { return };
        let text = serde_json::from_slice::<Text>(bytes).ok();
        let whole = text.and_then(|text| {
            let stop = Segment::of_name(&text.wal_segment_backup_stop)?;
            let stop_offset = text.wal_segment_offset_backup_stop;
            Some(Sentinel::Whole { stop, stop_offset, expanded_size_bytes: text.expanded_size_bytes })
        });
        self.sentinel = whole.unwrap_or(Sentinel::Broken);
    }

    /// The words are those of PostgreSQL's `version()`.
    pub(super) fn show_version(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        let Some(number) = text.trim_start().strip_prefix("PostgreSQL ") else { return };
        let number = number.split(|c: char| !(c.is_ascii_digit() || c == '.')).next().unwrap_or_default();
        let mut numbers = number.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
        let (major, minor) = (numbers.next().unwrap_or(0).min(1000), numbers.next().unwrap_or(0).min(99));
        self.version = (major > 0).then(|| if major < 10 { 100 * major + minor } else { 100 * major });
    }

    /// Whether it has a sentinel.
    pub(super) fn is_finished(&self) -> bool {
        self.sentinel != Sentinel::None || self.sentinel_is_lost
    }

    /// The segment in which it starts by its name.
    pub(super) fn named_start(&self) -> Segment {
        self.named.0
    }

    /// The segment in which its replay begins.
    pub(super) fn start(&self) -> Segment {
        self.start
    }

    /// Finds the segment in which its replay begins: its label knows it better than its name, and the label that an offline one has
    /// not is replaced by its control file.
    pub(super) fn find_start(&mut self, order: Order, is_there: impl Fn(Segment) -> bool) {
        let read = self.read.as_ref();
        let label = read.and_then(|read| read.label);
        let at_rest = read.and_then(|read| read.control?.at_rest).filter(|_| self.is_offline());
        let at_rest =
            at_rest.map(|rest| Segment { timeline: rest.timeline, number: order.of_place(rest.redo) });
        let by_name = || self.starts_by_name(order).into_iter().find(|start| is_there(*start));
        let start = label.map(|label| label.start_segment).or(at_rest).or_else(by_name);
        self.start = start.unwrap_or(self.named.0);
    }

    /// Whether WAL-E made it while the server did not run. Then it gives twice, for the start and for the stop, the first two digits
    /// of a place in its log for the segment and for the place within that (`wal_e/worker/pg/pg_controldata_worker.py`).
    fn is_offline(&self) -> bool {
        let (start, digits) = self.named;
        let Sentinel::Whole { stop, stop_offset: Some(offset), .. } = &self.sentinel else { return false };
        u64::from(digits) == start.number & 0xffff_ffff
            && *stop == start
            && u32::from_str_radix(offset, 16) == Ok(digits)
    }

    /// The segments in which it may start, the first of them first. The place of which an offline one's name has two digits had seven
    /// or eight.
    fn starts_by_name(&self, order: Order) -> Vec<Segment> {
        let (start, offset) = self.named;
        if !self.is_offline() || offset > 0xff {
            return vec![start];
        }
        let place = |shift: u32| Lsn(start.number & !0xffff_ffff | u64::from(offset) << shift);
        let number = |shift| order.of_place(place(shift));
        [20, 24].map(|shift| Segment { number: number(shift), ..start }).to_vec()
    }

    /// The last segment that it needs to become consistent.
    pub(super) fn stop(&self) -> u64 {
        match self.sentinel {
            Sentinel::Whole { stop, .. } if !self.is_offline() => stop.number.max(self.start.number),
            _ => self.start.number,
        }
    }

    /// The place at which it stops, if its sentinel says it.
    pub(super) fn stop_place(&self, order: Order) -> Option<Lsn> {
        match self.sentinel {
            Sentinel::Whole { stop, stop_offset: Some(ref offset), .. } if !self.is_offline() => {
                let (begin, offset) = (order.begin_of(stop.number)?, offset.parse::<u32>().ok()?);
                Some(Lsn(begin.0.saturating_add(offset.into())))
            }
            _ => None,
        }
    }

    /// The first number that is missing among its partitions.
    pub(super) fn missing_partition(&self) -> Option<u64> {
        match self.partitions.iter().next() {
            Some((0, last)) => (self.partitions.count() > last + 1).then_some(last + 1),
            _ => Some(0),
        }
    }

    /// What is wrong with what its partitions hold together, if all of them were read.
    pub(super) fn wrong(&self) -> Option<String> {
        let read = self.read.as_ref().filter(|read| read.partitions == self.partitions)?;
        if read.label.is_none() && !self.is_offline() {
            return Some("none of its partitions holds `backup_label`: a part of it is missing".to_owned());
        }
        if read.label.is_none() && read.control.is_some_and(|control| control.at_rest.is_none()) {
            return Some(
                "it was made as of a database at rest, and its `pg_control` does not say that this was at rest".to_owned(),
            );
        }
        if read.control.is_none() {
            return Some(
                "none of its partitions holds `global/pg_control`: a part of it is missing".to_owned(),
            );
        }
        if read.labels > 1 || read.controls > 1 {
            return Some("it has two of its files twice: a partition is of another base backup".to_owned());
        }
        let Sentinel::Whole { expanded_size_bytes: Some(expected), .. } = self.sentinel else { return None };
        let fewest = expected.saturating_sub((expected / 100 * MOST_DELETED_PERCENT).max(MOST_DELETED_BYTES));
        if read.file_bytes < fewest || (read.file_bytes > expected && expected > 0) {
            let held = read.file_bytes;
            return Some(format!("its files have {held} bytes together, and its sentinel says {expected}"));
        }
        None
    }
}
