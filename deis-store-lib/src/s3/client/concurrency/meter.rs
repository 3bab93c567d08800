//! The measure that [`Pace`] decides by: all that has come in the epoch under way.
//!
//! Time is measured by the runtime's clock: it is about how long things take, not about the date.

use std::time::Duration;

use tokio::time::Instant;

use super::pace::{Epoch, Pace};

/// An epoch lasts at least so long, and
const EPOCH: Duration = Duration::from_millis(200);

/// takes at least so much work, so that chance does not decide.
const EPOCH_WORK: f64 = 150.0;

/// Bytes that take a gateway as long as a request by itself: at 400 MB/s against 0.7 ms.
const BYTES_PER_WORK: f64 = 262_144.0;

/// The measure. Methods that change the limit return the new one.
pub(super) struct Meter {
    pace: Pace,
    /// Counts overloads: requests that were in flight together report only one.
    generation: u64,
    began: Instant,
    work: f64,
    answers: u32,
    waited_s: f64,
    /// Requests that had to wait for their turn.
    queued: u32,
}

impl Meter {
    pub(super) fn new(most: usize) -> Self {
        let began = Instant::now();
        Self { pace: Pace::new(most), generation: 0, began, work: 0.0, answers: 0, waited_s: 0.0, queued: 0 }
    }

    pub(super) fn limit(&self) -> usize {
        self.pace.limit()
    }

    /// A request begins, perhaps after it had to wait; to be told with its overload.
    pub(super) fn begin(&mut self, waited: bool) -> u64 {
        self.queued += u32::from(waited);
        self.generation
    }

    /// So many bytes have come.
    pub(super) fn received(&mut self, bytes: usize) {
        self.work += work_of(bytes as u64);
    }

    /// The gateway has answered a request with so many bytes, whatever it said, after so long.
    pub(super) fn answered(&mut self, sent_bytes: u64, after: Duration) -> Option<usize> {
        let work = 1.0 + work_of(sent_bytes);
        self.work += work;
        self.answers += 1;
        self.waited_s += after.as_secs_f64() / work;
        let lasted = self.began.elapsed();
        if lasted < EPOCH || self.work < EPOCH_WORK {
            return None;
        }
        self.pace.epoch(&Epoch {
            work_per_s: self.work / lasted.as_secs_f64(),
            wait_s: self.waited_s / f64::from(self.answers.max(1)),
            saturated: self.queued * 4 > self.answers * 3,
        });
        Some(self.begin_epoch())
    }

    /// The gateway had too much to do, or did not answer in time.
    pub(super) fn overloaded(&mut self, generation: u64) -> Option<usize> {
        if generation != self.generation {
            return None;
        }
        self.generation += 1;
        self.pace.overloaded();
        Some(self.begin_epoch())
    }

    fn begin_epoch(&mut self) -> usize {
        (self.began, self.work, self.answers, self.waited_s, self.queued) = (Instant::now(), 0.0, 0, 0.0, 0);
        self.pace.limit()
    }
}

#[expect(clippy::cast_precision_loss)]
fn work_of(bytes: u64) -> f64 {
    bytes as f64 / BYTES_PER_WORK
}
