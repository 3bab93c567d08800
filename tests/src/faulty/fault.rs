//! What a gateway can do wrong, and when. Pure.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use super::{Answer, Asked, Operation};

/// By how much clocks may differ: radosgw's `RGW_AUTH_GRACE`.
pub(super) const MOST_SKEW: Duration = Duration::from_mins(15);

/// What a gateway does wrong with one request. Places in a body are counted in bytes; one past its end is its end.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The body ends there, short of its announced length, and the connection is closed.
    Short(usize),
    /// The connection is reset there.
    Reset(usize),
    /// Nothing more comes, and the connection stays open.
    Stalled(usize),
    /// The lowest bit of that byte is flipped.
    Flipped(usize),
    /// As [`Fault::Short`], and from then on the object is another one.
    Replaced {
        /// Where.
        at: usize,
        /// The new object's bytes.
        by: Vec<u8>,
    },
    /// `Content-Length` says so many bytes more, or fewer, than come.
    Length(i64),
    /// The body comes in chunks, without `Content-Length`.
    Chunked,
    /// As [`Fault::Chunked`], and the last chunk never comes.
    Unterminated,
    /// The body comes without `Content-Length`, to the end of the connection.
    Unmeasured,
    /// No answer, and the connection stays open.
    Silent,
    /// No answer, and the connection is closed.
    Closed,
    /// An honest answer, after which the connection is closed without a word.
    ClosedAfter,
    /// Nothing more of the request's body is read after so many bytes, and the connection is closed.
    HangsUp(u64),
    /// The header of the answer never ends.
    EndlessHeader,
    /// Another answer, and the request is not carried out.
    Instead(Answer),
    /// The honest answer, changed; the request is carried out.
    Edited(Edit),
}

/// A change of an answer.
pub type Edit = fn(&mut Answer);

/// A line of the schedule.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) operation: Option<Operation>,
    pub(super) target: String,
    pub(super) nth: Range<usize>,
    pub(super) fault: Fault,
    /// How many requests it has met.
    pub(super) met: usize,
}

/// The fault that a request meets; counts it for all rules that are about it.
pub(super) fn met(schedule: &mut [Rule], asked: &Asked) -> Option<Fault> {
    let mut fault = None;
    for rule in schedule {
        let operation = rule.operation.is_none_or(|operation| operation == asked.operation());
        if operation && asked.target.contains(&rule.target) {
            if rule.nth.contains(&rule.met) && fault.is_none() {
                fault = Some(rule.fault.clone());
            }
            rule.met += 1;
        }
    }
    fault
}

/// Now, by a clock that is so much ahead.
pub(super) fn moved(ahead_seconds: i64) -> SystemTime {
    let by = Duration::from_secs(ahead_seconds.unsigned_abs());
    let now = SystemTime::now();
    if ahead_seconds < 0 { now - by } else { now + by }
}

/// How far two times are apart.
pub(super) fn apart(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other).unwrap_or_else(|before| before.duration())
}
